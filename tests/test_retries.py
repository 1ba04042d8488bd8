"""Failures that may pass are retried, five attempts in all."""

import socket
import threading

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


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(500, HTML),
        faults.refuse(503, "service_unavailable"),
        faults.status(408),
        faults.refuse(400, "request_timeout"),
        faults.refuse(403, "too_many_requests"),
        faults.refuse(422, "retry_after"),
        faults.drop(),
        faults.reset(),
        faults.truncate(b'{"admins": [{"id": "1"}]}'),
        faults.hold(NEVER),
        faults.status(200, b"not gzip", {"Content-Encoding": "gzip"}),
    ],
    ids=[
        "500",
        "503",
        "408",
        "request_timeout",
        "too_many_requests",
        "retry_after",
        "drop",
        "reset",
        "truncate",
        "timeout",
        "encoding",
    ],
)
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


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (
            faults.refuse(500, "server_error"),
            "Intercom returned a server error. Check https://www.intercomstatus.com",
        ),
        (faults.reset(), "Connection reset by peer"),
        (faults.truncate(b'{"admins": [{"id": "1"}]}'), "IncompleteRead"),
        (faults.hold(NEVER), "timed out"),
    ],
    ids=["500", "reset", "truncate", "timeout"],
)
def test_a_lasting_failure_ends_after_five_attempts(
    fault: faults.Fault, cause: str, sandbox: Sandbox
) -> None:
    sandbox.fail("/admins", fault)

    run = sync(sandbox, request_timeout=1, **ACTIVATE)

    assert run.error.startswith("admins: gave up after 5 attempts: GET ")
    assert cause in run.error
    assert {message["type"] for message in run.messages} == {"SCHEMA"}
    attempts = [warning.partition(" failed; retrying")[0] for warning in run.warnings]
    assert attempts == [f"admins: Attempt {number} of 5" for number in range(1, 5)]
    assert len(sandbox.journal.requests) == 5


def test_a_refused_connection_ends_after_five_attempts() -> None:
    with Sandbox(demo()) as gone:
        settings = gone.settings

    error = run_tap("--config=ENV", **settings).error

    assert f"GET {gone.base_url}/admins failed: " in error
    assert "Connection refused" in error


def test_a_retry_of_a_window_shows_its_bounds(sandbox: Sandbox) -> None:
    sandbox.fail(SEARCH, faults.status(503), nth=1)

    (warning,) = sync(sandbox, catalog=catalog_of("activity_logs")).warnings

    assert warning.startswith("activity_logs: Attempt 1 of 5 failed; retrying in ")
    assert "created_at_after " in warning
    assert "event_types" not in warning


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The names that were looked up. None of them exists."""
    names: list[object] = []

    def fail(host: object, *_: object, **__: object) -> None:
        names.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "*")
    monkeypatch.setattr(socket, "getaddrinfo", fail)
    return names


def test_an_unknown_host_is_tried_twice(sandbox: Sandbox, lookups: list[object]) -> None:
    result = sync_here(sandbox, base_url="https://api.intercom.invalid")

    assert "failed: Failed to resolve 'api.intercom.invalid'" in result.error
    assert "Check the network, base_url, and proxy variables" in result.error
    assert lookups == ["api.intercom.invalid"] * 2


def test_the_test_mode_tries_an_unknown_host_once(lookups: list[object]) -> None:
    config = {"access_token": "token", "base_url": "https://api.intercom.invalid"}

    with pytest.raises(TapError, match="Failed to resolve"):
        TapIntercomAccess(config=config).run_connection_test()

    assert lookups == ["api.intercom.invalid"]
