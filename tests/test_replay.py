"""`intercom-sandbox --replay`: the same messages from the evidence alone, or an error."""

import hashlib
import io
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from tap_intercom_access.errors import TapError
from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.history import generate_events
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import Behaviour, Sandbox
from tap_intercom_access.tap import TapIntercomAccess
from tests import faults
from tests.docs import block
from tests.recordings import LINES, begin_with, edit
from tests.responses import SEARCH
from tests.tap import (
    NEEDS_POSIX,
    POSIX,
    SANDBOX,
    Result,
    catalog_of,
    environment,
    run_command,
    sync,
    waits,
)

NOW = int(time.time())
STATE = {
    "bookmarks": {
        "activity_logs": {"replication_key_value": "2026-01-01T00:00:00Z", "replication_key": "x"},
        "admins": {"rows": 14, "rows_read_at": "2026-01-01T00:00:00+00:00"},
    }
}
SAME = "The same rows, keys, columns, and filters as in the recorded sync: "


def replay(folder: Path, *args: str, **settings: str) -> Result:
    return run_command(SANDBOX, "--replay", folder, *args, **settings)


def without_times(run: Result) -> str:
    """Return the stdout of a run without times of extraction, and of the SDK's start."""
    names = "time_extracted|replication_key_signpost"
    return re.sub(rf'"({names})":"[^"]*"', r'"\1":""', run.stdout)


def result_of(run: Result) -> str:
    """Return the last line of the log."""
    return run.stderr.splitlines()[-1]


@pytest.mark.slow
def test_a_replay_writes_the_same_messages(tmp_path: Path) -> None:
    """The sync has settings, a state, a catalog, a wrong clock, divided windows, and failures."""
    streams = ("activity_logs", "admins", "teams", "team_memberships", "workspaces")
    workspace = demo()
    workspace.history = generate_events(3000, NOW - 80 * DAY, NOW - DAY)
    with Sandbox(workspace, Behaviour(page_size=5, clock_offset=-7200)) as sandbox:
        sandbox.fail(SEARCH, faults.drop(), nth=3)
        sandbox.fail(SEARCH, faults.refuse(503, "unavailable"), nth=7)
        sandbox.fail("/teams", faults.refuse(429, "limit", headers={"Retry-After": "1"}), nth=1)
        first = sync(
            sandbox,
            state=STATE,
            catalog=catalog_of(*streams),
            api_version="Preview",
            activity_types=["admin_login_success"],
            emit_activate_version_messages=True,
            workspace_id="sandbox",
            evidence_path=tmp_path,
        )
    again = replay(tmp_path)
    lines = (tmp_path / LINES).read_text(encoding="utf-8")

    assert first.code == 0, first.stderr
    assert again.code == 0, again.stderr
    assert lines.count(SEARCH) > 12
    assert [lines.count(f'"status":{status},') for status in ("null", "503", "429")] == [1, 1, 1]
    assert without_times(again) == without_times(first)
    assert (len(waits(first)), len(waits(again))) == (1, 0)
    assert result_of(again).startswith(f"{SAME}activity_logs 3000, admins 13, team_memberships 13")


