"""The tap in other programs, as in docs/schedulers.md and docs/python.md."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import yaml

from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.tap import TapIntercomAccess
from tests import faults
from tests.docs import PAGES, block
from tests.tap import BIN, NEEDS_POSIX, POSIX, ROOT, Result, run_command

SHELLS = [shell for shell in ("sh", "dash", "bash") if shutil.which(shell)]
DOCKER = ROOT / "examples" / "docker"


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
@pytest.mark.parametrize(
    ("language", "shell"), [("bash", "bash"), *(("sh", shell) for shell in SHELLS)]
)
def test_without_meltano_the_command_fails_when_the_tap_fails(
    language: str, shell: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    config = json.loads(block("Write a file `config.json`", "json")) | {
        "base_url": sandbox.base_url
    }
    target = tmp_path / "target-jsonl"
    target.write_text("#!/bin/sh\ngrep -c RECORD\ntrue\n")
    target.chmod(0o755)

    runs = {}
    for token in (sandbox.token, "wrong"):
        (tmp_path / "config.json").write_text(json.dumps(config | {"access_token": token}))
        command = (shell, "-c", block("## Run the command", language))
        path = f"{tmp_path}:{BIN}:/usr/bin:/bin"
        runs[token] = run_command(*command, cwd=tmp_path, PATH=path)

    assert runs[sandbox.token].code == 0, runs[sandbox.token].stderr
    assert runs[sandbox.token].stdout.strip() == "30"
    assert runs["wrong"].code == 1
    assert "HTTP 401" in runs["wrong"].stderr


def test_the_documented_workflow_is_valid_and_secure(tmp_path: Path) -> None:
    path = tmp_path / ".github" / "workflows" / "nightly.yml"
    path.parent.mkdir(parents=True)
    path.write_text(block("## GitHub Actions", "yaml"), encoding="utf-8")
    check = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows"]

    subprocess.run([*check, str(path)], check=True)
    subprocess.run([str(BIN / "zizmor"), "--offline", "--quiet", str(path)], check=True)


def test_documented_workflows_use_the_actions_of_this_repository() -> None:
    workflows = ROOT.glob(".github/workflows/*.yml")
    ours = set(re.findall(r"uses: (\S+)", "".join(path.read_text() for path in workflows)))

    assert set(re.findall(r"uses: (\S+)", "".join(PAGES.values()))) <= ours


def test_the_kubernetes_job_has_no_unneeded_privileges() -> None:
    cron_job = yaml.safe_load(block("## Kubernetes", "yaml"))

    pod = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["restartPolicy"] == "Never"
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert "secretKeyRef" in container["env"][1]["valueFrom"]


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
def test_the_dockerfile_passes_its_linter() -> None:
    subprocess.run([str(BIN / "hadolint"), str(DOCKER / "Dockerfile")], check=True)


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
def test_the_container_writes_to_its_temporary_folder_only(tmp_path: Path) -> None:
    project, temporary, commands = (tmp_path / name for name in ("project", "tmp", "bin"))
    for folder in (project / ".meltano" / "extractors" / "tap", project / ".meltano" / "run"):
        folder.mkdir(parents=True)
    temporary.mkdir()
    commands.mkdir()
    meltano = commands / "meltano"
    meltano.write_text('#!/bin/sh\ntouch "$MELTANO_SYS_DIR_ROOT/meltano.db"\necho "$@"\nexit 3\n')
    meltano.chmod(0o755)
    before = sorted(project.rglob("*"))

    path = f"{commands}:{os.environ['PATH']}"
    run = run_command(
        DOCKER / "entrypoint.sh", "run", "access-list", cwd=project, PATH=path, TMPDIR=temporary
    )

    (root,) = temporary.iterdir()
    assert run.code == 3
    assert run.stdout == "run access-list\n"
    assert {path.name for path in root.iterdir()} == {"extractors", "meltano.db"}
    assert (root / "extractors" / "tap").is_dir()
    assert sorted(project.rglob("*")) == before


# docs/python.md


SELECTION = "tap = TapIntercomAccess(config=config)\n"
"""The line after which the block about selection is inserted."""


def run_script(script: str, sandbox: Sandbox, folder: Path) -> Result:
    """Run a script of docs/python.md with the sandbox instead of Intercom."""
    script = script.replace("ACCESS_TOKEN", sandbox.token)
    script = script.replace("https://api.intercom.io", sandbox.base_url)
    (folder / "script.py").write_text(script, encoding="utf-8")
    return run_command(
        sys.executable,
        "script.py",
        cwd=folder,
        DLT_DATA_DIR=str(folder),
        PYTHONIOENCODING="utf-8",
        RUNTIME__DLTHUB_TELEMETRY="false",
    )


def with_selection(script: str, stream: str) -> str:
    selection = block("need a catalog", "python").replace("activity_logs", stream)
    assert SELECTION in script
    return script.replace(SELECTION, SELECTION + selection).replace('"admins"', f'"{stream}"')


@pytest.mark.parametrize("name", ["activity_logs", "admins", "team_memberships", "teams"])
def test_a_program_can_read_a_stream_again(name: str, sandbox: Sandbox) -> None:
    config = {"access_token": sandbox.token, "base_url": sandbox.base_url}
    stream = TapIntercomAccess(config=config).streams[name]
    records = list(stream.get_records(None))
    requests = len(sandbox.journal.requests)

    assert records
    assert list(stream.get_records(None)) == records
    assert len(sandbox.journal.requests) == 2 * requests


def test_polars_reads_a_stream(sandbox: Sandbox, tmp_path: Path) -> None:
    pytest.importorskip("polars")
    script = block("Polars reads them", "python")
    selected = with_selection(script, "workspaces")
    selected = selected.replace('"id", "name", "has_inbox_seat"', '"id", "token_admin_email"')

    run = run_script(f"{script}\n{selected}", sandbox, tmp_path)

    assert run.code == 0, run.stderr
    assert "shape: (13, 3)" in run.stdout
    assert "Aoife" in run.stdout
    assert "aoife@example.com" in run.stdout


@pytest.mark.slow
def test_dlt_loads_three_streams_into_duckdb(sandbox: Sandbox, tmp_path: Path) -> None:
    pytest.importorskip("dlt")
    run = run_script(block("loads streams into many destinations", "python"), sandbox, tmp_path)

    assert run.code == 0, run.stderr
    with duckdb.connect(str(tmp_path / "access.duckdb"), read_only=True) as database:
        for stream, rows in (("admins", 13), ("teams", 4), ("team_memberships", 13)):
            assert len(database.execute(f"from intercom.{stream}").fetchall()) == rows
        seats = database.execute(
            "select role__name, team_ids.value from intercom.admins "
            "join intercom.admins__team_ids team_ids on team_ids._dlt_parent_id = admins._dlt_id "
            "where id = '1001'"
        ).fetchall()
    assert seats == [("Workspace admin", "502")]


@pytest.mark.slow
def test_dlt_loads_nothing_from_an_incomplete_list(paged: Sandbox, tmp_path: Path) -> None:
    pytest.importorskip("dlt")
    paged.fail("/admins", faults.refuse(403, "forbidden"), nth=3)

    run = run_script(block("loads streams into many destinations", "python"), paged, tmp_path)

    assert run.code == 1
    assert "StreamError: admins: GET" in run.stderr
    with duckdb.connect(str(tmp_path / "access.duckdb")) as database:
        tables = database.execute("select table_name from information_schema.tables").fetchall()
    assert [name for (name,) in tables if not name.startswith("_dlt")] == []


def test_the_client_alone_reads_all_teammates(sandbox: Sandbox, tmp_path: Path) -> None:
    script = block("## Use the API client alone", "python")
    assert len([line for line in script.splitlines() if line]) == 6

    run = run_script(
        f"{script}\nimport sys\nassert 'singer_sdk' not in sys.modules\n", sandbox, tmp_path
    )

    lines = [f"{admin.id} {admin.name}" for admin in sandbox.workspace.admins]
    assert run.stdout.splitlines() == lines, run.stderr
