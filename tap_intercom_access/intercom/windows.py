"""All rows of a stretch of time, oldest first, in whatever order Intercom lists them.

It is read in windows, several at once, so that waiting for one does not hold up the others. The
order of the list is not documented, and rows come and go while it is read. So the order of rows
proves nothing, and a window counts as whole in two cases only:

- Its rows came in one response.
- They came on numbered pages, each requested so that it begins with the last row of the page
  before. Nothing moved in between if just that row came twice, and nothing is missing if the rows
  are as many as the numbers of the last page say.

Any other window is divided. One that cannot be divided is read again until nothing new comes.

Source: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/searchactivitylogs
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timezone
from itertools import islice, pairwise
from typing import Any, NamedTuple, TypeVar

from tap_intercom_access.intercom.client import MIN_REPEATED, Intercom
from tap_intercom_access.intercom.endpoints import Request
from tap_intercom_access.intercom.errors import RUN_AGAIN, IntercomError, RetriesExhaustedError
from tap_intercom_access.intercom.paging import cursor_of
from tap_intercom_access.intercom.responses import Page, Pages, Row, UnixSeconds

logger = logging.getLogger("tap-intercom-access")

DAY = 86_400 - 1
"""Seconds of the shortest window that is divided: the bounds of its request are a day apart."""

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
"""Readings of a window that cannot be divided, before the sync fails."""

DEFAULT_PER_PAGE = 20
"""Rows of a page where the request does not say how many."""

NUMBERED = {"page", "per_page", "created_at_after", "created_at_before", "event_types"}
"""Parameters of a numbered page; any other is a cursor."""


class Timed(Row, gc=False):
    """A row that has a time, in Unix seconds."""

    created_at: UnixSeconds


TimedT = TypeVar("TimedT", bound=Timed)

Window = tuple[int, int]
"""The first second, and the second after the last one, in Unix seconds."""


class NotWholeError(Exception):
    """A window has too many pages, or its pages do not add up: it has to be divided.

    Attributes:
        pages: Number of pages, as far as it is known.
        rows: What was read of the window.
    """

    def __init__(self, pages: int, rows: dict[str, Any]) -> None:
        """Keep what is known, so that no row is lost that was read."""
        super().__init__(f"{pages} pages")
        self.pages = pages
        self.rows = rows


class WindowRows(NamedTuple):
    """What was listed for a window by ids, and the number of rows outside of the time asked for."""

    rows: dict[str, Any]
    outside: int


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

    A window that Intercom does not answer (HTTP 5xx, timeouts) is divided, down to a day.

    Args:
        intercom: The API to read from.
        request: A request for the list, or for a window that holds this one.
        window: What to read; a full one is divided.
        first: The response to the request, where it was sent already.

    Raises:
        IntercomError: if a window cannot be read to its end; all before it was given by then.
    """
    pages = ((first and first.pages) or Pages()).total_pages or 0
    pending = deque(divide(window, pages) if pages > ALONE else [window])
    in_flight: dict[Window, Future[WindowRows]] = {}
    seen: dict[str, TimedT] = {}  # what was read for other windows is not lost
    given: dict[str, int] = {}  # what was given within the last day, with its time
    told_outside = False
    cancelled = threading.Event()
    reader = intercom
    workers = ThreadPoolExecutor(IN_FLIGHT)
    try:
        if first and window in pending:
            in_flight[window] = _submit(workers, reader, request, window, first)
        while pending:
            for upcoming in islice(pending, IN_FLIGHT):
                if upcoming not in in_flight:
                    in_flight[upcoming] = _submit(
                        workers, reader, within(request, upcoming), upcoming
                    )
            intercom.observer.before_request(request)
            current = pending.popleft()
            try:
                rows, outside = in_flight.pop(current).result()
            except NotWholeError as error:
                seen |= error.rows
                pending.extendleft(reversed(divide(current, error.pages)))
                continue
            except RetriesExhaustedError as error:
                pending.extendleft(reversed(_shorter(current, error)))
                continue
            if outside and not told_outside:
                told_outside = True
                logger.warning(
                    "%s listed %d events outside of the time asked for (%s), which are left out "
                    "of it",
                    request,
                    outside,
                    in_words(current),
                )
                # An end that Intercom rounds down, too, leaves out the last events.
                pending.append((window[1] - 1, window[1] + DAY))
            # Where Intercom rounds the bounds, a row may come with the window after its own.
            seen |= _of_window((max(window[0], current[0] - DAY), window[1]), rows)
            rows = _of_window((window[0], current[1]), seen)
            seen = {id_: row for id_, row in seen.items() if id_ not in rows}
            new = [row for row in rows.values() if row.id not in given]
            given = {id_: at for id_, at in given.items() if at >= current[1] - DAY}
            given |= {row.id: row.created_at for row in new}
            yield min(current[1], window[1]), sorted(new, key=lambda row: row.created_at)
    finally:
        cancelled.set()
        workers.shutdown(wait=False, cancel_futures=True)


def _submit(
    workers: ThreadPoolExecutor,
    intercom: Intercom,
    request: Request[Page[TimedT]],
    window: Window,
    first: Page[TimedT] | None = None,
) -> Future[WindowRows]:
    """Read a window in another thread, or in this one where there is no other to be had."""
    try:
        return workers.submit(read_window, intercom, request, window, first)
    except RuntimeError:
        future: Future[WindowRows] = Future()
        try:
            future.set_result(read_window(intercom, request, window, first))
        except Exception as error:  # noqa: BLE001 (for whoever takes the result)
            future.set_exception(error)
        return future


