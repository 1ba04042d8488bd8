"""Where the activity logs begin: a table, read without a server."""

from __future__ import annotations

import pytest

from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.streams.activity_logs import (
    OVERLAP,
    REVIEW_PERIOD,
    Bookmark,
    Start,
    start_of,
)

NOW = 1_800_000_000
YESTERDAY, LAST_WEEK, LAST_YEAR = NOW - DAY, NOW - 7 * DAY, NOW - 365 * DAY
TOMORROW = NOW + DAY
DEFAULT = NOW - REVIEW_PERIOD


@pytest.mark.parametrize(
    ("bookmark", "start_date", "here", "start"),
    [
        # the first sync
        (Bookmark(), None, NOW, Start(DEFAULT, DEFAULT, DEFAULT, is_default=True)),
        (Bookmark(), LAST_YEAR, NOW, Start(LAST_YEAR, LAST_YEAR, LAST_YEAR)),
        (Bookmark(), TOMORROW, NOW, Start(TOMORROW, TOMORROW, TOMORROW)),
        # the next one
        (
            Bookmark(YESTERDAY),
            None,
            NOW,
            Start(YESTERDAY - OVERLAP, YESTERDAY - OVERLAP, YESTERDAY),
        ),
        (
            Bookmark(YESTERDAY, LAST_WEEK),
            None,
            NOW,
            Start(YESTERDAY - OVERLAP, LAST_WEEK, YESTERDAY),
        ),
        (
            Bookmark(YESTERDAY, LAST_WEEK),
            LAST_WEEK,
            NOW,
            Start(YESTERDAY - OVERLAP, LAST_WEEK, YESTERDAY),
        ),
        (
            Bookmark(LAST_WEEK, LAST_WEEK),
            None,
            NOW,
            Start(LAST_WEEK - OVERLAP, LAST_WEEK - OVERLAP, LAST_WEEK),
        ),
        (Bookmark(0), None, NOW, Start(0, 0, 0)),
        # a start date that skips something
        (Bookmark(LAST_WEEK, LAST_YEAR), YESTERDAY, NOW, Start(YESTERDAY, YESTERDAY, YESTERDAY)),
        # a bookmark in the future of one clock is one of the other
        (
            Bookmark(TOMORROW, LAST_WEEK),
            None,
            TOMORROW,
            Start(TOMORROW - OVERLAP, LAST_WEEK, TOMORROW),
        ),
        # and in the future of both is none
        (Bookmark(TOMORROW, LAST_WEEK), None, NOW, Start(LAST_WEEK, LAST_WEEK, LAST_WEEK)),
        (Bookmark(TOMORROW, LAST_YEAR), LAST_WEEK, NOW, Start(LAST_WEEK, LAST_WEEK, LAST_WEEK)),
        (Bookmark(TOMORROW), LAST_WEEK, NOW, Start(LAST_WEEK, LAST_WEEK, LAST_WEEK)),
        (Bookmark(TOMORROW), None, NOW, Start(DEFAULT, DEFAULT, DEFAULT)),
        (Bookmark(TOMORROW, TOMORROW), None, NOW, Start(DEFAULT, DEFAULT, DEFAULT)),
    ],
)
def test_a_run_begins_where_events_are_surely_known(
    bookmark: Bookmark, start_date: int | None, here: int, start: Start
) -> None:
    result = start_of(bookmark, start_date, NOW, here)

    assert (result.at, result.known_since, result.reached) == (
        start.at,
        start.known_since,
        start.reached,
    )
    assert result.is_default == start.is_default


@pytest.mark.parametrize(
    ("bookmark", "start_date", "warning"),
    [
        (Bookmark(), TOMORROW, "nothing to read"),
        (Bookmark(), NOW, "nothing to read"),
        (Bookmark(), NOW - 1, ""),
        (Bookmark(TOMORROW), None, "is in the future"),
        (Bookmark(NOW), None, ""),
        (Bookmark(YESTERDAY, LAST_WEEK), LAST_WEEK - 1, "events before that are not read"),
        (Bookmark(YESTERDAY, LAST_WEEK), LAST_WEEK, ""),
        (Bookmark(YESTERDAY), LAST_WEEK, ""),
    ],
)
def test_what_is_not_read_is_a_warning(
    bookmark: Bookmark, start_date: int | None, warning: str
) -> None:
    result = start_of(bookmark, start_date, NOW, NOW)

    assert warning in result.warning
    assert bool(warning) == bool(result.warning)
