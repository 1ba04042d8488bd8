"""Failures that may pass are tried again, five times in all."""

import threading

import pytest

from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.server import Sandbox
from tests import faults
from tests.responses import HTML
from tests.tap import ACTIVATE, run_tap, sync

pytestmark = pytest.mark.slow

NEVER = threading.Event()


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(500, HTML),
        faults.refuse(503, "service_unavailable"),
        faults.drop(),
        faults.reset(),
        faults.truncate(b'{"admins": [{"id": "1"}]}'),
        faults.hold(NEVER),
        faults.status(200, b"not gzip", {"Content-Encoding": "gzip"}),
    ],
    ids=["500", "503", "drop", "reset", "truncate", "timeout", "encoding"],
)
def test_a_passing_failure_loses_nothing(
    fault: faults.Fault, paged: Sandbox, sandbox: Sandbox
) -> None:
    paged.fail("/admins", fault, nth=2)

    run = sync(paged, request_timeout=5)

    assert run.stderr.count("Try 1 of 5 failed") == 1
    assert "Backing off" not in run.stderr
    assert len(paged.journal.requests) == 5
    assert run.records("admins") == sync(sandbox).records("admins")


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (faults.refuse(500, "server_error"), "Intercom is failing: see"),
        (faults.reset(), "Connection reset by peer"),
        (faults.truncate(b'{"admins": [{"id": "1"}]}'), "IncompleteRead"),
        (faults.hold(NEVER), "timed out"),
    ],
    ids=["500", "reset", "truncate", "timeout"],
)
def test_a_lasting_failure_ends_after_five_tries(
    fault: faults.Fault, cause: str, sandbox: Sandbox
) -> None:
    sandbox.fail("/admins", fault)

    run = sync(sandbox, request_timeout=1, **ACTIVATE)

    assert run.error.startswith("admins: failed 5 times in a row: GET ")
    assert cause in run.error
    assert {message["type"] for message in run.messages} == {"SCHEMA"}
    tries = [warning.partition(" failed")[0] for warning in run.warnings]
    assert tries == [f"Try {number} of 5" for number in range(1, 5)]
    assert len(sandbox.journal.requests) == 5


def test_a_refused_connection_ends_after_five_tries() -> None:
    with Sandbox(demo()) as gone:
        settings = gone.settings

    error = run_tap("--config=ENV", **settings).error

    assert f"GET {gone.base_url}/admins failed: " in error
    assert "Connection refused" in error
