"""Connections: temporary failures, limits of time and size, and the rate limit."""

import gzip
import shlex
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Response

from tap_intercom_access.errors import TapError
from tap_intercom_access.sandbox.demo import demo, generate_workspace
from tap_intercom_access.sandbox.server import Behaviour, Sandbox, error
from tap_intercom_access.tap import TapIntercomAccess
from tests import faults
from tests.responses import HTML, SEARCH
from tests.tap import (
    ACTIVATE,
    TAP,
    catalog_of,
    failed,
    files_of,
    run_command,
    sync,
    sync_here,
    waits,
)

pytestmark = pytest.mark.slow

NEVER = threading.Event()


PASSING = {
    "500": faults.status(500, HTML),
    "503": faults.refuse(503, "service_unavailable"),
    "408": faults.status(408),
    "request_timeout": faults.refuse(400, "request_timeout"),
    "too_many_requests": faults.refuse(403, "too_many_requests"),
    "retry_after": faults.refuse(422, "retry_after"),
    "200": faults.refuse(200, "request_timeout"),
    "drop": faults.drop(),
    "reset": faults.reset(),
    "truncate": faults.truncate(b'{"admins": [{"id": "1"}]}'),
    "timeout": faults.hold(NEVER),
    "encoding": faults.status(200, b"not gzip", {"Content-Encoding": "gzip"}),
}
LASTING = {
    "503": "Intercom had a temporary problem. Check https://www.intercomstatus.com",
    "408": "Intercom, or a proxy in between, had a temporary problem",
    "too_many_requests": "Intercom had a temporary problem",
    "200": "Intercom had a temporary problem",
    "reset": "Connection reset by peer",
    "truncate": "IncompleteRead",
    "timeout": "timed out",
}
"""Permanent failures, with their causes in the message."""


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_temporary_failure_loses_no_record(
    fault: faults.Fault, paged: Sandbox, sandbox: Sandbox
) -> None:
    paged.fail("/admins", fault, nth=2)

    run = sync(paged, request_timeout=5)

    (warning,) = run.warnings
    assert warning.startswith("admins: Attempt 1 of 5 failed; retrying in ")
    assert f"GET {paged.base_url}/admins " in warning
    assert "Parameters: starting_after " in warning
    assert "again" not in warning
    assert "Backing off" not in run.stderr
    assert len(paged.journal.requests) == 5
    assert run.records("admins") == sync(sandbox).records("admins")


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait between attempts."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("name", LASTING)
def test_a_permanent_failure_ends_the_sync_after_five_attempts(name: str, sandbox: Sandbox) -> None:
    sandbox.fail("/admins", PASSING[name])

    run = sync_here(sandbox, request_timeout=1, **ACTIVATE)

    assert run.error.startswith("admins: gave up after 5 attempts: GET ")
    assert LASTING[name] in run.error
    assert {message["type"] for message in run.messages} == {"SCHEMA"}
    attempts = [warning.partition(" failed; retrying")[0] for warning in run.warnings]
    assert attempts == [f"admins: Attempt {number} of 5" for number in range(1, 5)]
    assert len(sandbox.journal.requests) == 5


@pytest.mark.usefixtures("hurried")
def test_a_refused_connection_ends_after_five_attempts() -> None:
    with Sandbox(demo()) as gone:
        pass

    error = sync_here(gone).error

    assert f"gave up after 5 attempts: GET {gone.base_url}/admins failed: " in error
    assert "Connection refused" in error


def test_a_retry_of_a_window_shows_its_bounds(sandbox: Sandbox) -> None:
    sandbox.fail(SEARCH, faults.status(503), nth=1)

    (warning,) = sync(sandbox, catalog=catalog_of("activity_logs")).warnings

    assert warning.startswith("activity_logs: Attempt 1 of 5 failed; retrying in ")
    assert "created_at_after " in warning
    assert "event_types" not in warning


@pytest.fixture
def fail_lookups(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[object]]:
    """Return a function that makes DNS lookups fail, and returns the names that are looked up.

    The lookups fail with its codes in order. The last code is repeated.
    """

    def fail_lookups(*codes: int, proxy: str = "") -> list[object]:
        names: list[object] = []

        def getaddrinfo(host: object, *_: object, **__: object) -> None:
            names.append(host)
            raise socket.gaierror(codes[min(len(names), len(codes)) - 1], "Name not known")

        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "")
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(time, "sleep", lambda _: None)
        return names

    return fail_lookups


@pytest.mark.parametrize("proxy", ["", "http://proxy.exampel:3128"])
@pytest.mark.parametrize(
    ("codes", "attempts"),
    [
        ([socket.EAI_NONAME], 2),
        ([socket.EAI_AGAIN, socket.EAI_NONAME], 3),
        ([socket.EAI_AGAIN], 5),
    ],
)
def test_an_unknown_host_is_tried_twice_and_a_silent_name_server_five_times(
    codes: list[int],
    attempts: int,
    proxy: str,
    fail_lookups: Callable[..., list[object]],
    sandbox: Sandbox,
) -> None:
    lookups = fail_lookups(*codes, proxy=proxy)

    result = sync_here(sandbox, base_url="https://api.intercom.invalid")

    host = "proxy.exampel" if proxy else "api.intercom.invalid"
    assert f"failed: Failed to resolve '{host}'" in result.error
    assert "Check the network, base_url, and proxy variables" in result.error
    assert lookups == [host] * attempts


