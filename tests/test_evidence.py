"""The evidence of a sync, and its last line, which proves that the sync is complete."""

import gzip
import hashlib
import io
import json
import os
import re
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

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
    Process,
    Result,
    catalog_of,
    run_command,
    started,
    sync,
    sync_here,
)


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


def test_each_response_has_a_line_and_a_complete_sync_has_a_last_line(
    folder: Path, paged: Sandbox
) -> None:
    catalog = catalog_of("activity_logs", "admins", "team_memberships")
    run = sync(paged, catalog=catalog, workspace_id="sandbox", evidence_path=folder)
    host = paged.base_url.removeprefix("http://")

    assert run.error == ""
    *responses, last = lines_of(folder)
    assert [(line["stream"], line["path"], line["rows"]) for line in responses] == [
        ("workspaces", "/me", 1),
        ("activity_logs", SEARCH, len(run.records("activity_logs"))),
        ("admins", "/admins", 5),
        ("admins", "/admins", 5),
        ("admins", "/admins", 3),
        ("team_memberships", "/teams", 4),
    ]
    first, search = responses[0], responses[1]
    assert (first["method"], first["host"], first["status"]) == ("GET", host, 200)
    assert (first["api_version"], first["intercom_version"]) == ("2.16", "2.16")
    assert first["date"].endswith(" GMT")
    assert first["intercom_time"].endswith("Z")
    assert len({line["request_id"] for line in responses}) == len(responses)
    assert search["params"]["created_at_after"] < search["params"]["created_at_before"]
    assert responses[3]["params"].keys() == {"starting_after"}
    assert bodies_in(folder).keys() == {line["sha256"] for line in responses}
    check_last_line(last, run, requests=len(responses))
    assert last["filters"]["event_types"] == search["params"]["event_types"]
    started = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert started["state"] is None
    assert started["settings"]["workspace_id"] == "sandbox"


def bodies_in(folder: Path) -> dict[str, bytes]:
    """Return the content of each body by the SHA-256 in its name."""
    paths = (folder / "bodies").iterdir()
    return {path.name.split(".")[0]: gzip.decompress(path.read_bytes()) for path in paths}


def check_last_line(last: dict[str, Any], run: Result, requests: int) -> None:
    assert last["type"] == "complete"
    assert last["requests"] == requests
    assert last["streams"].keys() == {"activity_logs", "admins", "team_memberships"}
    for stream, summary in last["streams"].items():
        names, records = run.schema(stream)["key_properties"], run.records(stream)
        assert summary["keys"] == names
        assert summary["rows"] == len(records)
        assert summary["keys_sha256"] == digest_of(records, *names)
    assert last["filters"]["other"] == "none"
    assert last["filters"]["window"]["from"] < last["filters"]["window"]["to"]
    assert last["versions"].keys() == {"tap", "singer_sdk", "python", "intercom_api"}


def test_selected_columns_maps_and_skipped_rows_are_listed(folder: Path, sandbox: Sandbox) -> None:
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
    assert last["filters"]["other"] == "1 row of type 'team' among the admins"


ODD_IDS = ["a", "a b", 'a"', 'a","b', "a\\", "a\n", "a\r\n", "a\u2028", "ä", "\U0001f30d", "\uff5e"]


@pytest.mark.parametrize("ids", [ODD_IDS, []], ids=["any", "none"])
def test_keys_are_sorted_as_json(ids: list[str], folder: Path, sandbox: Sandbox) -> None:
    sandbox.respond("/teams", {"teams": [{"id": id_, "admin_ids": []} for id_ in ids]})
    result = sync_here(sandbox, catalog=catalog_of("teams"), evidence_path=str(folder))

    assert result.error == ""
    summary = lines_of(folder)[-1]["streams"]["teams"]
    assert summary["rows"] == len(ids)
    assert summary["keys_sha256"] == digest_of(result.records("teams"), "id")


