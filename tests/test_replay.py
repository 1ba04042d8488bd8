"""Replays: the same records from the evidence alone, or an end that says why not."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.history import generate_events
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.replay import Replay, ReplayError
from tap_intercom_access.sandbox.server import Behaviour, Sandbox
from tests import faults
from tests.docs import block
from tests.meltano import meltano
from tests.responses import SEARCH
from tests.tap import (
    NEEDS_POSIX,
    POSIX,
    SANDBOX,
    TAP,
    Result,
    catalog_of,
    environment,
    files_of,
    run_command,
    run_tap,
    sync,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = int(time.time())
EVIDENCE = "TAP_INTERCOM_ACCESS_EVIDENCE_PATH"
BODIES = {"TAP_INTERCOM_ACCESS_EVIDENCE_BODIES": "true"}
STATE = {
    "bookmarks": {
        "activity_logs": {"replication_key_value": "2026-01-01T00:00:00Z", "replication_key": "x"},
        "admins": {"rows": 14, "rows_read_at": "2026-01-01T00:00:00+00:00"},
    }
}


def without_times(run: Result) -> str:
    """What a run wrote, byte for byte, but for the times of extraction."""
    return re.sub(r'"time_extracted":"[^"]*"', '"time_extracted":""', run.stdout)


def replayed(folder: Path, *args: str, **variables: str) -> Result:
    with Replay(folder) as replay:
        return run_tap("--config=ENV", *args, **replay.settings, **variables)


def command_replayed(folder: Path, *command: str, **variables: str) -> Result:
    return run_command(SANDBOX, "--replay", folder, *command, **variables)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A sync with a state, settings and a catalog of its own, in divided windows, with failures."""
    folder = tmp_path_factory.mktemp("recorded")
    streams = ("activity_logs", "admins", "teams", "team_memberships", "workspaces")
    catalog = catalog_of(*streams)
    workspace = demo()
    workspace.history = generate_events(3000, NOW - 80 * DAY, NOW - DAY)
    with Sandbox(workspace, Behaviour(page_size=5, clock_offset=-7200)) as sandbox:
        sandbox.fail(SEARCH, faults.drop(), nth=3)
        sandbox.fail(SEARCH, faults.refuse(503, "unavailable"), nth=7)
        sandbox.fail("/teams", faults.refuse(429, "limit", headers={"Retry-After": "1"}), nth=1)
        variables = {
            EVIDENCE: str(folder / "evidence"),
            "TAP_INTERCOM_ACCESS_API_VERSION": "Preview",
            "TAP_INTERCOM_ACCESS_ACTIVITY_TYPES": '["admin_login_success"]',
            "TAP_INTERCOM_ACCESS_EMIT_ACTIVATE_VERSION_MESSAGES": "true",
            "TAP_INTERCOM_ACCESS_WORKSPACE_ID": "sandbox",
        }
        run = sync(sandbox, state=STATE, catalog=catalog, **BODIES, **variables)
    assert run.code == 0, run.stderr
    return folder / "evidence", run


@pytest.mark.slow
def test_a_replay_gives_the_same_records_byte_for_byte(recorded: tuple[Path, Result]) -> None:
    folder, first = recorded
    again = command_replayed(folder, TAP, "--config=ENV")
    requests = (folder / "requests.jsonl").read_text(encoding="utf-8")

    assert again.code == 0, again.stderr
    assert len(again.records("activity_logs")) == 3000
    assert requests.count(SEARCH) > 12
    assert [requests.count(f'"status":{status},') for status in ("null", "503", "429")] == [1, 1, 1]
    assert without_times(again) == without_times(first)
    assert "the same rows and keys as in the recorded run: activity_logs 3000" in again.stderr
    assert 'api_version "2.16"' in again.stderr
    assert "Intercom's clock is 2:00:00 behind" in again.stderr


