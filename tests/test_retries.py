"""Failures that may pass are retried, five attempts in all."""

import socket
import threading
import time
from collections.abc import Callable

import pytest

from tap_intercom_access.errors import TapError
from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.tap import TapIntercomAccess
from tests import faults
from tests.responses import HTML, SEARCH
from tests.tap import ACTIVATE, catalog_of, run_tap, sync, sync_here

pytestmark = pytest.mark.slow

NEVER = threading.Event()


PASSING = {
    "500": faults.status(500, HTML),
    "503": faults.refuse(503, "service_unavailable"),
    "408": faults.status(408),
    "request_timeout": faults.refuse(400, "request_timeout"),
    "too_many_requests": faults.refuse(403, "too_many_requests"),
    "retry_after": faults.refuse(422, "retry_after"),
    "drop": faults.drop(),
    "reset": faults.reset(),
    "truncate": faults.truncate(b'{"admins": [{"id": "1"}]}'),
    "timeout": faults.hold(NEVER),
    "encoding": faults.status(200, b"not gzip", {"Content-Encoding": "gzip"}),
}
LASTING = {
    "500": "Intercom returned a server error. Check https://www.intercomstatus.com",
    "reset": "Connection reset by peer",
    "truncate": "IncompleteRead",
    "timeout": "timed out",
}
"""Failures that don't pass, with their causes."""


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_passing_failure_loses_nothing(
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


@pytest.mark.parametrize("name", LASTING)
def test_a_lasting_failure_ends_after_five_attempts(name: str, sandbox: Sandbox) -> None:
    sandbox.fail("/admins", PASSING[name])

    run = sync(sandbox, request_timeout=1, **ACTIVATE)

    assert run.error.startswith("admins: gave up after 5 attempts: GET ")
    assert LASTING[name] in run.error
    assert {message["type"] for message in run.messages} == {"SCHEMA"}
    attempts = [warning.partition(" failed; retrying")[0] for warning in run.warnings]
    assert attempts == [f"admins: Attempt {number} of 5" for number in range(1, 5)]
    assert len(sandbox.journal.requests) == 5


def test_a_refused_connection_ends_after_five_attempts() -> None:
    with Sandbox(demo()) as gone:
        settings = gone.settings

    error = run_tap("--config=ENV", **settings).error

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
    """Let each lookup of a name fail with a code, and return the names that were looked up."""

    def fail_lookups(code: int, proxy: str = "") -> list[object]:
        names: list[object] = []

        def getaddrinfo(host: object, *_: object, **__: object) -> None:
            names.append(host)
            raise socket.gaierror(code, "Name or service not known")

        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "")
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(time, "sleep", lambda _: None)
        return names

    return fail_lookups


@pytest.mark.parametrize("proxy", ["", "http://proxy.exampel:3128"])
@pytest.mark.parametrize(("code", "attempts"), [(socket.EAI_NONAME, 2), (socket.EAI_AGAIN, 5)])
def test_an_unknown_host_is_tried_twice_and_a_silent_name_server_five_times(
    code: int,
    attempts: int,
    proxy: str,
    fail_lookups: Callable[..., list[object]],
    sandbox: Sandbox,
) -> None:
    lookups = fail_lookups(code, proxy)

    result = sync_here(sandbox, base_url="https://api.intercom.invalid")

    host = "proxy.exampel" if proxy else "api.intercom.invalid"
    assert f"failed: Failed to resolve '{host}'" in result.error
    assert "Check the network, base_url, and proxy variables" in result.error
    assert lookups == [host] * attempts


def test_the_test_mode_tries_an_unknown_host_once(
    fail_lookups: Callable[..., list[object]],
) -> None:
    lookups = fail_lookups(socket.EAI_NONAME)
    config = {"access_token": "token", "base_url": "https://api.intercom.invalid"}

    with pytest.raises(TapError, match="Failed to resolve"):
        TapIntercomAccess(config=config).run_connection_test()

    assert lookups == ["api.intercom.invalid"]