def test_a_replay_uses_only_recorded_settings(recorded: tuple[Path, Result]) -> None:
    folder, first = recorded
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    again = replay(
        folder,
        access_token="another",  # noqa: S106
        evidence_path=str(folder),
        start_date="2026-10-01",
        stream_map_config='{"salt": "x"}',
    )

    assert again.code == 0, again.stderr
    assert without_times(again) == without_times(first)
    assert result_of(again) == f"{SAME}admins 13, team_memberships 13, teams 4."
    assert again.warnings == []
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 can't leave the folder out")
def test_no_module_of_the_working_directory_is_imported(copied: Path, tmp_path: Path) -> None:
    (tmp_path / "requests.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    run = run_command(SANDBOX, "--replay", copied, cwd=tmp_path)

    assert run.code == 0, run.stderr


def test_absolute_links_to_the_next_page_are_followed(tmp_path: Path) -> None:
    with Sandbox(demo(), Behaviour(page_size=5, next_form="url")) as sandbox:
        link = f"{sandbox.base_url}/admins?page=2&per_page=5"
        sandbox.workspace.admins[0].job_title = link
        first = sync(sandbox, evidence_path=tmp_path)
    again = replay(tmp_path)

    assert again.code == 0, again.stderr
    assert without_times(again) == without_times(first)
    assert again.records("admins")[0]["job_title"] == link


@pytest.mark.parametrize("args", [["true"], ["--", "meltano", "run"], ["--port=5"], ["--admins=3"]])
def test_a_replay_refuses_a_command_and_other_options(args: list[str], copied: Path) -> None:
    done = replay(copied, *args)

    assert (done.code, done.stdout) == (2, "")
    assert "--replay runs the tap itself. It takes no COMMAND and no other option." in done.stderr


@pytest.fixture(scope="module")
def salted_sync(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The evidence folder and the result of a sync with a salt in its stream map."""
    folder = tmp_path_factory.mktemp("salted_sync") / "evidence"
    with Sandbox(demo()) as sandbox:
        run = sync(
            sandbox,
            stream_maps={"admins": {"email": "md5(config['salt'] + email)"}},
            stream_map_config={"salt": "secret", "other": 1},
            evidence_path=folder,
        )
    assert run.code == 0, run.stderr
    return folder, run


@pytest.mark.parametrize(
    ("value", "missing"), [("", "salt, other"), ('{"salt": "x"}', "other"), ("[1]", "salt, other")]
)
def test_a_replay_without_the_values_of_stream_map_config_is_refused(
    value: str, missing: str, salted_sync: tuple[Path, Result]
) -> None:
    run = replay(salted_sync[0], stream_map_config=value)

    assert (run.code, run.stdout) == (1, "")
    assert run.stderr.endswith(
        f"TAP_INTERCOM_ACCESS_STREAM_MAP_CONFIG to a JSON object with: {missing}.\n"
    )


def test_the_result_names_values_that_the_user_set(salted_sync: tuple[Path, Result]) -> None:
    folder, first = salted_sync
    again = replay(folder, stream_map_config='{"salt": "secret", "other": 1}')

    assert again.code == 0, again.stderr
    assert without_times(again) == without_times(first)
    assert "Records after stream maps were not compared" in result_of(again)
    assert result_of(again).endswith("You set salt, other.")


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_ends_the_tap_and_removes_the_temporary_folder(name: str, tmp_path: Path) -> None:
    evidence, temporary = tmp_path / "evidence", tmp_path / "temporary"
    temporary.mkdir()
    with Sandbox(demo()) as sandbox:
        sandbox.fail("/teams", faults.drop(), nth=1)  # a replay also waits before it retries
        sync(sandbox, evidence_path=evidence)
    with subprocess.Popen(
        [SANDBOX, "--replay", evidence],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment(TMPDIR=str(temporary)),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stderr:  # the loop ends with both processes
            if "Beginning sync of 'admins'" in line:
                assert len(list(temporary.iterdir())) == 1
                process.send_signal(getattr(signal, name))
        process.wait()
        output = process.stdout.read()

    assert process.returncode == 1
    assert '"stream":"teams"' not in output
    assert line == "Error: A signal ended the replay.\n"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("first", ["read", "failed", "complete"])
def test_a_sync_after_another_use_of_the_same_tap_can_be_replayed(
    first: str, tmp_path: Path, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    if first == "failed":
        sandbox.fail("/me", faults.refuse(403, "forbidden"), nth=1)
    sandbox.workspace.history = generate_events(100, NOW - 80 * DAY, NOW - DAY)
    config = {
        "access_token": sandbox.token,
        "base_url": sandbox.base_url,
        "evidence_path": str(tmp_path),
    }
    names = ("activity_logs", "admins", "teams", "workspaces")
    tap = TapIntercomAccess(config=config, catalog=catalog_of(*names))
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with redirect_stdout(output), nullcontext() if first != "failed" else pytest.raises(TapError):
        if first == "read":
            for name in names:
                assert list(tap.streams[name].get_records(None))
        else:
            tap.sync_all()
    sandbox.workspace.teams = sandbox.workspace.teams[:2]
    caplog.clear()
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with redirect_stdout(output), caplog.at_level("INFO"):
        tap.sync_all()

    again = replay(tmp_path)
    result = "activity_logs 100, admins 13, teams 2, workspaces 1"
    assert f"Sync complete: {result}; 4 requests" in caplog.text
    assert result_of(again) == f"{SAME}{result}."
    assert output.buffer.getvalue().count(b'"RECORD"') == 100 + 13 + 2 + 1


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
def test_the_documented_commands_compare_the_records(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.workspace.history = generate_events(600, NOW - 80 * DAY, NOW - DAY)
    catalog = catalog_of("activity_logs", "admins", "teams")
    run = sync(sandbox, catalog=catalog, evidence_path=tmp_path / "evidence")
    (tmp_path / "sync.jsonl").write_text(run.stdout, encoding="utf-8")
    install, *lines = block(
        "an auditor can replay the sync and compare both files", "bash"
    ).splitlines()
    done = run_command("sh", "-c", "\n".join(lines), cwd=tmp_path)

    assert (install, len(lines)) == ("pip install -e '.[sandbox]'", 4)
    assert done.stdout == "the same records, byte for byte\n", done.stderr


def repeat_the_first_response(folder: Path) -> None:
    """Repeat the first line, and correct the number and the hash of all lines."""
    first, *others = (folder / LINES).read_bytes().splitlines(keepends=True)
    lines, last = [first, first, *others[:-1]], json.loads(others[-1])
    last["requests"] += 1
    last["lines_sha256"] = hashlib.sha256(b"".join(lines)).hexdigest()
    end = json.dumps(last, separators=(",", ":")).encode() + b"\n"
    (folder / LINES).write_bytes(b"".join([*lines, end]))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            edit(LINES, r'"streams":\{', '"streams":{"ghosts":{"rows":5},'),
            'ghosts was {"rows": 5} and is null',
        ),
        (edit(LINES, r'"rows":13,"keys', '"rows":14,"keys'), 'admins was {"rows": 14'),
        (edit(LINES, r'"columns":\["', '"columns":["x","'), "admins was"),
        (edit(LINES, r'"other":"none"', '"other":"5 rows"'), 'other was "5 rows" and is "none"'),
        (repeat_the_first_response, "1 recorded responses were not requested"),
        (begin_with(catalog=catalog_of("teams")), "admins was"),
        (
            begin_with(catalog=catalog_of("admins", "workspaces")),
            "GET /me {} was not recorded; the tap ended with exit code 1.",
        ),
    ],
)
def test_a_replay_with_another_result_fails(
    change: Callable[[Path], Any], problem: str, copied: Path
) -> None:
    change(copied)
    run = replay(copied)

    assert run.code == 1
    assert result_of(run).startswith("Error: The replay differs from the recorded sync: ")
    assert problem in result_of(run)


def test_the_log_names_versions_that_differ(copied: Path) -> None:
    begin_with(versions={"tap": "0.0.1"})(copied)
    run = replay(copied)

    assert run.code == 0, run.stderr
    assert "Recorded with tap 0.0.1, replayed with " in run.stderr
