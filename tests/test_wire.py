"""Responses are read within limits of time, size, and nesting."""

from __future__ import annotations

import gzip
import shlex
from typing import TYPE_CHECKING

import pytest

from tests import faults
from tests.responses import SEARCH
from tests.tap import (
    NEEDS_POSIX,
    POSIX,
    TAP,
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
MIB = 1024 * 1024


def dripping(before: bytes, dripped: bytes) -> Fault:
    """Send the second part byte by byte, so that it takes minutes without a long pause."""
    return faults.raw(before, *(bytes([byte]) for byte in dripped), every=0.1)


@pytest.mark.parametrize(
    "fault",
    [
        dripping(OK + b"Content-Length: %d\r\n\r\n" % len(BODY), BODY),
        dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 200),
        dripping(OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(bytes(range(256)) * 9)),
    ],
    ids=["body", "chunks", "gzip"],
)
def test_a_body_that_arrives_too_slowly_is_requested_again(fault: Fault, sandbox: Sandbox) -> None:
    sandbox.fail("/admins", fault, nth=1)

    run = sync(sandbox, request_timeout="1")

    assert "no whole response within 10 seconds" in run.stderr
    assert run.code == 0
    assert len(run.records("admins")) == 13


def bomb(mebibytes: int) -> bytes:
    """Return a gzip body of so many MiB of zeros."""
    return gzip.compress(bytes(MIB)) * mebibytes


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
@pytest.mark.parametrize("status", [200, 302, 401, 500])
def test_a_decompression_bomb_is_refused_with_little_memory(
    status: int, sandbox: Sandbox, tmp_path: Path
) -> None:
    headers = {"Content-Encoding": "gzip", "Location": "/elsewhere"}
    for path in (SEARCH, "/admins"):
        sandbox.fail(path, faults.status(status, bomb(600), headers))

    files = files_of(tmp_path, catalog=catalog_of("admins", "activity_logs"))
    command = shlex.join([TAP, "--config=ENV", *files])
    script = f"ulimit -v {1200 * 1024} && exec {command}"
    run = run_command("bash", "-c", script, **sandbox.settings)

    assert f"failed: HTTP {status} with more than 512 MiB (TooLargeError)" in run.error
    assert len(sandbox.journal.requests) == 1


@pytest.mark.parametrize("status", [200, 401, 403, 500])
def test_a_long_error_page_is_truncated_in_messages(status: int, sandbox: Sandbox) -> None:
    page = f"<html>{'lorem ipsum/dolor%3D ' * 800_000}{sandbox.token}</html>"
    sandbox.fail("/admins", faults.status(status, page))

    run = sync(sandbox, TAP_INTERCOM_ACCESS_LOGLEVEL="DEBUG")

    assert run.code == 1
    assert sandbox.token not in run.stderr
    assert len(run.stderr) < 100_000


def test_a_switch_to_another_protocol_is_refused(sandbox: Sandbox) -> None:
    fault = faults.raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + BODY)

    assert "answered HTTP 101. The tap accepts only HTTP 200" in failed(sandbox, fault)


@pytest.mark.parametrize(
    "body",
    [b'{"admins": [{"id": "1", "x": %s}]}', b'{"admins": %s}', b"%s", b'{"errors": %s}'],
)
@pytest.mark.parametrize("status", [200, 401])
def test_a_deeply_nested_response_is_reported(body: bytes, status: int, sandbox: Sandbox) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000

    error = failed(sandbox, faults.status(status, body % deep))

    assert f"GET {sandbox.base_url}/admins answered HTTP {status}" in error
    assert "[[" not in error