def test_no_file_contains_the_token(folder: Path, sandbox: Sandbox) -> None:
    echo = {"X-Request-Id": f"id {sandbox.token}", "Retry-After": "0"}
    sandbox.fail("/admins", faults.status(429, f"wait, {sandbox.token}", echo), nth=1)
    settings: dict[str, Any] = {
        "stream_map_config": {"salt": "secret salt", "token": sandbox.token},
        "stream_maps": {"admins": {"secret": f"md5('{sandbox.token}')"}},
    }
    state = {"bookmarks": {"admins": {"of": f"the token {sandbox.token}"}}}
    result = sync_here(sandbox, state=state, evidence_path=str(folder), **settings)

    assert result.error == ""
    assert is_complete(folder)
    line = lines_of(folder)[0]
    assert (line["status"], line["request_id"]) == (429, "id ***")
    assert bodies_in(folder)[line["kept_sha256"]] == b"wait, ***"
    assert line["kept_sha256"] != line["sha256"]
    assert sandbox.token not in everything_in(folder)
    assert "secret salt" not in everything_in(folder)


@pytest.mark.parametrize("times", [1, 10_000])
def test_a_list_with_the_token_is_masked(times: int, folder: Path, sandbox: Sandbox) -> None:
    rows = '{"admins": [{"id": "1", "name": "TOKEN"}]}'
    sandbox.fail("/admins", faults.status(200, rows.replace("TOKEN", sandbox.token * times)))
    sync_here(sandbox, evidence_path=str(folder))

    (body,) = bodies_in(folder).values()
    assert rows.startswith(re.sub(r"\*+", "TOKEN", body.decode()))
    assert not is_complete(folder)


def everything_in(folder: Path) -> str:
    files = [path.read_bytes() for path in folder.glob("*.json*")]
    assert len(files) == 2
    return b"".join([*files, *bodies_in(folder).values()]).decode()


YEAR = str(time.gmtime().tm_year)


