"""Intercom's clock counts, whatever the clock of this machine says."""

import time
from datetime import timedelta

import pytest

from tap_intercom_access.sandbox.history import generate_events
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.streams.schema import as_date_time
from tests.responses import (
    SEARCH,
    bookmark_of,
    described,
    happened,
    reached,
    state_of,
    sync_events,
)
from tests.tap import catalog_of
from tests.targets import Postgres, load

pytestmark = pytest.mark.slow

HOUR = 3600
CLOCKS = [-3 * DAY, -5 * HOUR, -120, 0, 120, 5 * HOUR, 3 * DAY]


def now_at(sandbox: Sandbox) -> int:
    return int(time.time() + sandbox.behaviour.clock_offset)


@pytest.mark.parametrize("ahead", CLOCKS)
def test_ninety_days_until_now_are_read_by_intercoms_clock(ahead: float, sandbox: Sandbox) -> None:
    sandbox.behaviour.clock_offset = ahead
    now, started = now_at(sandbox), int(time.time())

    def log() -> None:
        sandbox.workspace.history = [
            happened(now_at(sandbox) - 90 * DAY - 100, "too old"),
            happened(now_at(sandbox) - 90 * DAY + 100, "just inside"),
            happened(now - 5, "just before"),
            happened(now_at(sandbox) + 30, "not yet"),
        ]

    sandbox.fail(SEARCH, log)

    run = sync_events(sandbox)

    assert described(run) == ["just inside", "just before"]
    assert min(now, started) <= reached(run) <= min(now_at(sandbox), time.time())


@pytest.mark.parametrize("ahead", [-5 * HOUR, 0, 5 * HOUR])
@pytest.mark.parametrize("minutes", [5, 30, 59])
def test_a_late_event_is_found_by_the_next_run(
    minutes: int, ahead: float, sandbox: Sandbox
) -> None:
    sandbox.behaviour.clock_offset = ahead
    sandbox.workspace.history = []
    first = sync_events(sandbox)
    sandbox.workspace.history = [happened(reached(first) - 60 * minutes, "late")]

    assert described(sync_events(sandbox, state=first.state)) == ["late"]


@pytest.mark.parametrize("ahead", [61 * 60, 90 * 60, 10 * DAY])
def test_a_date_that_was_ahead_in_one_run_loses_no_event(ahead: float, sandbox: Sandbox) -> None:
    sandbox.behaviour.clock_offset = ahead
    sandbox.workspace.history = []
    first = sync_events(sandbox)
    sandbox.behaviour.clock_offset = 0
    sandbox.workspace.history = [happened(time.time() - 59 * 60, "late")]

    second = sync_events(sandbox, state=first.state)

    assert described(second) == ["late"]
    ahead_by = {f"{timedelta(seconds=ahead - late)} ahead" for late in range(60)}
    assert [words for words in ahead_by if words in first.stderr]  # a response takes a while
    assert "ahead" not in second.stderr


@pytest.mark.parametrize(("ahead", "warnings"), [(-400, 1), (-200, 0), (200, 0), (400, 1)])
def test_clocks_that_differ_cause_a_warning(ahead: float, warnings: int, sandbox: Sandbox) -> None:
    sandbox.behaviour.clock_offset = ahead

    assert sync_events(sandbox).stderr.count("Check this machine's clock") == warnings


@pytest.mark.parametrize("ahead", [-5 * HOUR, 0, 5 * HOUR])
def test_a_bookmark_in_the_future_of_both_clocks_is_ignored(ahead: float, sandbox: Sandbox) -> None:
    sandbox.behaviour.clock_offset = ahead
    now, started = now_at(sandbox), int(time.time())
    known = now - 9 * DAY
    sandbox.workspace.history = [
        happened(known - 60, "before it"),
        happened(known + 60, "since then"),
    ]
    future = "2999-01-01T00:00:00+00:00"

    run = sync_events(
        sandbox, state=state_of(replication_key_value=future, read_from=as_date_time(known))
    )

    assert described(run) == ["since then"]
    assert f"({future}) is in the future" in run.stderr
    assert bookmark_of(run)["read_from"] == as_date_time(known)
    assert min(now, started) <= reached(run) <= min(now_at(sandbox), time.time())


def test_without_a_date_the_last_event_is_the_time(sandbox: Sandbox) -> None:
    sandbox.behaviour.sends_date = False
    last = int(time.time()) - 500
    sandbox.workspace.history = [happened(last, "the last one")]

    run = sync_events(sandbox)

    assert described(run) == ["the last one"]
    assert run.stderr.count("this machine's clock") == 1
    assert reached(run) == last


def test_quiet_runs_without_a_date_leave_the_bookmark_where_it_is(sandbox: Sandbox) -> None:
    sandbox.behaviour.sends_date = False
    sandbox.workspace.history = []
    before = as_date_time(int(time.time()) - 9 * DAY)

    run = sync_events(sandbox, state=state_of(replication_key_value=before))

    assert described(run) == []
    assert bookmark_of(run)["replication_key_value"] == before


def test_a_clock_that_is_right_costs_no_request(sandbox: Sandbox) -> None:
    now = int(time.time())
    sandbox.workspace.history = generate_events(200, now - 90 * DAY, now)

    sync_events(sandbox)

    assert len(sandbox.journal.bodies) == 1


@pytest.mark.targets
def test_a_target_that_upserts_holds_each_event_once(sandbox: Sandbox, postgres: Postgres) -> None:
    now = time.time()
    sandbox.workspace.history = [happened(now - 600, "read twice")]
    catalog = catalog_of("activity_logs")

    for state in (None, sync_events(sandbox).state):
        done = load(sandbox, "target-postgres", postgres.config(), catalog=catalog, state=state)
        assert done == (0, 0)
        sandbox.workspace.history[1:] = [happened(now - 900, "late")]

    rows = postgres.query("select activity_description as it from activity_logs order by 1")
    assert [row["it"] for row in rows] == ["late", "read twice"]