def divide(window: Window, pages: int) -> list[Window]:
    """Divide a window of so many pages into windows that are likely to be read at once."""
    full_pages = pages / FULL
    return _split(window, math.ceil(full_pages if full_pages <= IN_FLIGHT else full_pages / PART))


def _split(window: Window, parts: int) -> list[Window]:
    start, stop = window
    parts = min(max(2, parts), stop - start)
    bounds = [start + (stop - start) * part // parts for part in range(parts + 1)]
    return list(pairwise(bounds))


def _shorter(window: Window, error: RetriesExhaustedError) -> list[Window]:
    """Divide a window that Intercom did not answer, unless it is a day or less."""
    days = math.ceil((window[1] - window[0]) / DAY)
    if days <= 1:
        raise error
    logger.warning("%s: %s It is tried again in parts.", in_words(window), error)
    return _split(window, min(days, IN_FLIGHT))


def read_window(
    intercom: Intercom,
    request: Request[Page[TimedT]],
    window: Window,
    first: Page[TimedT] | None = None,
) -> WindowRows:
    """Read a window whole.

    Raises:
        NotWholeError: if it is not, or has more than MAX_PAGES pages, and can be divided.
        IntercomError: if it cannot be read to its end.
    """
    rows: dict[str, TimedT] = {}
    for readings in range(MAX_PASSES):
        known = len(rows)
        seen: set[str] = set()  # in this reading
        repeated = outside = stale = 0
        whole = True
        for sent, page, upcoming in intercom.paginate(request, next_window_request, first):
            outside += _count_outside(sent, page)
            listed: dict[str, TimedT] = {row.id: row for row in page.rows}
            whole = whole and len(seen & listed.keys()) == repeated
            stale = 0 if listed.keys() - seen else stale + len(listed)
            seen |= listed.keys()
            rows |= listed
            end = _begin(sent) + len(page.rows)
            if not upcoming:
                whole = sent == request or (whole and len(seen) == end)
                break
            by_number = "page" in upcoming.parameters
            repeated = end - _begin(upcoming) if by_number else 0
            whole = whole and by_number
            pages = max(2, (page.pages or Pages()).total_pages or 0)
            divisible = window[1] - window[0] > 1 and not outside
            if divisible and (pages > MAX_PAGES or not whole):
                raise NotWholeError(pages, rows)
            if stale > max(len(rows), MIN_REPEATED):
                raise IntercomError(
                    f"{request}: the last {stale} events were all listed before: the list goes "
                    f"round in circles. {RUN_AGAIN}"
                )
        first = None
        if whole or (readings and len(rows) == known and known >= end):
            return WindowRows(rows, outside)
        if window[1] - window[0] > 1 and not outside:
            raise NotWholeError(2, rows)
    raise IntercomError(
        f"{request} answered HTTP 200, but its events still change after {MAX_PASSES} readings. "
        f"{RUN_AGAIN}"
    )


def next_window_request(
    request: Request[Page[TimedT]], page: Page[TimedT]
) -> Request[Page[TimedT]] | None:
    """Give the request for the page after this one of a window, None at its end.

    A numbered page begins with the last row of the one before. A full page is the last one only if
    it says so.

    Raises:
        PagesError: if ``pages.next`` has a form that is not known, or points elsewhere.
    """
    pages = page.pages or Pages()
    cursor = cursor_of(request, pages)
    if cursor and cursor.keys() - NUMBERED:
        return replace(request, parameters={**request.parameters, **cursor})
    is_announced = pages.page is not None and pages.page < (pages.total_pages or 0)
    if request.parameters.keys() - NUMBERED and not cursor and not is_announced:
        return None  # where cursors end, the list does
    number, per_page = request.parameters.get("page", 1), _per_page(request)
    end = _begin(request) + len(page.rows)
    if pages.total_pages and pages.total_pages > 0:
        announced = min(number, pages.page or number) < pages.total_pages
    else:
        announced = len(page.rows) >= min(per_page, pages.per_page or per_page)
    if not (cursor or announced or end < (page.total_count or 0)):
        return None
    if page.rows:
        per_page = max(1, (end - 1) // number)
    change = {"page": number + 1, "per_page": per_page}
    return replace(request, parameters={**request.parameters, **change})


def in_words(window: Window) -> str:
    """Name a window as messages do."""
    start, stop = (datetime.fromtimestamp(at, tz=timezone.utc).isoformat() for at in window)
    return f"from {start} to {stop}"


def _per_page(request: Request[Page[TimedT]]) -> int:
    return int(request.parameters.get("per_page", DEFAULT_PER_PAGE))


def _begin(request: Request[Page[TimedT]]) -> int:
    """Give the number of rows before a numbered page."""
    return (int(request.parameters.get("page", 1)) - 1) * _per_page(request)


def _of_window(window: Window, rows: dict[str, TimedT]) -> dict[str, TimedT]:
    return {id_: row for id_, row in rows.items() if window[0] <= row.created_at < window[1]}


def _count_outside(request: Request[Page[TimedT]], page: Page[TimedT]) -> int:
    after, before = (request.parameters[f"created_at_{bound}"] for bound in ("after", "before"))
    return sum(not after <= row.created_at <= before for row in page.rows)
