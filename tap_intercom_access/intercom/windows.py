"""Reads all rows of a time range, oldest first. Intercom may list them in any order.

The range is read in windows, several at the same time. The order of the list isn't documented,
rows come and go while it is read, and a server may ignore the requested page size. So a window is
complete only in these cases:

- All its rows came in one response.
- They came on numbered pages, and all of this is true:
  - Each page begins with the last row of the page before, which shows that no row moved.
  - The number of different rows is the number of rows on all pages, minus the repeated ones, and
    not less than the largest `total_count`.
  - One page shows that the server obeys `per_page`, so it is known where pages begin. This page is
    full at the requested size, or it exists only at that size and has new rows.

Any other window is divided. A window that can't be divided is read again until no new rows come,
the number of different rows is the number of rows on its pages, and no announced row or page is
missing.

Source: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/searchactivitylogs
"""

from __future__ import annotations

import logging
import math
import re
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from itertools import islice, pairwise
from typing import Any, Generic, TypeVar

from tap_intercom_access.intercom.client import Intercom, NextRequest, PageRequest
from tap_intercom_access.intercom.errors import (
    RUN_AGAIN,
    IntercomError,
    RefusedError,
    RetriesExhaustedError,
    counted,
)
from tap_intercom_access.intercom.paging import cursor_of
from tap_intercom_access.intercom.responses import Page, Pages, Row, UnixSeconds

logger = logging.getLogger("tap-intercom-access")

CONCURRENT = 12
"""Windows to read at the same time."""

DAY = 86_400 - 1
"""Length in seconds of the shortest window that is divided if Intercom fails to answer. The bounds
in its request are a day apart."""

MAX_PAGES = 7
"""Pages to read one after the other, at most. A window with more pages is divided."""

FULL = 0.9
"""Share of a page to fill after dividing a window, so that a few more rows cost no request."""

PART = 5
"""Pages in each part of a divided window, unless all parts can be read at the same time."""

MAX_PARTS = 1000
"""Parts of a divided window, at most. The parts can be divided again."""

MAX_READINGS = 30
"""Times to read a window that can't be divided. By then, even random pages contain all rows."""

MAX_REPEATED = 1000
"""Repeated rows in one reading, at most, in addition to the number of different rows."""

SMALLEST_PAGE = 20
"""Intercom's default page size. Used if no number shows whether there are more pages."""

NUMBERED = {"page", "per_page", "created_at_after", "created_at_before", "event_types"}
"""Parameters of a numbered page. Any other parameter is a cursor, and so is another `page`."""


class Timed(Row, gc=False):
    """A row with a time."""

    created_at: UnixSeconds


TimedT = TypeVar("TimedT", bound=Timed)

Window = tuple[int, int]
"""First second, and the second after the last one, as Unix seconds."""


class IncompleteWindowError(Exception):
    """A window has too many pages, or they are inconsistent, so it must be divided.

    Attributes:
        pages: The number of pages, 2 if it isn't known.
        rows: The rows that were read, by ID.
    """

    def __init__(self, pages: int, rows: dict[str, Any]) -> None:
        """Keep the rows, because another reading may not return them."""
        super().__init__(f"{pages} pages")
        self.pages = max(2, pages)
        self.rows = rows


def within(request: PageRequest[TimedT], window: Window) -> PageRequest[TimedT]:
    """Return the request for the rows of a window."""
    start, stop = window
    # Whether Intercom's bounds include their own second is not documented.
    bounds = {"created_at_after": start - 1, "created_at_before": stop}
    return replace(request, parameters={**request.parameters, **bounds})


def read_windows(
    intercom: Intercom,
    request: PageRequest[TimedT],
    window: Window,
    first: Page[TimedT] | None = None,
) -> Generator[tuple[int, list[TimedT]], None, None]:
    """Yield the end and the sorted rows of each part of a window, in order.

    Args:
        intercom: The API to read from.
        request: A request for the list, or for the window.
        window: The window to read. The requests begin a day earlier and end a day later.
        first: The response to the request, if it was sent before.

    Raises:
        IntercomError: if a part can't be read completely, after all earlier parts were yielded.
    """
    # If Intercom rounds the bounds to days, the exact bounds would miss the first and last rows.
    everything = (max(0, window[0] - DAY), window[1] + DAY)
    pending = deque([everything])
    started: dict[Window, Callable[[], dict[str, TimedT]]] = {}
    rows = _OrderedRows[TimedT](window)
    with closing(_Reader(intercom, first)) as reader:
        if first:
            started[everything] = reader.start(request, everything, first)
        while pending:
            for upcoming in islice(pending, CONCURRENT):
                if upcoming not in started:
                    started[upcoming] = reader.start(within(request, upcoming), upcoming)
            intercom.observer.before_request(request)
            current = pending.popleft()
            try:
                listed = started.pop(current)()
            except IncompleteWindowError as error:
                rows.keep(error.rows)
                pending.extendleft(reversed(divide(current, error.pages)))
            except RetriesExhaustedError as error:
                pending.extendleft(reversed(_shorter_windows(current, error)))
            else:
                yield from rows.take(current, listed)


