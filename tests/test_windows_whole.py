"""Windows are divided until they are certainly complete, in any order and form of the list."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from flask import Response, jsonify, request

from tap_intercom_access.intercom import Intercom, IntercomError, list_of
from tap_intercom_access.intercom.windows import Timed, divide, read_windows
from tap_intercom_access.sandbox.history import generate_events
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import Sandbox, error
from tests.responses import NOW, SEARCH

STOP = NOW - DAY
START = STOP - 900 * 60
LOGS = list_of("activity_logs", Timed, SEARCH, method="POST")
MINUTES = generate_events(900, START, STOP)
"""One event per minute."""

Rows = list[dict[str, Any]]


def ids_of(rows: Rows) -> list[str]:
    return [row["id"] for row in rows]


def windows(
    sandbox: Sandbox, start: int = START, stop: int = STOP
) -> Iterator[tuple[int, list[Timed]]]:
    """Read events in windows of time: the end of each, and its rows."""
    intercom = Intercom(sandbox.token, sandbox.base_url)
    return read_windows(intercom, intercom.build_request(LOGS, {"per_page": 250}), (start, stop))


def read(sandbox: Sandbox, start: int = START, stop: int = STOP) -> list[str]:
    """Return the ids of the events that are read."""
    return [row.id for _, rows in windows(sandbox, start, stop) for row in rows]


# Division of windows


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

    assert len(read(sandbox)) == rows


def test_a_time_in_milliseconds_is_an_error(sandbox: Sandbox) -> None:
    sandbox.respond(SEARCH, {"activity_logs": [{"id": "1", "created_at": START * 1000}]})

    with pytest.raises(IntercomError, match=r"activity_logs\[0\].created_at"):
        read(sandbox)


def test_a_second_with_many_events_is_read_completely(sandbox: Sandbox) -> None:
    sandbox.workspace.history = generate_events(2600, START, START + 1)

    assert len(read(sandbox, START, START + 4)) == 2600


def test_no_window_contains_more_than_eight_pages(sandbox: Sandbox) -> None:
    sandbox.workspace.history = generate_events(6000, STOP - 7200, STOP - 3600)

    counts = [len(rows) for _, rows in windows(sandbox)]

    assert sum(counts) == 6000
    assert max(counts) <= 8 * 250


def test_numbered_pages_are_read_again_until_they_stop_changing(sandbox: Sandbox) -> None:
    history = generate_events(600, START, START + 1)
    sandbox.workspace.history = history
    kept = ids_of(history[1:])

    def remove() -> None:
        del history[0]  # all later events move up by one

    sandbox.fail(SEARCH, remove, nth=2)

    assert {*kept} <= {*read(sandbox, START, START + 1)}


# Orders and forms of the list


def late(number: int, minutes: int) -> Rows:
    """Return one event per minute, in the order of logging. One event is logged late."""
    logged = {row["id"]: row["created_at"] for row in MINUTES}
    logged[f"event-{number}"] += minutes * 60 + 1
    return sorted(MINUTES, key=lambda row: logged[row["id"]])


def answering(
    rows: Rows, pages: Callable[[int, int], object], *, reverse_pages: bool = False
) -> Callable[[], Response]:
    """Return a fault that answers searches from a list. `pages` creates the part `pages`."""

    def answer() -> Response:
        body = request.get_json()
        after, before = body["created_at_after"], body["created_at_before"]
        listed = [row for row in rows if after < row["created_at"] <= before]
        size, page = body["per_page"], body.get("page", 1)
        of_page = listed[(page - 1) * size : page * size]
        pages_field = pages(page, -(-len(listed) // size))
        return jsonify(
            {"activity_logs": of_page[::-1] if reverse_pages else of_page, "pages": pages_field}
        )

    return answer


def documented(page: int, total: int) -> object:
    return {"type": "pages", "page": page, "total_pages": total, "next": None}


@pytest.mark.parametrize(
    "rows",
    [
        MINUTES,
        MINUTES[::-1],
        late(240, 30),
        late(240, 30)[::-1],
        late(650, 59)[::-1],
        late(249, 3),
        MINUTES[450:] + MINUTES[:450],
        MINUTES[::2] + MINUTES[1::2],
    ],
)
@pytest.mark.parametrize("reverse_pages", [False, True])
def test_no_order_loses_an_event(rows: Rows, *, reverse_pages: bool, sandbox: Sandbox) -> None:
    sandbox.fail(SEARCH, answering(rows, documented, reverse_pages=reverse_pages))

    assert read(sandbox) == ids_of(MINUTES)
    assert len(sandbox.journal.requests) == 4


@pytest.mark.parametrize(
    "pages",
    [
        lambda _page, _total: None,
        lambda _page, _total: {},
        lambda page, _total: {"page": page},
        lambda page, _total: {"page": page, "total_pages": -1},
        lambda _page, total: {"page": 7, "total_pages": total},
        lambda page, total: {"page": page - 1, "total_pages": total},
        lambda _page, _total: {"next": None, "page": None, "total_pages": None},
        lambda _page, total: {"next": None, "page": None, "total_pages": total},
        lambda page, total: {"page": page, "total_pages": total, "next": {"per_page": 250}},
        lambda page, total: {"next": f"?page={page + 1}&per_page=250" if page < total else None},
        lambda page, total: {"next": {"starting_after": str(page + 1)} if page < total else None},
    ],
)
def test_a_full_page_is_not_the_end(pages: Callable[[int, int], object], sandbox: Sandbox) -> None:
    sandbox.fail(SEARCH, answering(MINUTES, pages))

    assert read(sandbox) == ids_of(MINUTES)


def no_page(body: dict[str, Any]) -> None:
    body.pop("page", None)


def at_most_20(body: dict[str, Any]) -> None:
    body["per_page"] = min(20, body["per_page"])


def at_most_150(body: dict[str, Any]) -> None:
    body["per_page"] = min(150, body["per_page"])


@pytest.mark.parametrize("change", [no_page, at_most_20, at_most_150])
def test_no_event_is_lost_if_the_server_ignores_page_or_size(
    change: Callable[[dict[str, Any]], None], sandbox: Sandbox
) -> None:
    def answer() -> Response:
        change(request.get_json())
        return answering(MINUTES, documented)()

    sandbox.fail(SEARCH, answer)

    assert read(sandbox) == ids_of(MINUTES)


def test_a_list_that_repeats_its_pages_is_an_error(sandbox: Sandbox) -> None:
    body = {"activity_logs": [{"id": str(id_), "created_at": START} for id_ in range(250)]}
    sandbox.respond(SEARCH, body)

    with pytest.raises(IntercomError, match="readings returned"):
        read(sandbox, START, START + 1)


@pytest.mark.parametrize("step", [DAY, 3600])
@pytest.mark.parametrize("up", [False, True])
def test_rounded_bounds_lose_no_event_between_windows(
    step: int, *, up: bool, sandbox: Sandbox
) -> None:
    stop = STOP // DAY * DAY + DAY // 2
    start = stop // DAY * DAY - 2 * DAY
    history = generate_events(6000, start + 1, stop)

    def rounded() -> Response:
        body = request.get_json()
        for bound in ("created_at_after", "created_at_before"):
            body[bound] = (body[bound] + up * (step - 1)) // step * step
        return answering(history, documented)()

    sandbox.fail(SEARCH, rounded)

    given = read(sandbox, start, stop)

    assert len(given) == len(set(given))
    assert {*given} == {*ids_of(history)}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Don't wait between attempts."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.mark.usefixtures("hurried")
def test_only_a_day_without_an_answer_fails_the_sync(sandbox: Sandbox) -> None:
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

    assert len(read(sandbox)) == 6000
