"""What a sync keeps as evidence, and when that says that the sync is complete."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_intercom_access import evidence
from tap_intercom_access.errors import TapError
from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.server import Behaviour, Sandbox
from tap_intercom_access.tap import TapIntercomAccess
from tests import faults
from tests.responses import SEARCH
from tests.tap import (
    NEEDS_POSIX,
    POSIX,
    TAP,
    Result,
    catalog_of,
    environment,
    run_tap,
    sync,
    sync_here,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVIDENCE = "TAP_INTERCOM_ACCESS_EVIDENCE_PATH"
BODIES = {"TAP_INTERCOM_ACCESS_EVIDENCE_BODIES": "true"}
NOTHING = hashlib.sha256(b"").hexdigest()


def lines_of(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "requests.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def is_complete(folder: Path) -> bool:
    path = folder / "requests.jsonl"
    return path.exists() and b'"complete"' in path.read_bytes()


def digest_of(records: list[dict[str, Any]], *names: str) -> str:
    lines = {
        json.dumps([record[name] for name in names], separators=(",", ":"), ensure_ascii=False)
        for record in records
    }
    return hashlib.sha256(b"\n".join(sorted(line.encode() for line in lines))).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "evidence"


def test_each_response_has_a_line_and_a_complete_sync_the_last_one(folder: Path) -> None:
    with Sandbox(demo(), Behaviour(page_size=5)) as sandbox:
        catalog = catalog_of("activity_logs", "admins", "team_memberships")
        variables = {EVIDENCE: str(folder), "TAP_INTERCOM_ACCESS_WORKSPACE_ID": "sandbox"}
        run = sync(sandbox, catalog=catalog, **variables)
        host = sandbox.base_url.removeprefix("http://")

    *responses, last = lines_of(folder)
    assert run.code == 0, run.stderr
    assert [(line["stream"], line["path"], line["rows"]) for line in responses] == [
        ("workspaces", "/me", 1),
        ("activity_logs", SEARCH, len(run.records("activity_logs"))),
        ("admins", "/admins", 5),
        ("admins", "/admins", 5),
        ("admins", "/admins", 3),
        ("team_memberships", "/teams", 4),
    ]
    first, search = responses[0], responses[1]
    assert first.keys() == search.keys()
    assert (first["method"], first["host"], first["status"]) == ("GET", host, 200)
    assert (first["api_version"], first["intercom_version"]) == ("2.16", "2.16")
    assert first["date"].endswith(" GMT")
    assert first["intercom_time"].endswith("Z")
    assert len({line["request_id"] for line in responses}) == len(responses)
    assert search["params"]["created_at_after"] < search["params"]["created_at_before"]
    assert responses[3]["params"].keys() == {"starting_after"}
    assert last["type"] == "complete"
    assert last["requests"] == len(responses)
    for stream, *names in (
        ("activity_logs", "id"),
        ("admins", "id"),
        ("team_memberships", "team_id", "admin_id"),
    ):
        summary, records = last["streams"].pop(stream), run.records(stream)
        assert summary["keys"] == names
        assert summary["rows"] == len(records)
        assert summary["keys_sha256"] == digest_of(records, *names)
    assert last["streams"] == {}
    assert last["filters"]["event_types"] == search["params"]["event_types"]
    assert last["filters"]["other"] == "none"
    assert last["filters"]["window"]["from"] < last["filters"]["window"]["to"]
    assert last["versions"].keys() == {"tap", "singer_sdk", "python", "intercom_api"}
    started = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert started["state"] is None
    assert started["settings"]["workspace_id"] == "sandbox"
    assert not (folder / "bodies").exists()


def test_columns_maps_and_rows_that_are_left_out_are_named(folder: Path, sandbox: Sandbox) -> None:
    sandbox.respond(
        "/admins", {"admins": [{"id": "1", "type": "admin"}, {"id": "2", "type": "team"}]}
    )
    maps = {"admins": {"__filter__": "id == '9'"}}
    catalog = catalog_of("admins", without=("admins.email", "admins.role.id"))
    result = sync_here(sandbox, catalog=catalog, evidence_path=str(folder), stream_maps=maps)

    last = lines_of(folder)[-1]
    assert result.records("admins") == []
    assert last["streams"]["admins"]["rows"] == 1
    assert last["streams"]["admins"]["keys_sha256"] == digest_of([{"id": "1"}], "id")
    assert "role.name" in last["streams"]["admins"]["columns"]
    assert not {"email", "role.id"} & {*last["streams"]["admins"]["columns"]}
    assert last["filters"]["stream_maps"] == maps
    assert last["filters"]["other"] == "1 rows of type 'team' among the admins"


@pytest.mark.parametrize("part", [2, 5, 100])
def test_keys_of_any_form_are_sorted_on_disk(
    part: int, folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = ["a", "a b", 'a"', 'a","b', "a\\", "a\n", "a\r\n", "a\u2028", "ä", "\U0001f30d", "\uff5e"]
    monkeypatch.setattr(evidence, "PART", part)
    rows = [{"id": id_, "created_at": 1_700_000_000 + at} for at, id_ in enumerate(ids)]
    sandbox.respond(SEARCH, {"activity_logs": rows})
    sandbox.respond("/admins", {"admins": [{"id": id_, "type": "admin"} for id_ in ids]})
    result = sync_here(
        sandbox,
        catalog=catalog_of("activity_logs", "admins"),
        evidence_path=str(folder),
        start_date="2023-01-01",
    )

    assert result.error == ""
    for stream in ("activity_logs", "admins"):
        summary = lines_of(folder)[-1]["streams"][stream]
        assert summary["rows"] == len(ids)
        assert summary["keys_sha256"] == digest_of(result.records(stream), "id")


def test_a_list_without_rows_has_the_hash_of_nothing(folder: Path, sandbox: Sandbox) -> None:
    sandbox.respond("/teams", {"teams": []})
    catalog = catalog_of("teams")
    sync_here(sandbox, catalog=catalog, evidence_path=str(folder))

    assert lines_of(folder)[-1]["streams"]["teams"] | {"columns": []} == {
        "rows": 0,
        "keys": ["id"],
        "keys_sha256": NOTHING,
        "columns": [],
    }


def test_the_token_is_nowhere(folder: Path, sandbox: Sandbox) -> None:
    echo = {
        "X-Request-Id": f"id {sandbox.token}",
        "Intercom-Version": sandbox.token[4:],
        "Retry-After": "0",
    }
    sandbox.fail("/admins", faults.status(429, f"wait, {sandbox.token}", echo), nth=1)
    settings = {"stream_map_config": {"salt": "secret salt", "token": sandbox.token}}
    state = {"bookmarks": {"admins": {"of": f"the token {sandbox.token}"}}}
    first = sync_here(
        sandbox, state=state, evidence_path=str(folder), evidence_bodies=True, **settings
    )
    complete = is_complete(folder)
    line = lines_of(folder)[0]
    content = everything_in(folder)
    sandbox.respond("/admins", {"admins": [{"id": "1", "name": sandbox.token}]})
    second = sync_here(sandbox, evidence_path=str(folder), evidence_bodies=True)

    assert first.error == ""
    assert complete
    assert line["status"] == 429
    assert hashlib.sha256(f"wait, {'*' * len(sandbox.token)}".encode()).hexdigest() in content
    assert line["kept_sha256"] != line["sha256"]
    assert "it holds the access token itself" in second.error
    assert not is_complete(folder)
    for text in (content, everything_in(folder)):
        assert sandbox.token not in text
        assert sandbox.token[4:] not in text
    assert "secret salt" not in content


def everything_in(folder: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 2
    return "".join(
        gzip.decompress(content).decode() if path.suffix == ".gz" else content.decode()
        for path in files
        for content in [path.read_bytes()]
    )


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277])
def test_files_are_for_their_owner_alone_whatever_the_umask(
    umask: int, folder: Path, sandbox: Sandbox
) -> None:
    before = os.umask(umask)
    try:
        result = sync_here(sandbox, evidence_path=str(folder), evidence_bodies=True)
    finally:
        os.umask(before)

    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}
    folders = {stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "bodies")}
    assert result.error == ""
    assert modes == {0o600}
    assert folders == {0o700}


def test_a_run_replaces_what_an_earlier_one_left_and_nothing_else(
    folder: Path, tmp_path: Path, sandbox: Sandbox
) -> None:
    other = tmp_path / "of somebody else"
    other.write_text("stays", encoding="utf-8")
    sync_here(sandbox, evidence_path=str(folder), evidence_bodies=True)
    (folder / "notes.txt").write_text("stays", encoding="utf-8")
    (folder / "requests.jsonl").unlink()
    (folder / "requests.jsonl").symlink_to(other)
    with Sandbox(demo()) as another:
        another.workspace.admins.pop()
        sync_here(another, evidence_path=str(folder))

    assert is_complete(folder)
    assert {path.name for path in folder.iterdir()} == {"notes.txt", "requests.jsonl", "run.json"}
    assert other.read_text(encoding="utf-8") == "stays"
    assert not (folder / "requests.jsonl").is_symlink()


def test_without_a_sync_the_folder_is_not_touched(folder: Path, sandbox: Sandbox) -> None:
    for option in ("--discover", "--about", "--version", "--test"):
        run = sync(sandbox, option, **BODIES, **{EVIDENCE: str(folder)})
        assert run.code == 0, run.stderr
    assert "keeps nothing without evidence_path" in run_tap("--config=ENV", **BODIES).error
    assert not folder.exists()


def blocked_by_a_file(folder: Path) -> None:
    folder.write_text("x", encoding="utf-8")


def blocked_by_a_file_above(folder: Path) -> None:
    folder.parent.joinpath("file").write_text("x", encoding="utf-8")
    folder.symlink_to(folder.parent / "file" / "below")


def blocked_by_a_folder(folder: Path) -> None:
    (folder / "requests.jsonl" / "x").mkdir(parents=True)


@pytest.mark.parametrize("block", [blocked_by_a_file, blocked_by_a_file_above, blocked_by_a_folder])
def test_a_folder_that_cannot_be_used_ends_the_sync_before_it_begins(
    block: Callable[[Path], None], folder: Path, sandbox: Sandbox
) -> None:
    block(folder)
    run = sync(sandbox, **{EVIDENCE: str(folder)})

    assert f"The evidence in {folder} cannot be kept (" in run.error
    assert run.messages == []
    assert sandbox.journal.requests == []


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
@pytest.mark.parametrize("blocks", [0, 2])
def test_a_disk_that_fills_up_ends_the_sync(blocks: int, folder: Path) -> None:
    with Sandbox(demo(), Behaviour(page_size=1)) as sandbox:
        done = subprocess.run(
            ["sh", "-c", f'ulimit -f {blocks}; exec "$0" --config=ENV', TAP],
            capture_output=True,
            check=False,
            encoding="utf-8",
            env=environment(**sandbox.settings, **BODIES, **{EVIDENCE: str(folder)}),
        )

    run = Result(done.returncode, done.stdout, done.stderr)
    assert "cannot be kept (File too large): this sync is incomplete" in run.error
    assert not is_complete(folder)


@pytest.fixture
def held(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Sandbox, threading.Event]]:
    """A sync that waits for the second page of teammates."""
    release = threading.Event()
    with Sandbox(demo(), Behaviour(page_size=5)) as sandbox:
        sandbox.fail("/admins", faults.hold(release), nth=2)
        variables = {**sandbox.settings, **BODIES, EVIDENCE: str(folder)}
        with subprocess.Popen(
            [TAP, "--config=ENV"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environment(**variables),
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            while len(sandbox.journal.requests) < 2:
                threading.Event().wait(0.01)
            try:
                yield process, sandbox, release
            finally:
                release.set()
                process.kill()


Held = tuple["subprocess.Popen[str]", Sandbox, threading.Event]
"""The process, where it reads, and what lets it go on."""
ENDS = ["SIGTERM", "SIGINT", "SIGKILL"] if POSIX else []


@pytest.mark.parametrize("name", [*ENDS, "closed"])
def test_a_sync_that_is_ended_leaves_whole_lines_and_no_last_one(
    name: str, held: Held, folder: Path
) -> None:
    process, _, release = held
    if name == "closed":
        assert process.stdout is not None
        process.stdout.close()
        release.set()
    else:
        process.send_signal(getattr(signal, name))
    process.wait(60)

    assert process.returncode
    assert [line["stream"] for line in lines_of(folder)][:1] == ["admins"]
    assert not is_complete(folder)


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
def test_two_runs_do_not_share_a_folder(held: Held, folder: Path, sandbox: Sandbox) -> None:
    process, _, release = held
    second = sync_here(sandbox, evidence_path=str(folder))
    release.set()
    _, stderr = process.communicate(timeout=60)

    assert "another run is writing to it" in second.error
    assert sandbox.journal.requests == []
    assert process.returncode == 0, stderr
    assert lines_of(folder)[-1]["requests"] == 4


def test_evidence_is_kept_where_no_folder_can_be_opened_or_locked(
    folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def open_as_windows_does(path: str, flags: int, mode: int = 0o777) -> int:
        if Path(path).is_dir():
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, flags, mode)

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setattr(os, "open", open_as_windows_does)
    result = sync_here(sandbox, evidence_path=str(folder))

    assert result.error == ""
    assert is_complete(folder)


@pytest.mark.parametrize("name", ["requests.jsonl", "run.json"])
def test_a_file_that_is_replaced_meanwhile_ends_the_sync(
    name: str, held: Held, folder: Path
) -> None:
    process, _, release = held
    (folder / name).unlink()
    (folder / name).write_text("", encoding="utf-8")
    release.set()
    _, stderr = process.communicate(timeout=60)

    assert process.returncode == 1
    assert f"{folder / name}: another run has replaced it" in stderr
    assert not is_complete(folder)


def test_a_failed_sync_has_no_last_line_but_says_what_failed(
    folder: Path, sandbox: Sandbox
) -> None:
    sandbox.fail("/teams", faults.refuse(403, "forbidden"))
    result = sync_here(sandbox, evidence_path=str(folder))

    assert "team_memberships" in result.error
    assert [(line["status"], line["rows"]) for line in lines_of(folder)] == [(200, 13), (403, None)]


def test_another_time_is_only_given_back_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "recorded.json"
    file.write_text('{"began_at": 1}', encoding="utf-8")
    monkeypatch.setenv("INTERCOM_SANDBOX_REPLAY", str(file))

    assert json.loads(run_tap("--discover", INTERCOM_SANDBOX_REPLAY=str(file)).stdout)["streams"]
    with pytest.raises(TapError, match="base_url is not on this machine: nothing was read"):
        TapIntercomAccess(config={"access_token": "x"})
    with pytest.raises(TapError, match="names no recorded run"):
        TapIntercomAccess(config={"access_token": "x", "base_url": "http://127.0.0.1:1"})
