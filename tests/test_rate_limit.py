"""The rate limit is waited for, and waiting is never a failed try."""

import sys

import pytest
from flask import Response

from tap_intercom_access.sandbox.demo import generate_workspace
from tap_intercom_access.sandbox.server import Behaviour, Sandbox, error
from tests import faults
from tests.tap import failed, run_command, sync, waits

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("ahead", [-5 * 3600, 0, 5 * 3600])
def test_a_429_is_waited_for_by_intercoms_clock(ahead: int, sandbox: Sandbox) -> None:
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


def test_waiting_is_not_a_failed_try(sandbox: Sandbox) -> None:
    refusal = faults.refuse(429, "rate_limit_exceeded", headers={"Retry-After": "0"})
    for number in range(1, 8):
        sandbox.fail("/admins", refusal, nth=number)

    run = sync(sandbox)

    assert run.error == ""
    assert waits(run) == [1.0] * 7


def test_the_sandboxs_real_limit_is_kept() -> None:
    with Sandbox(generate_workspace(50, 1), Behaviour(page_size=10, rate_limit=4)) as limited:
        run = sync(limited)

    assert run.error == ""
    assert len(run.records("admins")) == 50
    assert len(limited.journal.requests) == 6  # none was refused


def test_a_429_that_asks_for_more_than_the_cap_ends_with_a_message(sandbox: Sandbox) -> None:
    headers = {"Retry-After": "301"}

    sentence = failed(sandbox, faults.refuse(429, "rate_limit_exceeded", "Slow down", headers))

    assert "HTTP 429, rate_limit_exceeded: Slow down" in sentence
    assert "300 seconds" in sentence
    assert len(sandbox.journal.requests) == 1


def test_an_endless_429_ends_after_the_documented_total_wait(sandbox: Sandbox) -> None:
    sandbox.fail("/admins", faults.refuse(429, "too_many_requests", headers={"Retry-After": "2"}))
    shorter = (
        "from tap_intercom_access import cli; from tap_intercom_access.intercom import rate_limit; "
        "rate_limit.MAX_WAIT = 5; cli.main()"
    )

    run = run_command(sys.executable, "-c", shorter, "--config=ENV", **sandbox.settings)

    assert "HTTP 429, too_many_requests" in run.error
    assert waits(run) == [2.0, 2.0]
    assert len(sandbox.journal.requests) == 3
