"""A try has an end, and a response a largest size, whatever comes over the wire."""

from __future__ import annotations

import gzip
import shlex
from typing import TYPE_CHECKING

import pytest

from tap_intercom_access.sandbox.history import generate_events
from tap_intercom_access.sandbox.models import DAY
from tests import faults
from tests.responses import NOW, SEARCH
from tests.tap import (
    NEEDS_POSIX,
    POSIX,
    TAP,
    Result,
    catalog_of,
    failed,
    files_of,
    run_command,
    sync,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Fault, Sandbox

pytestmark = pytest.mark.slow

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODY = b'{"type": "admin.list", "admins": [{"id": "1"}], "x": "%s"}' % (b"y" * 1000)
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"
MIB = 1024 * 1024


def dripping(before: bytes, dripped: bytes) -> Fault:
    """Send the rest of a response so slowly that it takes minutes, without a pause that is long."""
    return faults.raw(before, *(bytes([byte]) for byte in dripped), every=0.1)


@pytest.mark.parametrize(
    "fault",
    [
        dripping(b"", OK * 30),
        dripping(OK, b"X-Header: y\r\n" * 100),
        dripping(b"", HINTS * 30),
        dripping(OK + b"Content-Length: %d\r\n\r\n" % len(BODY), BODY),
        dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 200),
        dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 1000),
        dripping(OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(bytes(range(256)) * 9)),
    ],
    ids=["status", "headers", "hints", "body", "chunks", "size of a chunk", "gzip"],
)
def test_a_try_ends_although_bytes_keep_coming(fault: Fault, sandbox: Sandbox) -> None:
    sandbox.fail("/admins", fault, nth=1)

    run = sync(sandbox, request_timeout="1")

    assert "no whole response within 10 seconds" in run.stderr
    assert run.code == 0
    assert len(run.records("admins")) == 13


def bomb(mebibytes: int) -> bytes:
    """A body of zeros in gzip."""
    return gzip.compress(bytes(MIB)) * mebibytes


def start_with_little_memory(sandbox: Sandbox, tmp_path: Path, limits: str) -> Result:
    """Run the tap within limits of the operating system, such as `ulimit -v` knows them."""
    files = files_of(tmp_path, catalog=catalog_of("admins", "activity_logs"))
    command = shlex.join([TAP, "--config=ENV", *files])
    script = f"{limits} && exec {command}"
    return run_command("bash", "-c", script, **sandbox.settings)


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
@pytest.mark.parametrize("status", [200, 302, 401, 500])
def test_a_response_that_swells_is_refused_within_little_memory(
    status: int, sandbox: Sandbox, tmp_path: Path
) -> None:
    headers = {"Content-Encoding": "gzip", "Location": "/elsewhere"}
    for path in (SEARCH, "/admins"):
        sandbox.fail(path, faults.status(status, bomb(600), headers))

    run = start_with_little_memory(sandbox, tmp_path, f"ulimit -v {1200 * 1024}")

    assert f"failed: HTTP {status} with more than 512 MiB (TooLargeError)" in run.error
    assert len(sandbox.journal.requests) == 1


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
def test_where_no_thread_is_to_be_had_all_events_are_read(sandbox: Sandbox, tmp_path: Path) -> None:
    # Each thread would get a stack that is larger than all the memory that there is.
    limits = f"ulimit -s {3 * MIB} && ulimit -v {2 * MIB}"
    sandbox.workspace.history = generate_events(3000, NOW - 80 * DAY, NOW - DAY)

    run = start_with_little_memory(sandbox, tmp_path, limits)

    assert run.code == 0, run.stderr
    assert len(run.records("activity_logs")) == 3000


@pytest.mark.parametrize("status", [200, 401, 403, 500])
def test_a_long_page_is_cut_before_it_is_searched(status: int, sandbox: Sandbox) -> None:
    page = f"<html>{'lorem ipsum/dolor%3D ' * 800_000}{sandbox.token}</html>"
    sandbox.fail("/admins", faults.status(status, page))

    run = sync(sandbox, TAP_INTERCOM_ACCESS_LOGLEVEL="DEBUG")

    assert run.code == 1
    assert sandbox.token not in run.stderr
    assert len(run.stderr) < 100_000


@pytest.mark.parametrize(
    "before",
    [
        HINTS,
        HINTS * 3,
        b"HTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + HINTS,
    ],
)
def test_what_comes_before_a_response_is_skipped(before: bytes, sandbox: Sandbox) -> None:
    body = b'{"type": "admin.list", "admins": [{"id": "1"}]}'
    sandbox.fail(
        "/admins", faults.raw(before + OK + b"Content-Length: %d\r\n\r\n" % len(body) + body), nth=1
    )

    run = sync(sandbox)

    assert run.code == 0, run.stderr
    assert [record["id"] for record in run.records("admins")] == ["1"]


def test_another_protocol_is_no_list(sandbox: Sandbox) -> None:
    fault = faults.raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + BODY)

    assert "answered HTTP 101. Only HTTP 200 is a whole list" in failed(sandbox, fault)


@pytest.mark.parametrize(
    "body",
    [b'{"admins": [{"id": "1", "x": %s}]}', b'{"admins": %s}', b"%s", b'{"errors": %s}'],
)
@pytest.mark.parametrize("status", [200, 401])
def test_a_response_that_is_nested_without_end_is_a_sentence(
    body: bytes, status: int, sandbox: Sandbox
) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000

    error = failed(sandbox, faults.status(status, body % deep))

    assert f"GET {sandbox.base_url}/admins answered HTTP {status}" in error
    assert "bytes that begin as JSON does" in error


def test_a_body_that_is_cut_off_shows_nobodys_name(sandbox: Sandbox) -> None:
    body = b'{"type": "admin.list", "admins": [{"id": "1", "name": "Secret Name"}'

    for content in (body, body.decode().encode("utf-16"), b"\xef\xbb\xbf" + body):
        error = failed(sandbox, faults.status(200, content))

        assert "Secret" not in error
        assert "S?e?c" not in error
