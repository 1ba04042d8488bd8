"""Intercom's clock counts, whatever the clock of this machine says."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tap_intercom_access.sandbox.history import DAY, event, generated
from tests.events import bookmark, events, seconds
from tests.runs import sync
from tests.targets import load

if TYPE_CHECKING:
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Sandbox
    from tests.targets import Postgres

pytestmark = pytest.mark.slow

HOUR = 3600
CLOCKS = [-3 * DAY, -5 * HOUR, -120, 0, 120, 5 * HOUR, 3 * DAY]


def now_at(sandbox: Sandbox) -> int:
    return int(time.time() + sandbox.clock_ahead)


@pytest.mark.parametrize("ahead", CLOCKS)
def test_the_last_window_ends_at_intercoms_time(
    ahead: float, sandbox: Sandbox, events_only: Path
) -> None:
    sandbox.clock_ahead = ahead
    now = now_at(sandbox)
    sandbox.workspace.history = [
        event(now - 5, "bulk_export", None, "just before"),
        event(now + 30, "bulk_export", None, "not yet"),
    ]

    run = sync(sandbox, "--catalog", events_only)

    assert [record["activity_description"] for record in events(run)] == ["just before"]
    assert now <= seconds(bookmark(run)["replication_key_value"]) <= now_at(sandbox)


@pytest.mark.parametrize("ahead", CLOCKS)
def test_ninety_days_are_ninety_days_of_intercoms(
    ahead: float, sandbox: Sandbox, events_only: Path
) -> None:
    sandbox.clock_ahead = ahead
    start = now_at(sandbox) - 90 * DAY
    sandbox.workspace.history = [
        event(start - 100, "bulk_export", None, "too old"),
        event(start + 100, "bulk_export", None, "just inside"),
    ]

    run = sync(sandbox, "--catalog", events_only)

    assert [record["activity_description"] for record in events(run)] == ["just inside"]


@pytest.mark.parametrize("ahead", [-5 * HOUR, 0, 5 * HOUR])
@pytest.mark.parametrize("minutes", [5, 30, 59])
def test_an_event_that_is_logged_late_is_found_by_the_next_run(
    minutes: int, ahead: float, sandbox: Sandbox, events_only: Path, tmp_path: Path
) -> None:
    sandbox.clock_ahead = ahead
    sandbox.workspace.history = []
    first = sync(sandbox, "--catalog", events_only)
    state = tmp_path / "state.json"
    state.write_text(json.dumps(first.of("STATE")[-1]["value"]))
    end = seconds(bookmark(first)["replication_key_value"])
    sandbox.workspace.history = [event(end - 60 * minutes, "bulk_export", None, "late")]

    second = sync(sandbox, "--catalog", events_only, "--state", state)

    assert [record["activity_description"] for record in events(second)] == ["late"]


@pytest.mark.parametrize("ahead", [-5 * HOUR, 5 * HOUR])
def test_a_bookmark_of_a_clock_that_was_ahead_does_not_silence_the_stream(
    ahead: float, sandbox: Sandbox, events_only: Path, tmp_path: Path
) -> None:
    sandbox.clock_ahead = ahead
    now = now_at(sandbox)
    sandbox.workspace.history = [
        event(now - HOUR + 60, "bulk_export", None, "within the overlap"),
        event(now - HOUR - 60, "bulk_export", None, "before it"),
    ]
    state = tmp_path / "state.json"
    mark = {"replication_key": "created_at", "replication_key_value": "2999-01-01T00:00:00+00:00"}
    state.write_text(json.dumps({"bookmarks": {"activity_logs": mark}}))

    run = sync(sandbox, "--catalog", events_only, "--state", state)

    assert [record["activity_description"] for record in events(run)] == ["within the overlap"]
    assert "is in the future (at Intercom it is " in run.stderr
    assert now <= seconds(bookmark(run)["replication_key_value"]) <= now_at(sandbox)


def test_without_a_date_this_machines_clock_counts_and_a_line_says_so(
    sandbox: Sandbox, events_only: Path
) -> None:
    sandbox.tells_time = False
    now = int(time.time())
    sandbox.workspace.history = [event(now - 5, "bulk_export", None, "just before")]

    run = sync(sandbox, "--catalog", events_only)

    assert len(events(run)) == 1
    assert run.stderr.count("this machine's clock counts") == 1
    assert now <= seconds(bookmark(run)["replication_key_value"]) <= time.time()


def test_a_clock_that_is_right_costs_no_request(sandbox: Sandbox, events_only: Path) -> None:
    now = int(time.time())
    sandbox.workspace.history = generated(200, now - 90 * DAY, now)

    sync(sandbox, "--catalog", events_only)

    assert len(sandbox.bodies) == 1


@pytest.mark.targets
def test_a_target_that_upserts_holds_each_event_once(
    sandbox: Sandbox, events_only: Path, postgres: Postgres, tmp_path: Path
) -> None:
    now = int(time.time())
    sandbox.workspace.history = [event(now - 600, "bulk_export", None, "read twice")]
    state = tmp_path / "state.json"
    state.write_text(json.dumps(sync(sandbox, "--catalog", events_only).of("STATE")[-1]["value"]))

    for arguments in ((), ("--state", str(state))):
        chosen = ("--catalog", str(events_only), *arguments)
        assert load(sandbox, "target-postgres", postgres.config(), *chosen) == (0, 0)
        sandbox.workspace.history[1:] = [event(now - 900, "bulk_export", None, "late")]

    rows = postgres.query("select activity_description as it from activity_logs order by 1")
    assert [row["it"] for row in rows] == ["late", "read twice"]
