"""The main job through Meltano in a fresh clone."""

from pathlib import Path

import pytest

from tap_intercom_access.sandbox.server import Sandbox
from tests.docs import block
from tests.meltano import meltano
from tests.tap import ROOT


@pytest.mark.targets
@pytest.mark.xdist_group("meltano")
def test_each_run_of_the_main_job_writes_the_same_list_into_its_own_files(
    project: Path, sandbox: Sandbox
) -> None:
    output = project / "output"
    earlier = set(output.glob("*"))  # other tests run in the same project
    for _ in range(2):
        done = meltano(project, "run", "tap-intercom-access", "target-jsonl", **sandbox.settings)
        assert done.returncode == 0, done.stderr

    lines = sorted(
        (path.name.partition("-")[0], len(path.read_text(encoding="utf-8").splitlines()))
        for path in set(output.iterdir()) - earlier
    )
    expected = [("admins", 13), ("team_memberships", 13), ("teams", 4)]
    assert lines == sorted(expected * 2)
    assert (project / "meltano.yml").read_bytes() == (ROOT / "meltano.yml").read_bytes()


@pytest.mark.targets
@pytest.mark.xdist_group("meltano")
def test_the_connection_test_passes(project: Path, sandbox: Sandbox) -> None:
    done = meltano(project, "config", "test", "tap-intercom-access", **sandbox.settings)

    assert done.returncode == 0, done.stderr
    assert "Plugin configuration is valid" in done.stdout


@pytest.mark.targets
@pytest.mark.xdist_group("meltano")
def test_the_connection_test_advises_on_a_wrong_token(project: Path, sandbox: Sandbox) -> None:
    wrong = sandbox.settings | {"TAP_INTERCOM_ACCESS_ACCESS_TOKEN": "wrong"}
    done = meltano(project, "config", "test", "tap-intercom-access", **wrong)

    assert done.returncode == 1
    assert "copy it again from Intercom's Developer Hub" in " ".join(done.stderr.split())


@pytest.mark.targets
@pytest.mark.xdist_group("meltano")
def test_another_loader_takes_the_three_documented_lines(project: Path, sandbox: Sandbox) -> None:
    lines = block("To use another loader, add three lines", "yaml")
    assert len(lines.splitlines()) == 3
    with (project / "meltano.yml").open("a", encoding="utf-8") as file:
        file.write(lines)

    done = meltano(project, "run", "tap-intercom-access", "target-csv", **sandbox.settings)

    assert done.returncode == 0, done.stderr
    assert len((project / "teams.csv").read_text(encoding="utf-8").splitlines()) == 1 + 4
