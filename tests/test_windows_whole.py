"""How a time range is divided into windows, and what ends a run that can't read one."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from flask import Response, request

from tap_intercom_access.intercom import Intercom, IntercomError, list_of
from tap_intercom_access.intercom.windows import Timed, divide, read_windows
from tap_intercom_access.sandbox.history import generate_events
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import Sandbox, error
from tests.responses import NOW, SEARCH

STOP = NOW - DAY
START = STOP - 900 * 60
LOGS = list_of("activity_logs", Timed, SEARCH, method="POST")


def windows(
    sandbox: Sandbox, start: int = START, stop: int = STOP
) -> Iterator[tuple[int, list[Timed]]]:
    """Read events in windows of time: the end of each, and its rows."""
    intercom = Intercom(sandbox.token, sandbox.base_url)
    return read_windows(intercom, intercom.build_request(LOGS, {"per_page": 250}), (start, stop))


def count(sandbox: Sandbox, start: int = START, stop: int = STOP) -> int:
    """Return the number of events that are read."""
    return sum(len(rows) for _, rows in windows(sandbox, start, stop))


@pytest.mark.parametrize(
    ("window", "pages", "widths"),
    [
        ((0, 100), 1, [50, 50]),
        ((0, 90), 2, [30, 30, 30]),
        ((0, 90), 8, [10] * 9),
        ((0, 120), 10, [10] * 12),
        ((0, 90), 12, [30] * 3),
        ((10, 12), 1000, [1, 1]),
        ((0, 10), 12, [3, 3, 4]),
    ],
)
def test_windows_are_divided_without_gap(
    window: tuple[int, int], pages: int, widths: list[int]
) -> None:
    parts = divide(window, pages)

    assert [stop - start for start, stop in parts] == widths
    assert [parts[0][0], parts[-1][1]] == list(window)
    assert [(one, other) for one, other in pairwise(parts) if one[1] != other[0]] == []


@pytest.mark.parametrize(
    ("seconds_after_start", "rows"),
    [(-DAY, 0), (-1, 0), (0, 1), (STOP - START - 1, 1), (STOP - START, 0), (DAY, 0)],
)
def test_a_row_outside_its_window_is_left_out(
    seconds_after_start: int, rows: int, sandbox: Sandbox
) -> None:
    row = {"id": "1", "created_at": START + seconds_after_start}
    sandbox.respond(SEARCH, {"activity_logs": [row]})

    assert count(sandbox) == rows


def test_no_window_contains_more_than_eight_pages(sandbox: Sandbox) -> None:
    sandbox.workspace.history = generate_events(6000, STOP - 7200, STOP - 3600)

    counts = [len(rows) for _, rows in windows(sandbox)]

    assert sum(counts) == 6000
    assert max(counts) <= 8 * 250


def test_a_list_that_repeats_its_pages_is_an_error(sandbox: Sandbox) -> None:
    body = {"activity_logs": [{"id": str(id_), "created_at": START} for id_ in range(250)]}
    sandbox.respond(SEARCH, body)

    with pytest.raises(IntercomError, match="the list is inconsistent"):
        count(sandbox, START, START + 1)


def test_only_a_day_without_an_answer_fails_the_sync(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)  # between attempts
    sandbox.workspace.history = generate_events(300, NOW - 90 * DAY, STOP)
    bad = NOW - 30 * DAY

    def refuse_one() -> Response | None:
        body = request.get_json()
        if body["created_at_after"] < bad < body["created_at_before"]:
            return error(500, "server_error", "It took too long")
        return None

    sandbox.fail(SEARCH, refuse_one)
    ends: list[int] = []

    with pytest.raises(IntercomError, match="gave up after 5 attempts"):
        ends.extend(stop for stop, _ in windows(sandbox, NOW - 90 * DAY))

    assert bad - DAY <= ends[-1] <= bad
    shortest = min(b["created_at_before"] - b["created_at_after"] for b in sandbox.journal.bodies)
    assert shortest >= DAY / 2


def test_events_are_read_without_threads(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def submit(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit)
    sandbox.workspace.history = generate_events(6000, START, STOP)

    assert count(sandbox) == 6000
