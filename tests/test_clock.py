"""Intercom's clock counts, whatever the clock of this machine says."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tap_intercom_access.sandbox.history import event, generate_events
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.streams.schema import as_date_time
from tests.responses import SEARCH, bookmark, events, seconds, sync_events
from tests.tap import catalog_of
from tests.targets import load

if TYPE_CHECKING:
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Sandbox
    from tests.targets import Postgres

pytestmark = pytest.mark.slow

HOUR = 3600
CLOCKS = [-3 * DAY, -5 * HOUR, -120, 0, 120, 5 * HOUR, 3 * DAY]


def now_at(sandbox: Sandbox) -> int:
    return int(time.time() + sandbox.behaviour.clock_offset)


@pytest.mark.parametrize("ahead", CLOCKS)
def test_the_last_window_ends_at_intercoms_time(ahead: float, sandbox: Sandbox) -> None:
    sandbox.behaviour.clock_offset = ahead
    now, started = now_at(sandbox), int(time.time())

    def log() -> None:
        sandbox.workspace.history = [
            event(now - 5, "bulk_export", None, "just before"),
            event(now_at(sandbox) + 30, "bulk_export", None, "not yet"),
        ]

    sandbox.fail(SEARCH, log)

    run = sync_events(sandbox)

    assert [record["activity_description"] for record in events(run)] == ["just before"]
    mark = seconds(bookmark(run)["replication_key_value"])
    assert min(now, started) <= mark <= min(now_at(sandbox), time.time())


@pytest.mark.parametrize("ahead", CLOCKS)
def test_ninety_days_are_ninety_days_of_intercoms(ahead: float, sandbox: Sandbox) -> None:
    sandbox.behaviour.clock_offset = ahead

    def log() -> None:
        start = now_at(sandbox) - 90 * DAY
        sandbox.workspace.history = [
            event(start - 100, "bulk_export", None, "too old"),
            event(start + 100, "bulk_export", None, "just inside"),
        ]

    sandbox.fail(SEARCH, log)

    run = sync_events(sandbox)

    assert [record["activity_description"] for record in events(run)] == ["just inside"]


@pytest.mark.parametrize("ahead", [-5 * HOUR, 0, 5 * HOUR])
@pytest.mark.parametrize("minutes", [5, 30, 59])
def test_an_event_that_is_logged_late_is_found_by_the_next_run(
    minutes: int, ahead: float, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.behaviour.clock_offset = ahead
    sandbox.workspace.history = []
    first = sync_events(sandbox)
    state = tmp_path / "state.json"
    state.write_text(json.dumps(first.of("STATE")[-1]["value"]))
    end = seconds(bookmark(first)["replication_key_value"])
    sandbox.workspace.history = [event(end - 60 * minutes, "bulk_export", None, "late")]

    second = sync_events(sandbox, state=state)

    assert [record["activity_description"] for record in events(second)] == ["late"]


@pytest.mark.parametrize("ahead", [61 * 60, 90 * 60, 10 * DAY])
def test_a_date_that_was_ahead_in_one_run_loses_no_event(
    ahead: float, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.behaviour.clock_offset = ahead
    sandbox.workspace.history = []
    first = sync_events(sandbox)
    state = tmp_path / "state.json"
    state.write_text(json.dumps(first.of("STATE")[-1]["value"]))
    sandbox.behaviour.clock_offset = 0
    sandbox.workspace.history = [event(int(time.time()), "bulk_export", None, "later")]
    sandbox.workspace.history += [event(int(time.time()) - 59 * 60, "bulk_export", None, "late")]

    second = sync_events(sandbox, state=state)

    described = {record["activity_description"] for record in events(second)}
    assert "late" in described
    assert any(  # a response takes a while
        f"{timedelta(seconds=ahead - late)} ahead of this machine's" in first.stderr
        for late in range(60)
    )
    assert "this machine's" not in second.stderr


@pytest.mark.parametrize(("ahead", "warnings"), [(-400, 1), (-200, 0), (200, 0), (400, 1)])
def test_clocks_that_differ_by_minutes_are_a_warning(
    ahead: float, warnings: int, sandbox: Sandbox
) -> None:
    sandbox.behaviour.clock_offset = ahead

    run = sync_events(sandbox)

    assert run.stderr.count("one of them is wrong") == warnings


@pytest.mark.parametrize("ahead", [-5 * HOUR, 5 * HOUR])
def test_a_bookmark_in_the_future_of_both_clocks_is_not_trusted(
    ahead: float, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.behaviour.clock_offset = ahead
    now, started = now_at(sandbox), int(time.time())
    known = now - 9 * DAY
    sandbox.workspace.history = [
        event(known + 60, "bulk_export", None, "since then"),
        event(known - 60, "bulk_export", None, "before it"),
    ]
    state = tmp_path / "state.json"
    mark = {
        "replication_key": "created_at",
        "replication_key_value": "2999-01-01T00:00:00+00:00",
        "read_from": as_date_time(known),
    }
    state.write_text(json.dumps({"bookmarks": {"activity_logs": mark}}))

    run = sync_events(sandbox, state=state)

    assert [record["activity_description"] for record in events(run)] == ["since then"]
    assert "is in the future (at Intercom it is " in run.stderr
    assert bookmark(run)["read_from"] == as_date_time(known)
    end = seconds(bookmark(run)["replication_key_value"])
    assert min(now, started) <= end <= min(now_at(sandbox), time.time())


def test_without_a_date_an_event_tells_the_time_and_a_line_says_so(sandbox: Sandbox) -> None:
    sandbox.behaviour.sends_date = False
    now = int(time.time())
    sandbox.workspace.history = [event(now - 500, "bulk_export", None, "the last one")]

    run = sync_events(sandbox)

    assert len(events(run)) == 1
    assert run.stderr.count("this machine's clock counts") == 1
    assert seconds(bookmark(run)["replication_key_value"]) == now - 500


def test_quiet_runs_without_a_date_leave_the_bookmark_where_it_is(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.behaviour.sends_date = False
    sandbox.workspace.history = []
    before = as_date_time(int(time.time()) - 9 * DAY)
    mark = {"replication_key": "created_at", "replication_key_value": before}
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"bookmarks": {"activity_logs": mark}}))

    run = sync_events(sandbox, state=state)

    assert events(run) == []
    assert bookmark(run)["replication_key_value"] == before


def test_a_clock_that_is_right_costs_no_request(sandbox: Sandbox) -> None:
    now = int(time.time())
    sandbox.workspace.history = generate_events(200, now - 90 * DAY, now)

    sync_events(sandbox)

    assert len(sandbox.journal.bodies) == 1


@pytest.mark.targets
def test_a_target_that_upserts_holds_each_event_once(sandbox: Sandbox, postgres: Postgres) -> None:
    now = int(time.time())
    sandbox.workspace.history = [event(now - 600, "bulk_export", None, "read twice")]
    catalog = catalog_of("activity_logs")

    for state in (None, sync_events(sandbox).state):
        done = load(sandbox, "target-postgres", postgres.config(), catalog=catalog, state=state)
        assert done == (0, 0)
        sandbox.workspace.history[1:] = [event(now - 900, "bulk_export", None, "late")]

    rows = postgres.query("select activity_description as it from activity_logs order by 1")
    assert [row["it"] for row in rows] == ["late", "read twice"]
