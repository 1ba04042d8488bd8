"""What belongs to a window, how it is divided, and when it is whole."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tap_intercom_access.intercom import Intercom, IntercomError, list_of
from tap_intercom_access.intercom.windows import Timed, divide, read_windows
from tap_intercom_access.sandbox.history import generate_events
from tap_intercom_access.sandbox.models import DAY
from tests.responses import NOW, SEARCH

if TYPE_CHECKING:
    from tap_intercom_access.sandbox.server import Sandbox

START, STOP = NOW - 80 * DAY, NOW - DAY
LOGS = list_of("activity_logs", Timed, SEARCH, method="POST")


@pytest.mark.parametrize(
    ("window", "pages", "widths"),
    [
        ((0, 100), 1, [50, 50]),
        ((0, 90), 2, [30, 30, 30]),
        ((0, 90), 8, [10] * 9),
        ((0, 100), 9, [25] * 4),
        ((0, 100), 10, [25] * 4),
        ((0, 100), 11, [25] * 4),
        ((10, 12), 1000, [1, 1]),
        ((0, 10), 11, [2, 3, 2, 3]),
    ],
)
def test_a_window_is_divided_without_gaps(
    window: tuple[int, int], pages: int, widths: list[int]
) -> None:
    parts = divide(window, pages)

    assert [stop - start for start, stop in parts] == widths
    assert [parts[0][0], parts[-1][1]] == list(window)
    assert all(earlier[1] == later[0] for earlier, later in pairwise(parts))


@pytest.mark.parametrize(
    ("bound", "seconds_later", "rows"),
    [
        ("start", -DAY, 0),
        ("start", -1, 0),
        ("start", 0, 1),
        ("stop", -1, 1),
        ("stop", 0, 0),
        ("stop", DAY, 0),
    ],
)
def test_a_row_outside_of_its_window_is_left_out(
    bound: str, seconds_later: int, rows: int, sandbox: Sandbox
) -> None:
    created_at = {"start": START, "stop": STOP}[bound] + seconds_later
    sandbox.respond(LOGS.path, {"activity_logs": [{"id": "1", "created_at": created_at}]})
    intercom = Intercom(sandbox.token, sandbox.base_url)

    windows = list(read_windows(intercom, intercom.build_request(LOGS), (START, STOP)))

    assert sum(len(listed) for _, listed in windows) == rows


def test_a_time_in_milliseconds_is_an_error(sandbox: Sandbox) -> None:
    sandbox.respond(LOGS.path, {"activity_logs": [{"id": "1", "created_at": START * 1000}]})
    intercom = Intercom(sandbox.token, sandbox.base_url)

    with pytest.raises(IntercomError, match=r"activity_logs\[0\].created_at"):
        list(read_windows(intercom, intercom.build_request(LOGS), (START, STOP)))


def test_a_crowded_second_is_read_by_numbers_however_full(sandbox: Sandbox) -> None:
    sandbox.workspace.history = generate_events(2600, START, START + 1)
    intercom = Intercom(sandbox.token, sandbox.base_url)

    windows = list(
        read_windows(intercom, intercom.build_request(LOGS, {"per_page": 250}), (START, START + 4))
    )

    assert sum(len(rows) for _, rows in windows) == 2600


def test_no_window_holds_more_than_eight_pages(sandbox: Sandbox) -> None:
    sandbox.workspace.history = generate_events(6000, STOP - 7200, STOP - 3600)
    intercom = Intercom(sandbox.token, sandbox.base_url)

    windows = list(
        read_windows(intercom, intercom.build_request(LOGS, {"per_page": 250}), (START, STOP))
    )

    assert sum(len(rows) for _, rows in windows) == 6000
    assert max(len(rows) for _, rows in windows) <= 8 * 250


def test_pages_by_number_are_read_again_until_nothing_new_turns_up(sandbox: Sandbox) -> None:
    history = generate_events(600, START, START + 1)
    sandbox.workspace.history = history
    kept = {row["id"] for row in history[1:]}

    def remove() -> None:
        del history[0]  # all after it move up by one

    sandbox.fail(SEARCH, remove, nth=2)
    intercom = Intercom(sandbox.token, sandbox.base_url)

    ((_, rows),) = read_windows(
        intercom, intercom.build_request(LOGS, {"per_page": 250}), (START, START + 1)
    )

    assert kept <= {row.id for row in rows}