@pytest.mark.slow
def test_a_replay_has_the_settings_state_and_catalog_of_the_run(
    recorded: tuple[Path, Result], tmp_path: Path
) -> None:
    folder, first = recorded
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    other = tmp_path / "state.json"
    other.write_text('{"bookmarks": {"admins": {"rows": 500}}}', encoding="utf-8")
    again = replayed(
        folder,
        f"--state={other}",
        *files_of(tmp_path, catalog=catalog_of("teams")),
        start_date="2026-10-01",
        **{EVIDENCE: str(folder)},
    )

    assert without_times(again) == without_times(first)
    assert 'start_date "2026-10-01"' in again.stderr
    assert "the recorded run's catalog and state counts" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence of a sync of the demo."""
    folder = tmp_path_factory.mktemp("small") / "evidence"
    with Sandbox(demo(), Behaviour(page_size=5)) as sandbox:
        assert sync(sandbox, **BODIES, **{EVIDENCE: str(folder)}).code == 0
    return folder


@pytest.fixture
def folder(small: Path, tmp_path: Path) -> Path:
    return shutil.copytree(small, tmp_path / "copy")


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
def test_the_auditors_lines_compare_the_records(tmp_path: Path, sandbox: Sandbox) -> None:
    variables = {EVIDENCE: str(tmp_path / "evidence")}
    (tmp_path / "sync.jsonl").write_text(
        sync(sandbox, **BODIES, **variables).stdout, encoding="utf-8"
    )
    install, *lines = block(
        "runs it again, without Intercom and without a token", "bash"
    ).splitlines()
    done = subprocess.run(
        ["sh", "-c", "\n".join(lines)],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        encoding="utf-8",
        env=environment(),
    )

    assert (install, len(lines)) == ("pip install -e '.[sandbox]'", 3)
    assert done.stdout == "the same records, byte for byte\n", done.stderr


def get(path: str) -> tuple[str, ...]:
    """A command that requests a path."""
    url = f"os.environ['TAP_INTERCOM_ACCESS_BASE_URL'] + '{path}'"
    return (sys.executable, "-c", f"import os, requests; print(requests.get({url}).text)")


def test_a_request_that_was_not_recorded_ends_with_1(folder: Path) -> None:
    run = command_replayed(folder, *get("/me"))

    assert run.code == 1
    assert "GET /me {} was not recorded: this is a replay" in run.stdout
    assert "Not the recorded run: GET /me {} was not recorded." in run.stderr


def test_a_second_run_in_one_replay_fails(folder: Path) -> None:
    with Replay(folder) as replay:
        first = run_tap("--config=ENV", **replay.settings)
        second = run_tap("--config=ENV", **replay.settings)

    assert first.code == 0
    assert "not_recorded: GET /admins {} was not recorded as often" in second.error


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="nobody tells what is open here")
def test_what_a_replay_gives_back_is_not_kept_open(folder: Path) -> None:
    with Replay(folder) as replay:
        given_back = Path(replay.settings["INTERCOM_SANDBOX_REPLAY"]).resolve()
        opened = [path.resolve() for path in Path("/proc/self/fd").iterdir()]

        assert given_back.exists()
        assert given_back not in opened  # on Windows, the command could not open it

    assert not given_back.exists()


def test_responses_that_nobody_requested_are_counted(folder: Path) -> None:
    nothing = command_replayed(folder, "true")
    some = command_replayed(folder, *get("/teams"))

    assert nothing.code == 0
    assert "4 recorded responses were not requested." in nothing.stderr
    assert some.code == 1
    assert "3 recorded responses were not requested." in some.stderr


def body_of(folder: Path) -> Path:
    return min((folder / "bodies").iterdir())


def change_body(folder: Path) -> None:
    content = gzip.decompress(body_of(folder).read_bytes())
    body_of(folder).write_bytes(gzip.compress(content.replace(b'"1001"', b'"1002"') + b" "))


def damage_body(folder: Path) -> None:
    body_of(folder).write_bytes(body_of(folder).read_bytes()[:-9])


def lose_body(folder: Path) -> None:
    body_of(folder).unlink()


def no_gzip(folder: Path) -> None:
    body_of(folder).write_bytes(b"{}")


def bomb(folder: Path) -> None:
    body_of(folder).write_bytes(gzip.compress(bytes(100_000_000)))


def lose_bodies(folder: Path) -> None:
    shutil.rmtree(folder / "bodies")


def edit(name: str, pattern: str, to: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        changed = re.sub(pattern, to, text, count=1, flags=re.DOTALL)
        assert changed != text
        (folder / name).write_text(changed, encoding="utf-8")

    return change


def lose(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def begin_with(**values: object) -> Callable[[Path], None]:
    """Change what a run began with, and its hash in the last line, too."""

    def change(folder: Path) -> None:
        text = json.dumps(json.loads((folder / "run.json").read_text(encoding="utf-8")) | values)
        (folder / "run.json").write_text(text, encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        edit(LINES, r'"run_sha256":"[^"]*"', f'"run_sha256":"{digest}"')(folder)

    return change


LINES = "requests.jsonl"
NO_END = "has no last line that says 'complete'"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (change_body, "was changed: its SHA-256 is another one"),
        (damage_body, "cannot be read"),
        (lose_body, r"cannot be read \(No such file or directory\)"),
        (no_gzip, "cannot be read"),
        (bomb, "was changed: its SHA-256 is another one"),
        (lose_bodies, r"cannot be read \(No such file or directory\)"),
        (lose("run.json"), "run.json: No such file or directory"),
        (lose(LINES), "requests.jsonl: No such file or directory"),
        (shutil.rmtree, "run.json: No such file or directory"),
        (edit("run.json", "began_at", "begun_at"), "run.json was changed, or is of another run"),
        (edit(LINES, r'\{"type":"complete".*', ""), NO_END),
        (edit(LINES, r'.*\n(\{"type":"complete")', r"\1"), "were changed, or are missing"),
        (edit(LINES, r"\n$", ""), NO_END),
        (edit(LINES, r"\Z", '{"type":"response"}\\n'), NO_END),
        (edit(LINES, r".*", ""), NO_END),
        (edit(LINES, r'"status":200', '"status":201'), "were changed, or are missing"),
        (edit(LINES, r"^\{", ""), "were changed, or are missing"),
        (edit(LINES, r'\{"type":"complete"', '{["type":"complete"'), "not as a tap writes them"),
        (edit(LINES, r'"lines_sha256"', '"lines"'), "not as a tap writes them"),
        (edit(LINES, r'"requests":\d+', '"requests":9'), "the last line counts 9 requests"),
        (begin_with(began_at="today"), "not as a tap writes them"),
        (begin_with(settings={}), "not as a tap writes them"),
        (begin_with(settings={"base_url": 5}), "not as a tap writes them"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(
    change: Callable[[Path], Any], problem: str, folder: Path
) -> None:
    change(folder)
    with pytest.raises(ReplayError, match=problem) as refused:
        Replay(folder)

    assert str(refused.value).startswith(f"{folder} cannot be replayed: ")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            edit(LINES, r'"streams":\{', '"streams":{"ghosts":{"rows":5},'),
            "the recorded run read ghosts, and this one did not",
        ),
        (edit(LINES, r'"other":"none"', '"other":"5 rows"'), "what was left out is not what"),
        (begin_with(catalog={"streams": []}), "the recorded run read admins, team_memberships,"),
    ],
)
def test_a_replay_gives_all_that_the_last_line_says(
    change: Callable[[Path], Any], problem: str, folder: Path
) -> None:
    change(folder)
    run = replayed(folder)

    assert run.code == 1
    assert problem in run.error


def test_a_refusal_is_one_sentence_before_the_command_runs(folder: Path) -> None:
    change_body(folder)
    run = command_replayed(folder, "echo", "ran")

    assert (run.code, run.stdout) == (1, "")
    assert len(run.stderr.splitlines()) == 1
    assert command_replayed(folder, "--admins=3", "true").code == 2


def test_a_body_that_is_changed_meanwhile_is_not_served(folder: Path) -> None:
    with Replay(folder) as replay:
        for body in (folder / "bodies").iterdir():
            body.write_bytes(gzip.compress(b'{"admins": []}'))
        run = run_tap("--config=ENV", **replay.settings)
        problems = replay.problems

    assert "evidence_changed" in run.error
    assert "SHA-256 is another one" in problems[0]


@pytest.mark.targets
@pytest.mark.xdist_group("meltano")
def test_meltano_keeps_evidence_and_replays_it(project: Path, sandbox: Sandbox) -> None:
    def loaded() -> dict[str, str]:
        files = sorted((project / "output").iterdir())
        texts = {path.name: path.read_text(encoding="utf-8") for path in files}
        shutil.rmtree(project / "output")
        return texts

    shutil.rmtree(project / "output", ignore_errors=True)
    job = ("run", "tap-intercom-access", "target-jsonl")
    first = meltano(project, *job, **sandbox.settings, **BODIES, **{EVIDENCE: "evidence"})
    records = loaded()
    command = [SANDBOX, "--replay", "evidence", "meltano", *job]
    again = subprocess.run(
        command, capture_output=True, check=False, cwd=project, encoding="utf-8", env=environment()
    )

    assert first.returncode == 0, first.stderr
    assert again.returncode == 0, again.stderr
    assert loaded() == records
    assert len(records) == 3
