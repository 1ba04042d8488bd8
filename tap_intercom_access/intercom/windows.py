"""All rows of a stretch of time, oldest first, although rows come and go while it is read.

It is read in windows, several at once, so that waiting for one does not hold up the others. A
page number counts from an end of the list that may move. So where the rows of a page are in order
of time, whichever, the next request is for the rest of the window instead. Where they are not, or
a second has more rows than a page, it goes by numbers, again and again until nothing new turns up.
A cursor of Intercom's is followed.

Source: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/searchactivitylogs
"""

from __future__ import annotations

import math
import threading
from collections import deque
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from tap_intercom_access.intercom.errors import RUN_AGAIN, IntercomError
from tap_intercom_access.intercom.paging import cursor_of
from tap_intercom_access.intercom.responses import Page, Pages, Row, UnixSeconds

if TYPE_CHECKING:
    from collections.abc import Generator

    from tap_intercom_access.intercom.client import Intercom
    from tap_intercom_access.intercom.endpoints import Request

IN_FLIGHT = 9
"""Windows that are read at once: 45 requests a second at a usual 200 ms, a quarter of the limit."""

ALONE = 4
"""Pages that are read one after the other rather than divided, which costs a request."""

MAX_PAGES = 8
"""Pages of a window; it is held in memory to be sorted, so a fuller one is divided."""

FULL = 0.96
"""How full the pages of a divided window should be, so that a few rows more cost no request."""

PART = 3
"""Pages of a part of a divided window; one where that is enough for all parts at once."""

MAX_PASSES = 10
"""Readings of a window by the numbers of its pages, before the sync fails."""

MIN_TIMES = 10
"""Different times on a page, at the least, before their order counts as the order of the list."""

NUMBERED = {"page", "per_page", "created_at_after", "created_at_before"}
"""Parameters of a link to a numbered page; any other is a cursor."""


class Timed(Row, gc=False):
    """A row that has a time, in Unix seconds."""

    created_at: UnixSeconds


TimedT = TypeVar("TimedT", bound=Timed)

Window = tuple[int, int]
"""The first second, and the second after the last one, in Unix seconds."""


class WindowTooFullError(Exception):
    """A window has more than MAX_PAGES pages: it has to be divided."""

    def __init__(self, pages: int) -> None:
        """Take the number of pages, as far as it is known."""
        super().__init__(f"{pages} pages")
        self.pages = pages


def within(request: Request[Page[TimedT]], window: Window) -> Request[Page[TimedT]]:
    """Give the request for the rows of a window."""
    start, stop = window
    # Whether Intercom's bounds include their own second is not documented.
    bounds = {"created_at_after": start - 1, "created_at_before": stop}
    return replace(request, parameters={**request.parameters, **bounds})


def read_windows(
    intercom: Intercom,
    request: Request[Page[TimedT]],
    window: Window,
    first: Page[TimedT] | None = None,
) -> Generator[tuple[int, list[TimedT]], None, None]:
    """Give all rows of a window in order of time, a smaller window at a time, each with its end.

    Args:
        intercom: Whom to ask.
        request: A request for the list, or for a window that holds this one.
        window: What to read; a full one is divided.
        first: The response to the request, where it has been asked already.

    Raises:
        IntercomError: if a window cannot be read to its end; all before it was given by then.
    """
    pages = ((first and first.pages) or Pages()).total_pages or 0
    line = deque(divided(window, pages) if pages > ALONE else [window])
    reading: dict[Window, Future[list[TimedT]]] = {}
    ended = threading.Event()

    def unless_ended() -> None:
        if ended.is_set():
            raise CancelledError

    reader = replace(intercom, on_request=unless_ended)
    workers = ThreadPoolExecutor(IN_FLIGHT)
    try:
        if first and window in line:
            reading[window] = workers.submit(read_window, reader, request, window, first)
        while line:
            for one in islice(line, IN_FLIGHT):
                if one not in reading:
                    reading[one] = workers.submit(read_window, reader, within(request, one), one)
            intercom.on_request()
            one = line.popleft()
            try:
                yield one[1], reading.pop(one).result()
            except WindowTooFullError as error:
                line.extendleft(reversed(divided(one, error.pages)))
    finally:
        ended.set()
        workers.shutdown(wait=False, cancel_futures=True)


def divided(window: Window, pages: int) -> list[Window]:
    """Divide a window of so many pages into windows that are likely to be read at once."""
    start, stop = window
    full_pages = pages / FULL
    parts = math.ceil(full_pages if full_pages <= IN_FLIGHT else full_pages / PART)
    parts = min(max(2, parts), stop - start)
    bounds = [start + (stop - start) * part // parts for part in range(parts + 1)]
    return list(pairwise(bounds))


def read_window(
    intercom: Intercom,
    request: Request[Page[TimedT]],
    window: Window,
    first: Page[TimedT] | None = None,
) -> list[TimedT]:
    """Give all rows of a window in order of time.

    Raises:
        WindowTooFullError: if there are more than MAX_PAGES pages and it can be divided.
        IntercomError: if the window cannot be read to its end.
    """
    start, stop = window
    after, before = (request.parameters[f"created_at_{end}"] for end in ("after", "before"))
    rows: dict[str, TimedT] = {}
    for _ in range(MAX_PASSES):
        known = len(rows)
        numbered = False
        for count, (asked, page, more) in enumerate(intercom.pages(request, following, first), 1):
            pages = max(count, (page.pages or Pages()).total_pages or 0)
            if more and pages > MAX_PAGES and stop - start > 1:
                raise WindowTooFullError(pages)
            numbered |= "page" in asked.parameters
            for row in page.rows:
                if not after <= row.created_at <= before:
                    raise IntercomError(
                        f"{request} sent an event of {row.created_at}, outside of the time asked "
                        f"for ({after} to {before}, Unix seconds): nothing else can be trusted."
                    )
                if start <= row.created_at < stop:
                    rows[row.id] = row
        first = None
        if not numbered or len(rows) == known:
            return sorted(rows.values(), key=lambda row: row.created_at)
    raise IntercomError(
        f"{request} answered HTTP 200, but its events still change after {MAX_PASSES} readings. "
        f"{RUN_AGAIN}"
    )


def following(request: Request[Page[TimedT]], page: Page[TimedT]) -> Request[Page[TimedT]] | None:
    """Give the request for the page after this one of a window, None at its end.

    Raises:
        PagesError: if ``pages.next`` has a form that is not known, or points elsewhere.
    """
    pages = page.pages or Pages()
    cursor = cursor_of(request, pages)
    if cursor is None and pages.last_by_number:
        return None
    if cursor and cursor.keys() - NUMBERED:
        change = cursor
    else:
        number = request.parameters.get("page")
        rest = _rest(request.parameters, page) if number is None else None
        change = rest or {"page": (number or 1) + 1}
    return replace(request, parameters={**request.parameters, **change})


def _rest(window: Any, page: Page[TimedT]) -> dict[str, int] | None:  # noqa: ANN401 (JSON)
    """Give the bound of the part of the window that a page in order of time leaves."""
    times = [row.created_at for row in page.rows]
    if len(set(times)) < MIN_TIMES:
        return None
    after, before = window["created_at_after"], window["created_at_before"]
    last = times[-1]
    if times == sorted(times, reverse=True) and last < before - 1:
        return {"created_at_before": last + 1}
    if times == sorted(times) and last > after + 1:
        return {"created_at_after": last - 1}
    return None