@pytest.mark.parametrize("password", [YEAR, "200", "%22status%22:", "%22settings%22:", "password"])
def test_a_proxy_password_does_not_damage_evidence(
    password: str, folder: Path, sandbox: Sandbox
) -> None:
    proxy = {"HTTPS_PROXY": f"http://user:{password}@127.0.0.1:1"}
    types = ["admin_password_reset_request"]
    assert sync(sandbox, activity_types=types, evidence_path=folder, **proxy).error == ""

    line, *_, last = lines_of(folder)
    assert (line["path"], line["status"]) == ("/admins", 200)
    assert "***" not in json.dumps([line, last])
    assert json.loads((folder / "run.json").read_bytes())["settings"]["activity_types"] == types
    for digest, body in bodies_in(folder).items():
        assert hashlib.sha256(body).hexdigest() == digest


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277])
def test_only_the_owner_can_read_the_files(umask: int, folder: Path, sandbox: Sandbox) -> None:
    before = os.umask(umask)
    try:
        result = sync_here(sandbox, evidence_path=str(folder))
    finally:
        os.umask(before)

    modes = {
        (path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in [folder, *folder.rglob("*")]
    }
    assert result.error == ""
    assert modes == {(True, 0o700), (False, 0o600)}


def test_a_run_replaces_only_its_own_files(folder: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    other = tmp_path / "of another program"
    other.write_text("stays", encoding="utf-8")
    sync_here(sandbox, evidence_path=str(folder))
    (folder / "notes.txt").write_text("stays", encoding="utf-8")
    (folder / "requests.jsonl").unlink()
    (folder / "requests.jsonl").symlink_to(other)
    with Sandbox(demo()) as another:
        another.workspace.admins.pop()
        sync_here(another, evidence_path=str(folder))

    assert is_complete(folder)
    assert (folder / "notes.txt").exists()
    assert bodies_in(folder).keys() == {line["sha256"] for line in lines_of(folder)[:-1]}
    assert other.read_text(encoding="utf-8") == "stays"


def test_without_a_sync_the_folder_is_not_touched(folder: Path, sandbox: Sandbox) -> None:
    for option in ("--discover", "--about", "--version", "--test"):
        assert sync(sandbox, option, evidence_path=folder).error == ""
    assert not folder.exists()


def blocked_by_a_file(folder: Path) -> None:
    folder.write_text("x", encoding="utf-8")


def blocked_by_a_folder(folder: Path) -> None:
    (folder / "requests.jsonl" / "x").mkdir(parents=True)


@pytest.mark.parametrize("block", [blocked_by_a_file, blocked_by_a_folder])
def test_an_unusable_folder_fails_the_sync_at_its_start(
    block: Callable[[Path], None], folder: Path, sandbox: Sandbox
) -> None:
    block(folder)
    run = sync(sandbox, evidence_path=folder)

    assert run.error.startswith(f"Can't write the evidence to {folder} (")
    assert "Set evidence_path to a writable folder" in run.error
    assert run.messages == []
    assert sandbox.journal.requests == []


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
@pytest.mark.parametrize("blocks", [0, 2])
def test_a_full_disk_ends_the_sync(blocks: int, folder: Path) -> None:
    with Sandbox(demo(), Behaviour(page_size=1)) as sandbox:
        command = ["sh", "-c", f'ulimit -f {blocks}; exec "$0" --config=ENV', TAP]
        run = run_command(*command, evidence_path=folder, **sandbox.settings)

    assert "(File too large): this sync is incomplete" in run.error
    assert not is_complete(folder)


Held = tuple[Process, threading.Event]
"""The process, and the event that releases the held page."""


@pytest.fixture
def held(folder: Path, paged: Sandbox) -> Iterator[Held]:
    """A sync that waits for the second page of teammates."""
    release = threading.Event()
    paged.fail("/admins", faults.hold(release), nth=2)
    with started(paged, evidence_path=folder) as process:
        process.read_line()
        while len(paged.journal.requests) < 2:
            time.sleep(0.01)
        try:
            yield process, release
        finally:
            release.set()


ENDS = ["SIGTERM", "SIGINT", "SIGKILL"] if POSIX else []


@pytest.mark.parametrize("name", [*ENDS, "closed"])
def test_an_interrupted_sync_has_no_last_line(name: str, held: Held, folder: Path) -> None:
    process, release = held
    if name == "closed":
        process.stdout.close()
        release.set()
    else:
        process.send_signal(getattr(signal, name))
    process.wait(60)

    assert process.returncode
    assert [line["stream"] for line in lines_of(folder)][:1] == ["admins"]
    assert not is_complete(folder)


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
def test_two_runs_cannot_use_the_same_folder(held: Held, folder: Path, sandbox: Sandbox) -> None:
    process, release = held
    second = sync_here(sandbox, evidence_path=str(folder))
    release.set()

    assert process.ended().error == ""
    assert "another run is writing to it" in second.error
    assert sandbox.journal.requests == []
    assert lines_of(folder)[-1]["requests"] == 4


def test_evidence_is_written_where_folders_cannot_be_opened_or_locked(
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
def test_a_file_replaced_during_the_sync_fails_it(name: str, held: Held, folder: Path) -> None:
    process, release = held
    (folder / name).unlink()
    (folder / name).write_text("", encoding="utf-8")
    release.set()

    assert f"{folder / name}: another run has replaced it" in process.ended().error
    assert not is_complete(folder)


def test_a_failed_sync_has_no_last_line(folder: Path, sandbox: Sandbox) -> None:
    sandbox.fail("/teams", faults.refuse(403, "forbidden"))
    result = sync_here(sandbox, evidence_path=str(folder))

    assert "team_memberships" in result.error
    assert [(line["status"], line["rows"]) for line in lines_of(folder)] == [(200, 13), (403, None)]


class ClosedPipe(io.BytesIO):
    """The stdout of a process whose reader has ended."""

    @override
    def write(self, _: object, /) -> int:
        raise BrokenPipeError


def test_a_program_can_retry_a_failed_sync(
    folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(ClosedPipe()))
    config = {"access_token": sandbox.token, "base_url": sandbox.base_url}
    tap = TapIntercomAccess(config=config | {"evidence_path": str(folder)})  # is still referenced
    with pytest.raises(TapError, match="closed the pipe"):
        tap.sync_all()

    assert sync_here(sandbox, evidence_path=str(folder)).error == ""
    assert is_complete(folder)
