"""The main job through Meltano in a fresh clone."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.tap import TapIntercomAccess
from tests.docs import block
from tests.meltano import meltano
from tests.tap import ON_REQUEST, ROOT, run_command, run_tap

PROJECT = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
EXTRACTOR = PROJECT["plugins"]["extractors"][0]
DEFINITION = yaml.safe_load((ROOT / "tap-intercom-access.yml").read_text(encoding="utf-8"))
KINDS = {
    "string": "string",
    "number": "integer",  # Meltano 4.4 cannot hand on a decimal from the environment
    "integer": "integer",
    "boolean": "boolean",
    "object": "object",
    "array": "array",
}


def about() -> dict[str, Any]:
    described: dict[str, Any] = json.loads(run_tap("--about", "--format=json").stdout)
    return described


def settings_block() -> str:
    """Return all settings as `hub/make.py settings` prints them for a project's meltano.yml."""
    return run_command(sys.executable, ROOT / "hub" / "make.py", "settings").stdout


def test_its_settings_are_the_taps_own() -> None:
    described = about()
    settings = {setting["name"]: setting for setting in EXTRACTOR["settings"]}
    schema = described["settings"]["properties"]

    assert list(settings) == list(schema)
    for name, setting in settings.items():
        assert setting["kind"] == KINDS[schema[name]["type"][0]], name
        assert setting["label"] == schema[name]["title"], name
        assert setting["description"] == schema[name]["description"], name
        assert setting.get("value") == schema[name].get("default"), name
        assert setting.get("sensitive", False) == schema[name].get("secret", False), name
    assert EXTRACTOR["settings_group_validation"] == [described["settings"]["required"]]


def test_its_capabilities_are_the_taps_own() -> None:
    assert EXTRACTOR["capabilities"] == sorted(about()["capabilities"])
    assert TapIntercomAccess.name == EXTRACTOR["name"]


def test_the_definition_file_is_the_same_but_for_the_package() -> None:
    own = {"pip_url", "select", "variant"}  # Meltano 4.4 ignores select in a definition file

    assert {key: value for key, value in DEFINITION.items() if key not in own} == {
        key: value for key, value in EXTRACTOR.items() if key not in own
    }


def test_every_project_declares_every_setting() -> None:
    settings = f"    settings:\n{settings_block()}"

    assert block("Paste this into", "yaml").endswith(settings)
    for example in ("access-review", "governance-export"):
        text = (ROOT / "examples" / example / "meltano.yml").read_text(encoding="utf-8")
        assert settings in text, example


SELECT_LIST = re.compile(r"""["']\*\.\*["'](?:[^\]\n]|\n *- )*""")
"""A list of selected streams that begins with all of them, as Meltano understands it."""

FILES = ("*.yml", "*.md", "docs/*.md", "hub/*.*", "examples/*/*.*")
SELECT_LISTS = [
    (path.relative_to(ROOT).as_posix(), found)
    for pattern in FILES
    for path in sorted(ROOT.glob(pattern))
    if path.suffix in {".md", ".py", ".sh", ".yml"}
    for found in SELECT_LIST.findall(path.read_text(encoding="utf-8"))
]
SELECTED_ON_REQUEST = {
    "docs/activity-logs.md": {"activity_logs"},
    "examples/access-review/README.md": {"workspaces"},
    "examples/access-review/meltano.yml": {"activity_logs", "workspaces"},
}


@pytest.mark.parametrize(("path", "select"), SELECT_LISTS, ids=lambda text: text[:40])
def test_every_list_of_selected_streams_leaves_out_those_on_request(path: str, select: str) -> None:
    left_out = {*ON_REQUEST} - SELECTED_ON_REQUEST.get(path, set())

    assert {*re.findall(r"!(\w+)\.\*", select)} == left_out


def test_all_lists_of_selected_streams_are_found() -> None:
    project = {"meltano.yml", "docs/meltano.md", "hub/make.py", "hub/tap-intercom-access.yml"}

    assert {path for path, _ in SELECT_LISTS} >= project | SELECTED_ON_REQUEST.keys()


@pytest.mark.targets
@pytest.mark.xdist_group("meltano")
def test_each_run_of_the_main_job_writes_the_same_list_into_its_own_files(
    project: Path, sandbox: Sandbox
) -> None:
    for _ in range(2):
        done = meltano(project, "run", "tap-intercom-access", "target-jsonl", **sandbox.settings)
        assert done.returncode == 0, done.stderr

    lines = sorted(
        (path.name.partition("-")[0], len(path.read_text(encoding="utf-8").splitlines()))
        for path in (project / "output").iterdir()
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
    assert "regenerate it in Intercom's Developer Hub" in " ".join(done.stderr.split())


@pytest.mark.targets
@pytest.mark.xdist_group("meltano")
def test_another_loader_takes_the_three_documented_lines(project: Path, sandbox: Sandbox) -> None:
    lines = block("Another loader takes three lines", "yaml")
    assert len(lines.splitlines()) == 3
    with (project / "meltano.yml").open("a", encoding="utf-8") as file:
        file.write(lines)

    done = meltano(project, "run", "tap-intercom-access", "target-csv", **sandbox.settings)

    assert done.returncode == 0, done.stderr
    assert len((project / "teams.csv").read_text(encoding="utf-8").splitlines()) == 1 + 4