def divide(window: Window, pages: int) -> list[Window]:
    """Divide a window with a number of pages into windows that are likely to be complete."""
    full_pages = pages / FULL
    parts = math.ceil(full_pages if full_pages <= CONCURRENT else full_pages / PART)
    return _split(window, min(parts, MAX_PARTS))


def _split(window: Window, parts: int) -> list[Window]:
    start, stop = window
    parts = min(max(2, parts), stop - start)
    bounds = [start + (stop - start) * part // parts for part in range(parts + 1)]
    return list(pairwise(bounds))


def _shorter_windows(window: Window, error: RetriesExhaustedError) -> list[Window]:
    """Divide a window for which Intercom didn't answer. Fail if it is a day or shorter."""
    days = math.ceil((window[1] - window[0]) / DAY)
    if days <= 1:
        raise error
    logger.warning("%s: %s Reading it in shorter windows", describe(window), error.problem)
    return _split(window, min(days, CONCURRENT))


def describe(window: Window) -> str:
    """Return a window for messages."""
    start, stop = (datetime.fromtimestamp(at, tz=timezone.utc).isoformat() for at in window)
    return f"from {start} to {stop}"


class _OrderedRows(Generic[TimedT]):
    """Collects the rows of all parts of a window, and returns each row once, in order of time."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._kept: dict[str, TimedT] = {}
        self._taken: dict[str, int] = {}  # times of the rows of the last day, by ID

    def keep(self, rows: dict[str, TimedT], since: int = 0) -> None:
        """Store rows until their part of the window is taken."""
        start = max(self._window[0], since)
        self._kept |= {
            id_: row for id_, row in rows.items() if start <= row.created_at < self._window[1]
        }

    def take(self, part: Window, rows: dict[str, TimedT]) -> Iterator[tuple[int, list[TimedT]]]:
        """Yield the end of a part that was read, and all rows before it."""
        stop = min(part[1], self._window[1])
        # If Intercom rounds the bounds, a row may be listed with the next part.
        self.keep(rows, part[0] - DAY)
        taken = [row for row in self._kept.values() if row.created_at < stop]
        for row in taken:
            del self._kept[row.id]
        new = [row for row in taken if row.id not in self._taken]
        self._taken = {id_: at for id_, at in self._taken.items() if at >= stop - DAY}
        self._taken |= {row.id: row.created_at for row in new}
        if stop > self._window[0]:
            yield stop, sorted(new, key=lambda row: row.created_at)


class _Reader:
    """Reads windows in several threads. Its requests don't depend on the order of the threads."""

    def __init__(self, intercom: Intercom, first: Page[TimedT] | None) -> None:
        self._intercom = intercom
        self._workers = ThreadPoolExecutor(CONCURRENT)
        self._cancelled = threading.Event()
        self._first_warning = threading.Lock()
        rows, pages = (len(first.rows), first.pages) if first else (0, None)
        # Rows on a full page, counted on the first page, because `per_page` in a response may only
        # repeat the request. Some responses contain the total number of pages, others don't.
        has_more = rows > 0 and ((pages and pages.total_pages) or 0) > 1
        self._full_with_total = rows if has_more else math.inf
        self._full_without_total = max(SMALLEST_PAGE, rows)

    def close(self) -> None:
        """Send no more requests. Don't wait for the requests in flight."""
        self._cancelled.set()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def start(
        self, request: PageRequest[TimedT], window: Window, first: Page[TimedT] | None = None
    ) -> Callable[[], dict[str, TimedT]]:
        """Start to read a window, and return a function that waits for the rows."""
        read = partial(self.read, request, window, first)
        try:
            return self._workers.submit(read).result
        except RuntimeError:  # no thread can be started, so the caller reads
            return read

    def read(
        self, request: PageRequest[TimedT], window: Window, first: Page[TimedT] | None
    ) -> dict[str, TimedT]:
        """Read all rows of a window, by ID.

        Raises:
            IncompleteWindowError: if the window must be divided.
            IntercomError: if it can't be read completely.
        """
        rows: dict[str, TimedT] = {}
        end = pages = total_count = 0
        obeys_size = False
        for sent, page, upcoming in self._pages(request, self._next_overlapping, first):
            listed: dict[str, TimedT] = {row.id: row for row in page.rows}
            if outside := _count_outside(request, listed):
                self._warn_once(request, window, outside)
            total_count = max(total_count, page.total_count or 0)
            if sent is request:
                pages = (page.pages or Pages()).total_pages or 0
                if not upcoming and len(listed) >= total_count:
                    return listed
            if outside or window[1] - window[0] == 1 or not (rows or listed):
                return self._read_repeatedly(request)
            begin, known = _rows_before(sent), len(rows)
            moved = len(rows.keys() & listed.keys()) != end - begin
            rows |= listed
            end = begin + len(page.rows)
            is_readable = 1 < pages <= MAX_PAGES and (not upcoming or _is_numbered(upcoming))
            if sent is not request:
                is_readable &= obeys_size or len(rows) > known
                is_readable &= _fits_request(sent, page, upcoming)
                # If the server ignored per_page, the size would differ, or the page wouldn't exist.
                obeys_size |= bool(upcoming) or _number(sent) > pages
            if moved or not is_readable:
                break
            if not upcoming and len(rows) == end >= total_count and obeys_size:
                return rows
        raise IncompleteWindowError(pages, rows)

    def _warn_once(self, request: PageRequest[TimedT], window: Window, outside: int) -> None:
        if self._first_warning.acquire(blocking=False):
            logger.warning(
                "%s returned %s outside of the requested time (%s). Leaving them out",
                request,
                counted(outside, "event"),
                describe(window),
            )

    def _read_repeatedly(self, request: PageRequest[TimedT]) -> dict[str, TimedT]:
        """Read all pages again and again, until no new rows come.

        Raises:
            IntercomError: if the readings remain inconsistent.
        """
        rows: dict[str, TimedT] = {}
        places = readings = 0
        while readings < MAX_READINGS and places <= 2 * len(rows) + MAX_REPEATED:
            readings += 1
            known = len(rows)
            places = total_pages = total_count = filled = 0
            for _, page, _ in self._pages(request, self._next):
                rows |= {row.id: row for row in page.rows}
                places += len(page.rows)
                filled += bool(page.rows)
                total_pages = max(total_pages, (page.pages or Pages()).total_pages or 0)
                total_count = max(total_count, page.total_count or 0)
                if places > 2 * len(rows) + MAX_REPEATED:
                    break
            announced = ""
            if len(rows) < total_count:
                announced = f", and announced {counted(total_count, 'event')}"
            elif max(1, filled) < total_pages:
                announced = f", and announced {counted(total_pages, 'page')}"
            if known == len(rows) >= places and not announced:
                return rows
        raise IntercomError(
            f"{request} answered HTTP 200, but the list is inconsistent. "
            f"{counted(readings, 'reading')} returned {counted(len(rows), 'different event')}. "
            f"The last reading returned {counted(places, 'event')} on {counted(filled, 'page')}"
            f"{announced}.",
            RUN_AGAIN,
        )

    def _pages(
        self,
        request: PageRequest[TimedT],
        next_request: NextRequest[TimedT],
        first: Page[TimedT] | None = None,
    ) -> Iterator[tuple[PageRequest[TimedT], Page[TimedT], PageRequest[TimedT] | None]]:
        """Yield pages like `Intercom.paginate`.

        A page that wasn't announced may not exist. If the server refuses it, or repeats an earlier
        page, the list ends. A few rows may be repeated by chance.
        """
        earlier: set[frozenset[str]] = set()
        is_announced = True
        try:
            for sent, page, upcoming in self._intercom.paginate(request, next_request, first):
                ids = frozenset(row.id for row in page.rows)
                if not is_announced and ids in earlier and len(ids) >= SMALLEST_PAGE:
                    return
                earlier.add(ids)
                is_announced = not upcoming or _is_announced(request, page, upcoming)
                yield sent, page, upcoming
                if self._cancelled.is_set():
                    raise CancelledError
        except RefusedError:
            if is_announced:
                raise

    def _next_overlapping(
        self, request: PageRequest[TimedT], page: Page[TimedT]
    ) -> PageRequest[TimedT] | None:
        """Return the request for a next page that begins with the last row of this one.

        The second of two pages is usually not full, so it doesn't show whether the server obeys
        `per_page`. A third, smaller page shows it: it exists only if the server does.
        """
        upcoming = self._next(request, page)
        if not (upcoming and page.rows and _is_numbered(upcoming)):
            return upcoming
        number, pages = _number(upcoming), page.pages or Pages()
        # If the server counts from 0, the next page is 1. No size overlaps, so `read` divides.
        per_page = (_rows_before(request) + len(page.rows) - 1) // max(1, number - 1)
        if number == pages.total_pages == 2:  # noqa: PLR2004
            # The third page begins with the last fifth of the first page. If the server ignores the
            # size, fewer rows are left after the first page than this page should have.
            number, per_page = 3, 2 * len(page.rows) // 5
        change = {"page": number, "per_page": max(1, per_page)}
        return replace(upcoming, parameters={**upcoming.parameters, **change})

    def _next(self, request: PageRequest[TimedT], page: Page[TimedT]) -> PageRequest[TimedT] | None:
        """Return the request for the page after this one, None at the end of the list.

        Raises:
            IntercomError: if ``pages.next`` has an unknown form, or points elsewhere.
        """
        cursor = cursor_of(request, page.pages or Pages()) or {}
        linked = replace(request, parameters={**request.parameters, **cursor})
        if not _is_numbered(linked):
            return linked if cursor else None
        if cursor or self._announces_more(request, page):
            number = int(cursor.get("page") or _number(request) + 1)
            return replace(request, parameters={**request.parameters, "page": number})
        return None

    def _announces_more(self, request: PageRequest[TimedT], page: Page[TimedT]) -> bool:
        """Return whether the numbers of a page, or its size, show that more pages follow."""
        pages, number = page.pages or Pages(), _number(request)
        total, requested = max(0, pages.total_pages or 0), _per_page(request)
        if min(number, pages.page or number) < total:
            return True
        full = self._full_with_total if total else self._full_without_total
        size = min(requested, pages.per_page or requested, full)
        # The total may be rounded down, or count larger pages than the server sends.
        return len(page.rows) >= size > 0


def _is_numbered(request: PageRequest[TimedT]) -> bool:
    number = re.fullmatch("[0-9]{1,9}", str(request.parameters.get("page", 1)))
    return bool(number) and request.parameters.keys() <= NUMBERED


def _number(request: PageRequest[TimedT]) -> int:
    return int(request.parameters.get("page", 1))


def _per_page(request: PageRequest[TimedT]) -> int:
    return int(request.parameters.get("per_page", SMALLEST_PAGE))


def _rows_before(request: PageRequest[TimedT]) -> int:
    """Return the number of rows on the pages before a numbered page."""
    return (_number(request) - 1) * _per_page(request)


def _fits_request(
    request: PageRequest[TimedT], page: Page[TimedT], upcoming: PageRequest[TimedT] | None
) -> bool:
    """Return whether the rows and numbers of a page fit its request."""
    size, number, pages = _per_page(request), _number(request), page.pages or Pages()
    return (
        (len(page.rows) == size if upcoming else len(page.rows) <= size)
        and pages.page in {None, number}
        and pages.per_page in {None, size}
        and (pages.total_pages or number) >= number
    )


def _is_announced(
    first: PageRequest[TimedT], page: Page[TimedT], upcoming: PageRequest[TimedT]
) -> bool:
    """Return whether a page announces the next one, by a link or by numbers for the same size.

    If the first page contains no numbers and no link, the server may ignore `page`. So the second
    page must exist.
    """
    pages = page.pages or Pages()
    if not _is_numbered(upcoming) or (page.pages is None and _number(upcoming) == 2):  # noqa: PLR2004
        return True
    by_number = _number(upcoming) <= (pages.total_pages or 0)
    by_link = cursor_of(first, pages) is not None
    return _per_page(upcoming) == _per_page(first) and (by_number or by_link)


def _count_outside(request: PageRequest[TimedT], rows: dict[str, TimedT]) -> int:
    after, before = (request.parameters[f"created_at_{bound}"] for bound in ("after", "before"))
    return sum(not after <= row.created_at <= before for row in rows.values())
