"""Where a run begins to read events: at the bookmark, at the start date, or 90 days ago."""

import time

import pytest

from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.streams.activity_logs import OVERLAP, REVIEW_PERIOD, Bookmark, start_of
from tests.responses import bookmark_of, bookmark_time, export_at, state_of, sync_events, texts_of

NOW = 1_800_000_000
YESTERDAY, LAST_WEEK, LAST_YEAR = NOW - DAY, NOW - 7 * DAY, NOW - 365 * DAY
TOMORROW = NOW + DAY
TYPES = ["admin_deletion"]
DEFAULT = NOW - REVIEW_PERIOD
Times = tuple[int, int, int]
"""The times `at`, `known_since`, and `reached` of a `Start`."""

FIRST: list[tuple[int | None, Times]] = [
    (None, (DEFAULT, DEFAULT, DEFAULT)),
    (LAST_YEAR, (LAST_YEAR, LAST_YEAR, LAST_YEAR)),
    (TOMORROW, (TOMORROW, TOMORROW, TOMORROW)),
]
NEXT: list[tuple[Bookmark, int | None, Times]] = [
    (Bookmark(0, None, TYPES), None, (0, 0, 0)),
    (Bookmark(YESTERDAY, None, TYPES), None, (YESTERDAY - OVERLAP, YESTERDAY - OVERLAP, YESTERDAY)),
    (Bookmark(YESTERDAY, LAST_WEEK, TYPES), None, (YESTERDAY - OVERLAP, LAST_WEEK, YESTERDAY)),
    (Bookmark(YESTERDAY, LAST_WEEK, TYPES), LAST_WEEK, (YESTERDAY - OVERLAP, LAST_WEEK, YESTERDAY)),
    (
        Bookmark(LAST_WEEK, LAST_WEEK, TYPES),
        None,
        (LAST_WEEK - OVERLAP, LAST_WEEK - OVERLAP, LAST_WEEK),
    ),
    # a start date after the bookmark
    (Bookmark(LAST_WEEK, LAST_YEAR, TYPES), YESTERDAY, (YESTERDAY, YESTERDAY, YESTERDAY)),
    # a bookmark in the future of both clocks is ignored
    (Bookmark(TOMORROW, LAST_WEEK, TYPES), None, (LAST_WEEK, LAST_WEEK, LAST_WEEK)),
    (Bookmark(TOMORROW, LAST_YEAR, TYPES), LAST_WEEK, (LAST_WEEK, LAST_WEEK, LAST_WEEK)),
    (Bookmark(TOMORROW, None, TYPES), LAST_WEEK, (LAST_WEEK, LAST_WEEK, LAST_WEEK)),
    (Bookmark(TOMORROW, None, TYPES), None, (DEFAULT, DEFAULT, DEFAULT)),
    (Bookmark(TOMORROW, TOMORROW, TYPES), None, (DEFAULT, DEFAULT, DEFAULT)),
]


@pytest.mark.parametrize(("start_date", "times"), FIRST)
def test_the_first_run_begins_at_the_start_date(start_date: int | None, times: Times) -> None:
    start = start_of(Bookmark(), TYPES, start_date, NOW, NOW)

    assert (start.at, start.known_since, start.reached) == times
    assert ("start_date is unset" in start.info) == (start_date is None)


@pytest.mark.parametrize(("bookmark", "start_date", "times"), NEXT)
def test_the_next_run_begins_at_the_last_safe_time(
    bookmark: Bookmark, start_date: int | None, times: Times
) -> None:
    start = start_of(bookmark, TYPES, start_date, NOW, NOW)

    assert (start.at, start.known_since, start.reached) == times
    assert start.info == ""


def test_a_bookmark_in_the_future_of_only_one_clock_is_used() -> None:
    start = start_of(Bookmark(TOMORROW, LAST_WEEK, TYPES), TYPES, None, NOW, here=TOMORROW)

    assert (start.at, start.known_since) == (TOMORROW - OVERLAP, LAST_WEEK)


@pytest.mark.parametrize(
    ("bookmark", "start_date", "warning"),
    [
        (Bookmark(), TOMORROW, "nothing to read"),
        (Bookmark(), NOW, "nothing to read"),
        (Bookmark(), NOW - 1, ""),
        (Bookmark(TOMORROW, None, TYPES), None, "is in the future"),
        (Bookmark(NOW, None, TYPES), None, ""),
        (Bookmark(YESTERDAY, LAST_WEEK, TYPES), LAST_WEEK - 1, "Earlier events are not read"),
        (Bookmark(YESTERDAY, LAST_WEEK, TYPES), LAST_WEEK, ""),
        (Bookmark(YESTERDAY, None, TYPES), LAST_WEEK, ""),
    ],
)
def test_a_start_that_skips_events_causes_a_warning(
    bookmark: Bookmark, start_date: int | None, warning: str
) -> None:
    start = start_of(bookmark, TYPES, start_date, NOW, NOW)

    assert warning in start.warning
    assert bool(warning) == bool(start.warning)


@pytest.mark.slow
def test_the_next_run_begins_an_hour_before_the_end_of_the_last(sandbox: Sandbox) -> None:
    first = sync_events(sandbox)
    end = bookmark_time(first)
    sandbox.workspace.history += [export_at(end - 3700, "before"), export_at(end - 3500, "in it")]
    sandbox.journal.bodies.clear()
    time.sleep(1)

    second = sync_events(sandbox, state=first.state)

    assert texts_of(second) == ["in it"]
    assert [body["created_at_after"] for body in sandbox.journal.bodies] == [end - 3601 - DAY]
    assert bookmark_time(second) > end
    assert bookmark_of(second)["read_from"] == bookmark_of(first)["read_from"]
    assert "Reading the last 90 days" in first.stderr
    assert "Reading the last" not in second.stderr


def test_a_start_date_in_the_future_sets_no_bookmark(sandbox: Sandbox) -> None:
    run = sync_events(sandbox, start_date="2999-01-01T00:00:00Z")

    assert texts_of(run) == []
    assert "nothing to read" in run.warnings[0]
    assert "replication_key_value" not in bookmark_of(run)


@pytest.mark.parametrize("value", ["last week", 5, ["x"]])
def test_a_bookmark_that_is_not_a_date_is_refused(value: object, sandbox: Sandbox) -> None:
    error = sync_events(sandbox, state=state_of(replication_key_value=value)).error

    assert "The bookmark of activity_logs in the state" in error
