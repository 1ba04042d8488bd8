"""`intercom-sandbox --replay`: the same messages from the evidence alone, or an error."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import click
import pytest
import requests

from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.history import generate_events
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.replay_server import Recording, ReplayServer, with_next_page_at
from tap_intercom_access.sandbox.server import Behaviour, Sandbox
from tests import faults
from tests.docs import block
from tests.meltano import meltano
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

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = int(time.time())
STATE = {
    "bookmarks": {
        "activity_logs": {"replication_key_value": "2026-01-01T00:00:00Z", "replication_key": "x"},
        "admins": {"rows": 14, "rows_read_at": "2026-01-01T00:00:00+00:00"},
    }
}
SAME = "The same rows, keys, columns, and filters as in the recorded sync: "
LINES = "requests.jsonl"


def replay(folder: Path, *args: str, **settings: str) -> Result:
    return run_command(SANDBOX, "--replay", folder, *args, **settings)


def without_times(run: Result) -> str:
    """What a run wrote, except the times of extraction and when the SDK started."""
    names = "time_extracted|replication_key_signpost"
    return re.sub(rf'"({names})":"[^"]*"', r'"\1":""', run.stdout)


def result_of(run: Result) -> str:
    """The last line of the log."""
    return run.stderr.splitlines()[-1]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The evidence of a sync of the demo, and the sync."""
    folder = tmp_path_factory.mktemp("small") / "evidence"
    with Sandbox(demo(), Behaviour(page_size=5)) as sandbox:
        run = sync(sandbox, evidence_path=folder)
    assert run.code == 0, run.stderr
    return folder, run


@pytest.fixture
def folder(small: tuple[Path, Result], tmp_path: Path) -> Path:
    return shutil.copytree(small[0], tmp_path / "copy")


@pytest.mark.slow
def test_a_replay_writes_the_same_messages(tmp_path: Path) -> None:
    """The sync has settings, a state, a catalog, another clock, divided windows, and failures."""
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
    assert len(again.records("activity_logs")) == 3000
    assert lines.count(SEARCH) > 12
    assert [lines.count(f'"status":{status},') for status in ("null", "503", "429")] == [1, 1, 1]
    assert without_times(again) == without_times(first)
    assert (len(waits(first)), len(waits(again))) == (1, 0)
    assert result_of(again).startswith(f"{SAME}activity_logs 3000, admins 13, team_memberships 13")


def test_only_the_recording_decides_about_settings(small: tuple[Path, Result]) -> None:
    folder, first = small
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
def test_no_module_of_the_working_directory_is_imported(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "requests.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    run = run_command(SANDBOX, "--replay", folder, cwd=tmp_path)

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


HERE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{ "pages":{"next" : "https:\\/\\/a.example\\/x?page=2"},"n":1.0}',
            b'{ "pages":{"next" : "http://127.0.0.1:9/x?page=2"},"n":1.0}',
        ),
        (
            b'{"x":{"next":"https://a.example/x?a"},"pages":{"next":"https://a.example/x?a"}}',
            b'{"x":{"next":"https://a.example/x?a"},"pages":{"next":"http://127.0.0.1:9/x?a"}}',
        ),
        (
            b'{"pages":{"next":"https://A.EXAMPLE:443/x?a"},"x":"\xff"}',
            b'{"pages":{"next":"http://127.0.0.1:9/x?a"},"x":"\xff"}',
        ),
        (b'{"pages":{"next":"//a.example/x?a"}}', b'{"pages":{"next":"http://127.0.0.1:9/x?a"}}'),
    ],
)
def test_only_the_link_to_the_next_page_is_rewritten(body: bytes, expected: bytes) -> None:
    assert with_next_page_at(HERE, body, "https://a.example") == expected


@pytest.mark.parametrize(
    "body",
    [
        b'{"pages":{"next":"/x?page=2"}}',
        b'{"pages":{"next":"https://b.example/x"}}',
        b'{"pages":{"next":{"starting_after":"https://a.example/x"}}}',
        b'{"pages":{"next":null},"x":"https://a.example/x"}',
        b'{"pages":[],"next":"https://a.example/x"}',
        b'["https://a.example/x"]',
        b"no JSON",
        b"",
    ],
)
def test_other_bodies_stay_as_they_are(body: bytes) -> None:
    assert with_next_page_at(HERE, body, "https://a.example") == body