def test_test_mode_tries_an_unknown_host_once(
    fail_lookups: Callable[..., list[object]],
) -> None:
    lookups = fail_lookups(socket.EAI_NONAME)
    config = {"access_token": "token", "base_url": "https://api.intercom.invalid"}

    with pytest.raises(TapError, match="Failed to resolve"):
        TapIntercomAccess(config=config).run_connection_test()

    assert lookups == ["api.intercom.invalid"]


# Limits of time, size, and nesting


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODY = b'{"type": "admin.list", "admins": [{"id": "1"}], "x": "%s"}' % (b"y" * 1000)
MIB = 1024 * 1024


def dripping(before: bytes, dripped: bytes) -> faults.Fault:
    """Send the second part byte by byte, so that it takes minutes without a timeout."""
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
def test_a_body_that_arrives_too_slowly_is_retried(fault: faults.Fault, sandbox: Sandbox) -> None:
    sandbox.fail("/admins", fault, nth=1)

    run = sync(sandbox, request_timeout="1")

    assert "no complete response within 10 seconds" in run.stderr
    assert run.code == 0
    assert len(run.records("admins")) == 13


def bomb(mebibytes: int) -> bytes:
    """Return a gzip body that decompresses to a number of MiB."""
    return gzip.compress(bytes(MIB)) * mebibytes


@pytest.mark.parametrize("status", [200, 302, 401, 500])
def test_a_decompression_bomb_is_refused(status: int, sandbox: Sandbox, tmp_path: Path) -> None:
    headers = {"Content-Encoding": "gzip", "Location": "/elsewhere"}
    for path in (SEARCH, "/admins"):
        sandbox.fail(path, faults.status(status, bomb(600), headers))

    files = files_of(tmp_path, catalog=catalog_of("admins", "activity_logs"))
    command = shlex.join([TAP, "--config=ENV", *files])
    script = f"ulimit -v {1200 * 1024} && exec {command}"
    run = run_command("bash", "-c", script, **sandbox.settings)

    assert f"failed: HTTP {status} with a body over 512 MiB (TooLargeError)" in run.error
    assert len(sandbox.journal.requests) == 1


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


# The rate limit


@pytest.mark.parametrize("ahead", [-5 * 3600, 0, 5 * 3600])
def test_the_wait_after_a_429_uses_intercoms_clock(ahead: int, sandbox: Sandbox) -> None:
    sandbox.behaviour.clock_offset = ahead
    resets: list[int] = []

    def refuse() -> Response:
        resets.append(int(sandbox.behaviour.now()) + 3)
        headers = {"X-RateLimit-Reset": f"{resets[0]}"}
        return error(429, "rate_limit_exceeded", "Later", **headers)

    sandbox.fail("/admins", refuse, nth=1)

    run = sync(sandbox)

    assert run.error == ""
    (waited,) = waits(run)
    assert waited <= 3.1
    assert sandbox.journal.times[1] + ahead >= resets[0]


def test_waiting_for_the_limit_is_not_a_failed_attempt(sandbox: Sandbox) -> None:
    refusal = faults.refuse(429, "rate_limit_exceeded", headers={"Retry-After": "0"})
    for number in range(1, 8):
        sandbox.fail("/admins", refusal, nth=number)

    run = sync(sandbox)

    assert run.error == ""
    assert waits(run) == [1.0] * 7


def test_a_real_limit_is_never_exceeded() -> None:
    with Sandbox(generate_workspace(50, 1), Behaviour(page_size=10, rate_limit=4)) as limited:
        run = sync(limited)

    assert run.error == ""
    assert len(run.records("admins")) == 50
    assert len(limited.journal.requests) == 6  # no request was refused


def test_a_429_that_requests_too_long_a_wait_fails_the_sync(sandbox: Sandbox) -> None:
    headers = {"Retry-After": "301"}

    sentence = failed(sandbox, faults.refuse(429, "rate_limit_exceeded", "Slow down", headers))

    assert "HTTP 429, rate_limit_exceeded: Slow down" in sentence
    assert "300 seconds" in sentence
    assert len(sandbox.journal.requests) == 1


def test_repeated_429s_fail_the_sync_after_the_documented_wait(sandbox: Sandbox) -> None:
    sandbox.fail("/admins", faults.refuse(429, "too_many_requests", headers={"Retry-After": "2"}))
    shorter = (
        "from tap_intercom_access import cli; from tap_intercom_access.intercom import rate_limit; "
        "rate_limit.MAX_WAIT = 5; cli.main()"
    )

    run = run_command(sys.executable, "-c", shorter, "--config=ENV", **sandbox.settings)

    assert "HTTP 429, too_many_requests" in run.error
    assert waits(run) == [2.0, 2.0]
    assert len(sandbox.journal.requests) == 3
