"""From one page of a window of time to the next, although events come and go in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.pagination import BaseAPIPaginator

from tap_intercom_access.errors import unexpected
from tap_intercom_access.pagination import next_page

if TYPE_CHECKING:
    import requests

Body = dict[str, Any]
"""Body of a request for activity logs."""

MAX_PAGES = 8
"""Pages of a window; it is held in memory to be sorted, so a fuller one is made shorter."""

MAX_PASSES = 10
"""Readings of a window by the numbers of its pages, before the sync fails."""


MAX_EMPTY = 2
"""Empty pages in a row that point on, before a window counts as endless."""

MIN_TIMES = 10
"""Different times on a page, at the least, before their order counts as the order of the list."""

NUMBERED = {"page", "per_page", "created_at_after", "created_at_before"}
"""Parameters of a link to a numbered page; any other is a cursor."""


class WindowTooFullError(Exception):
    """A window has more than MAX_PAGES pages: it has to be divided."""

    def __init__(self, pages: int) -> None:
        """Take the number of pages, as far as it is known."""
        super().__init__(f"{pages} pages")
        self.pages = pages


class _Moment(msgspec.Struct):
    id: Any
    created_at: int


class _Moments(msgspec.Struct):
    activity_logs: list[_Moment]


class WindowPaginator(BaseAPIPaginator[Body]):
    """Reads all events of a window, although events come and go while it reads.

    A page number counts from an end of the list that may move. So where the events of a page are
    in order of time, whichever, the next request is for the rest of the window instead. Where they
    are not, or a second has more events than a page, it goes by numbers, again and again until
    nothing new turns up. A cursor of Intercom's is followed.

    Source: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/searchactivitylogs
    """

    def __init__(self, after: int, before: int) -> None:
        """Start with a window.

        Args:
            after: Unix seconds before the first event.
            before: Unix seconds after the last event.
        """
        super().__init__({"created_at_after": after, "created_at_before": before})
        self._divisible = before - after > 2  # noqa: PLR2004 (one second and its two bounds)
        self._cursors: list[Body] = []
        self._known: set[Any] | None = None  # ids, where pages are read by their numbers
        self._new = self._passes = self._empty = 0

    def continue_if_empty(self, response: requests.Response) -> bool:  # noqa: ARG002
        """Let `get_next` decide."""
        return True

    def get_next(self, response: requests.Response) -> Body | None:
        """Give the next request, None at the end of the window.

        Raises:
            WindowTooFullError: if the window has more than MAX_PAGES pages.
            AnswerError: if the window cannot be read to its end.
        """
        cursor, pages = next_page(response)
        count = max(self.count, pages.total_pages or 0)
        if cursor and self._divisible and count > MAX_PAGES:
            raise WindowTooFullError(count)
        events = msgspec.json.decode(response.content, type=_Moments).activity_logs
        self._empty = 0 if events else self._empty + 1
        if cursor and self._empty >= MAX_EMPTY:
            raise unexpected(response, "empty pages in a row point on to another page")
        if cursor and set(cursor) - NUMBERED:
            return self._follow({name: values[-1] for name, values in cursor.items()}, response)
        if self._known is None:
            if not cursor:
                return None
            if rest := self._rest([event.created_at for event in events]):
                return rest
        return self._by_number(events, last=not cursor, response=response)

    def _follow(self, cursor: Body, response: requests.Response) -> Body:
        if cursor in self._cursors:
            raise unexpected(response, "it points back to a page that was read already")
        self._cursors.append(cursor)
        return {**self.current_value, **cursor}

    def _rest(self, times: list[int]) -> Body | None:
        """Give the part of the window that a page in order of time leaves."""
        if len(set(times)) < MIN_TIMES:
            return None
        first, last = times[0], times[-1]
        after, before = (self.current_value[f"created_at_{end}"] for end in ("after", "before"))
        if first > last and times == sorted(times, reverse=True) and last < before - 1:
            return {**self.current_value, "created_at_before": last + 1}
        if first < last and times == sorted(times) and last > after + 1:
            return {**self.current_value, "created_at_after": last - 1}
        return None

    def _by_number(
        self, events: list[_Moment], *, last: bool, response: requests.Response
    ) -> Body | None:
        self._known = set() if self._known is None else self._known
        ids = {event.id for event in events}
        self._new += len(ids - self._known)
        self._known |= ids
        if not last:
            return {**self.current_value, "page": self.current_value.get("page", 1) + 1}
        self._passes += 1
        if not self._new:
            return None
        if self._passes == MAX_PASSES:
            raise unexpected(response, f"its events still change after {MAX_PASSES} readings")
        self._new = 0
        return {**self.current_value, "page": 1, "again": self._passes}
