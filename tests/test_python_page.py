"""The blocks of docs/python.md run as they are, on the sandbox."""

import sys
from pathlib import Path

import duckdb
import pytest

from tap_intercom_access.sandbox.server import Sandbox
from tests import faults
from tests.docs import block
from tests.tap import Result, run_command

SELECTION = "tap = TapIntercomAccess(config=config)\n"
"""The line after which a block selects other streams."""


def run_script(script: str, sandbox: Sandbox, folder: Path) -> Result:
    """Run a script of the page with the sandbox instead of Intercom."""
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


def test_polars_reads_a_stream(sandbox: Sandbox, tmp_path: Path) -> None:
    pytest.importorskip("polars")
    run = run_script(block("Polars reads them", "python"), sandbox, tmp_path)

    assert run.code == 0, run.stderr
    assert "shape: (13, 3)" in run.stdout
    assert "Aoife" in run.stdout


def test_polars_reads_a_stream_that_is_not_selected_by_default(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    pytest.importorskip("polars")
    script = with_selection(block("Polars reads them", "python"), "workspaces")
    script = script.replace('"id", "name", "has_inbox_seat"', '"id", "token_admin_email"')

    run = run_script(script, sandbox, tmp_path)

    assert run.code == 0, run.stderr
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
    assert len([line for line in script.splitlines() if line]) == 5
    script = script.replace('"ACCESS_TOKEN"', '"ACCESS_TOKEN", "https://api.intercom.io"')

    run = run_script(
        f"{script}\nimport sys\nassert 'singer_sdk' not in sys.modules\n", sandbox, tmp_path
    )

    lines = [f"{admin.id} {admin.name}" for admin in sandbox.workspace.admins]
    assert run.stdout.splitlines() == lines, run.stderr
