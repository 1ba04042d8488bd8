"""Syncs use Intercom's clock, even if this machine's clock is wrong."""

import time

import pytest

from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.streams.schema import as_date_time
from tests.responses import (
    SEARCH,
    bookmark_of,
    bookmark_time,
    export_at,
    state_of,
    sync_events,
    texts_of,
)

pytestmark = pytest.mark.slow

HOUR = 3600
CLOCKS = [-3 * DAY, -5 * HOUR, -120, 0, 120, 5 * HOUR, 3 * DAY]


def now_at(sandbox: Sandbox) -> int:
    return int(time.time() + sandbox.behaviour.clock_offset)


@pytest.mark.parametrize("ahead", CLOCKS)
def test_the_last_ninety_days_are_read_by_intercoms_clock(ahead: float, sandbox: Sandbox) -> None:
    sandbox.behaviour.clock_offset = ahead
    now, started = now_at(sandbox), int(time.time())

    def log() -> None:
        sandbox.workspace.history = [
            export_at(now_at(sandbox) - 90 * DAY - 100, "too old"),
            export_at(now_at(sandbox) - 90 * DAY + 100, "just inside"),
            export_at(now - 5, "just before"),
            export_at(now_at(sandbox) + 30, "not yet"),
        ]

    sandbox.fail(SEARCH, log)

    run = sync_events(sandbox)

    assert texts_of(run) == ["just inside", "just before"]
    assert min(now, started) <= bookmark_time(run) <= min(now_at(sandbox), time.time())


@pytest.mark.parametrize(("ahead", "warnings"), [(-400, 1), (-200, 0), (200, 0), (400, 1)])
def test_clocks_that_differ_cause_a_warning(ahead: float, warnings: int, sandbox: Sandbox) -> None:
    sandbox.behaviour.clock_offset = ahead

    assert sync_events(sandbox).stderr.count("Check this machine's clock") == warnings


def test_without_a_date_header_the_bookmark_is_the_last_event(sandbox: Sandbox) -> None:
    sandbox.behaviour.sends_date = False
    last = int(time.time()) - 500
    sandbox.workspace.history = [export_at(last, "the last one")]

    run = sync_events(sandbox)

    assert texts_of(run) == ["the last one"]
    assert run.stderr.count("this machine's clock") == 1
    assert bookmark_time(run) == last


def test_without_a_date_header_and_events_the_bookmark_stays(sandbox: Sandbox) -> None:
    sandbox.behaviour.sends_date = False
    sandbox.workspace.history = []
    before = as_date_time(int(time.time()) - 9 * DAY)

    run = sync_events(sandbox, state=state_of(replication_key_value=before))

    assert texts_of(run) == []
    assert bookmark_of(run)["replication_key_value"] == before