def test_the_replay_server_needs_its_token(folder: Path) -> None:
    with ReplayServer(Recording(folder)) as server:
        url = f"{server.base_url}/teams"
        without = requests.get(url, timeout=10)
        wrong = requests.get(url, headers={"Authorization": "Bearer x"}, timeout=10)
        right = requests.get(url, headers={"Authorization": f"Bearer {server.token}"}, timeout=10)

    assert [without.status_code, wrong.status_code, right.status_code] == [401, 401, 200]
    assert "teams" not in without.json()
    assert server.problems == []


def test_each_replay_has_another_token(folder: Path) -> None:
    with ReplayServer(Recording(folder)) as first, ReplayServer(Recording(folder)) as second:
        assert first.token != second.token


@pytest.mark.parametrize("args", [["true"], ["--", "meltano", "run"], ["--port=5"], ["--admins=3"]])
def test_a_replay_takes_no_command_and_no_other_option(args: list[str], folder: Path) -> None:
    done = replay(folder, *args)

    assert (done.code, done.stdout) == (2, "")
    assert "--replay runs the tap itself. It takes no COMMAND and no other option." in done.stderr


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The evidence of a sync whose stream map has a salt, and the sync."""
    folder = tmp_path_factory.mktemp("mapped") / "evidence"
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
    ("value", "missing"),
    [
        ("", "salt, other"),
        ("{}", "salt, other"),
        ('{"salt": "x"}', "other"),
        ("[1]", "salt, other"),
    ],
)
def test_a_replay_without_the_values_of_stream_map_config_is_refused(
    value: str, missing: str, mapped: tuple[Path, Result]
) -> None:
    run = replay(mapped[0], stream_map_config=value)

    assert (run.code, run.stdout) == (1, "")
    assert run.stderr.endswith(
        f"TAP_INTERCOM_ACCESS_STREAM_MAP_CONFIG to a JSON object with: {missing}.\n"
    )


def test_a_replay_says_which_values_came_from_the_user(mapped: tuple[Path, Result]) -> None:
    folder, first = mapped
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
        sandbox.fail("/teams", faults.drop(), nth=1)  # a replay waits before it tries again
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
        for line in process.stderr:  # ends when both processes have ended
            if "Beginning sync of 'admins'" in line:
                assert len(list(temporary.iterdir())) == 1
                process.send_signal(getattr(signal, name))
        process.wait()
        output = process.stdout.read()

    assert process.returncode == 1
    assert '"stream":"teams"' not in output
    assert line == "Error: A signal ended the replay.\n"
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
def test_the_auditors_lines_compare_the_records(tmp_path: Path, sandbox: Sandbox) -> None:
    run = sync(sandbox, evidence_path=tmp_path / "evidence")
    (tmp_path / "sync.jsonl").write_text(run.stdout, encoding="utf-8")
    install, *lines = block(
        "runs it again, without Intercom and without a token", "bash"
    ).splitlines()
    done = run_command("sh", "-c", "\n".join(lines), cwd=tmp_path)

    assert (install, len(lines)) == ("pip install -e '.[sandbox]'", 3)
    assert done.stdout == "the same records, byte for byte\n", done.stderr


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


def repeat_the_first_response(folder: Path) -> None:
    """Add a line, and correct the hash of all lines."""
    first, *others = (folder / LINES).read_bytes().splitlines(keepends=True)
    lines, last = [first, first, *others[:-1]], json.loads(others[-1])
    last["lines_sha256"] = hashlib.sha256(b"".join(lines)).hexdigest()
    end = json.dumps(last, separators=(",", ":")).encode() + b"\n"
    (folder / LINES).write_bytes(b"".join([*lines, end]))


NO_END = "the last line of requests.jsonl is not of the type 'complete'"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (change_body, r"bodies/\w+\.json\.gz was changed: it has another SHA-256"),
        (damage_body, "can't be read"),
        (lose_body, "No such file or directory"),
        (no_gzip, "can't be read"),
        (bomb, "was changed: it has another SHA-256"),
        (lose_bodies, "No such file or directory"),
        (lose("run.json"), "No such file or directory: '.*run.json'"),
        (lose(LINES), "No such file or directory: '.*requests.jsonl'"),
        (shutil.rmtree, "No such file or directory"),
        (edit("run.json", "began_at", "begun_at"), "run.json was changed or is not complete"),
        (edit(LINES, r'\{"type":"complete".*', ""), NO_END),
        (edit(LINES, r'.*\n(\{"type":"complete")', r"\1"), "requests.jsonl was changed or is"),
        (edit(LINES, r"\n$", ""), NO_END),
        (edit(LINES, r"\Z", '{"type":"response"}\\n'), NO_END),
        (edit(LINES, r".*", ""), NO_END),
        (edit(LINES, r'"status":200', '"status":201'), "requests.jsonl was changed or is"),
        (edit(LINES, r"^\{", ""), "requests.jsonl was changed or is not complete"),
        (edit(LINES, r'\{"type":"complete"', '{["type":"complete"'), "can't be replayed"),
        (edit(LINES, r'"lines_sha256"', '"lines"'), "'lines_sha256'"),
        (begin_with(began_at="today"), "Invalid isoformat string"),
        (begin_with(settings={}), "'base_url'"),
        (begin_with(settings=5), "can't be replayed"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(
    change: Callable[[Path], Any], problem: str, folder: Path
) -> None:
    change(folder)
    with pytest.raises(click.ClickException, match=problem) as refused:
        Recording(folder)

    assert str(refused.value).startswith(f"{folder} can't be replayed: ")


def test_a_refusal_is_one_sentence_before_the_tap_runs(folder: Path) -> None:
    change_body(folder)
    run = replay(folder)

    assert (run.code, run.stdout) == (1, "")
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            edit(LINES, r'"streams":\{', '"streams":{"ghosts":{"rows":5},'),
            'ghosts was {"rows": 5} and is null',
        ),
        (edit(LINES, r'"rows":13,"keys', '"rows":14,"keys'), 'admins was {"rows": 14'),
        (edit(LINES, r'"keys_sha256":"\w', '"keys_sha256":"-'), "admins was"),
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
    change: Callable[[Path], Any], problem: str, folder: Path
) -> None:
    change(folder)
    run = replay(folder)

    assert run.code == 1
    assert result_of(run).startswith("Error: The replay differs from the recorded sync: ")
    assert problem in result_of(run)


def test_other_versions_are_named(folder: Path) -> None:
    begin_with(versions={"tap": "0.0.1"})(folder)
    run = replay(folder)

    assert run.code == 0, run.stderr
    assert "Recorded with tap 0.0.1, replayed with " in run.stderr


def test_a_response_is_given_as_often_as_it_was_recorded(folder: Path) -> None:
    with ReplayServer(Recording(folder)) as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        url = f"{server.base_url}/teams"
        first, second = (requests.get(url, headers=headers, timeout=10) for _ in range(2))

    assert [first.status_code, second.status_code] == [200, 404]
    assert server.problems == ["GET /teams {} was not recorded as often"]


def test_a_body_that_is_changed_meanwhile_is_not_served(folder: Path) -> None:
    with ReplayServer(Recording(folder)) as server:
        for body in (folder / "bodies").iterdir():
            body.write_bytes(gzip.compress(b'{"admins": []}'))
        headers = {"Authorization": f"Bearer {server.token}"}
        response = requests.get(f"{server.base_url}/admins", headers=headers, timeout=10)

    assert response.status_code == 404
    assert "it has another SHA-256" in server.problems[0]


@pytest.mark.targets
@pytest.mark.xdist_group("meltano")
def test_what_meltano_recorded_is_replayed_without_meltano(project: Path, sandbox: Sandbox) -> None:
    job = ("run", "tap-intercom-access", "target-jsonl")
    shutil.rmtree(project / "output", ignore_errors=True)
    first = meltano(project, *job, **sandbox.settings, TAP_INTERCOM_ACCESS_EVIDENCE_PATH="evidence")
    loaded = {
        path.stem.partition("-")[0]: len(path.read_text(encoding="utf-8").splitlines())
        for path in (project / "output").iterdir()
    }
    again = replay(project / "evidence")

    assert first.returncode == 0, first.stderr
    assert again.code == 0, again.stderr
    assert {name: len(again.records(name)) for name in loaded} == loaded
    assert len(loaded) == 3
