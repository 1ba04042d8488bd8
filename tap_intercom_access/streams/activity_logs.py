"""The admin activity log: who granted, revoked, or used access.

Source: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/searchactivitylogs
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import msgspec
from singer_sdk.helpers.types import Context, Record
from typing_extensions import override

from tap_intercom_access.errors import InputError
from tap_intercom_access.intercom import Endpoint, Id, list_of
from tap_intercom_access.intercom.endpoints import Request
from tap_intercom_access.intercom.errors import RetriesExhaustedError
from tap_intercom_access.intercom.responses import Page, UnixSeconds
from tap_intercom_access.intercom.windows import Timed, Window, read_windows, within
from tap_intercom_access.streams.activity_types import DEFAULT_TYPES
from tap_intercom_access.streams.base import IntercomStream
from tap_intercom_access.streams.schema import (
    AS_DATE_TIME,
    as_date_time,
    as_seconds,
    column,
    schema_of,
)

DAY = 86_400
REVIEW_PERIOD = 90 * DAY
"""Seconds to go back without a start_date: 90 days, the period of a quarterly review."""

OVERLAP = 3600
"""Seconds before the bookmark to read again, for events that Intercom logged late."""

PER_PAGE = 250

SKEW = 3600
"""Seconds by which this machine's clock may be wrong without another request."""

PERMISSION = "Read admin activity logs"


class Performer(msgspec.Struct, gc=False):
    """Who performed an activity."""

    id: Annotated[Id | None, column("ID of the teammate.")] = None
    type: Annotated[str | None, column("Type of actor: `admin`.")] = None
    email: Annotated[str | None, column("Email address of the teammate.")] = None
    ip: Annotated[str | None, column("IP address of the actor.")] = None


class ActivityLog(Timed, gc=False):
    """An event of `POST /admins/activity_logs/search`. Each field is a column."""

    id: Annotated[Id, column("ID of the event.")]
    created_at: Annotated[UnixSeconds, AS_DATE_TIME, column("Time of the event, in UTC.")]
    activity_type: Annotated[str | None, column("Type of event, such as `admin_deletion`.")] = None
    activity_description: Annotated[str | None, column("Description of the event.")] = None
    performed_by: Annotated[Performer | None, column("Who performed the action.")] = None
    metadata: Annotated[
        dict[str, Any] | None,
        column("Additional details. The keys depend on `activity_type`."),
    ] = None


@dataclass(frozen=True)
class Bookmark:
    """The bookmark of an earlier run. Times are in Unix seconds."""

    at: int | None = None
    """All events before this time were read."""
    read_from: int | None = None
    """All events from this time on were read."""
    types: Collection[str] | None = None
    """The event types that were read, empty for all. None if the state doesn't contain them."""

    @classmethod
    def of(cls, stream: str, state: Mapping[str, Any]) -> Bookmark:
        """Parse the state of a stream.

        Raises:
            InputError: if the state has another form.
        """
        types = state.get("activity_types")
        try:
            at, read_from = (
                None if state.get(key) is None else max(0, as_seconds(state[key]))
                for key in ("replication_key_value", "read_from")
            )
            if types is not None:
                types = msgspec.convert(types, list[str])
        except (AttributeError, OverflowError, TypeError, ValueError) as error:
            raise InputError(
                f"The bookmark of {stream} in the state is invalid ({error}). Pass the last STATE "
                "value of an earlier run, or none."
            ) from error
        return cls(at, read_from, types)

    def covers(self, types: Collection[str]) -> bool:
        """Return whether an earlier run read these event types. An empty collection means all."""
        if not self.types or not types:
            return self.types is not None and not self.types
        return {*types} <= {*self.types}


@dataclass(frozen=True)
class Start:
    """The start of the period that a run reads. Times are in Unix seconds."""

    at: int
    """The run reads events from this time on."""
    known_since: int
    """After the run, all events from this time on were read."""
    reached: int
    """All events before this time were read already."""
    warning: str = ""
    info: str = ""


def start_of(
    bookmark: Bookmark, types: Collection[str], start_date: int | None, now: int, here: int
) -> Start:
    """Return where a run begins to read.

    Args:
        bookmark: The bookmark of the last run.
        types: Event types to read, empty for all.
        start_date: The setting, in Unix seconds.
        now: Unix seconds by Intercom's clock.
        here: Unix seconds by this machine's clock.
    """
    known, latest = bookmark.read_from, max(now, here)
    if bookmark.at is not None and bookmark.at > latest:
        earlier = [at for at in (known, start_date) if at is not None and at <= latest]
        at = max(earlier, default=now - REVIEW_PERIOD)
        warning = (
            f"The bookmark in the state ({as_date_time(bookmark.at)}) is in the future; Intercom's "
            f"time is {as_date_time(now)}. Reading from {as_date_time(at)} instead, because the "
            "last run may have read fewer events"
        )
        return Start(at, at, at, warning)
    if bookmark.at is None or (start_date is not None and start_date > bookmark.at):
        return _first_start(start_date, now)
    warning = ""
    if known is not None and start_date is not None and start_date < known:
        warning = (
            f"start_date is {as_date_time(start_date)}, but the state begins at "
            f"{as_date_time(known)}. Earlier events are not read. To read them, run once with "
            "--full-refresh (Meltano) or without --state"
        )
    at = max(0, bookmark.at - OVERLAP)
    if bookmark.covers(types):
        return Start(at, at if known is None else min(known, at), bookmark.at, warning)
    at = min(_first_start(start_date, now).at, at) if known is None else known
    added = ", ".join(sorted({*types} - {*(bookmark.types or [])})) or "all"
    info = (
        f"The state doesn't cover these event types: {added}. Reading again from {as_date_time(at)}"
    )
    return Start(at, at, at, warning, info)


def _first_start(start_date: int | None, now: int) -> Start:
    """Return where a run without a bookmark begins to read."""
    if start_date is None:
        at, days = now - REVIEW_PERIOD, REVIEW_PERIOD // DAY
        info = f"start_date is unset. Reading the last {days} days, from {as_date_time(at)}"
        return Start(at, at, at, info=info)
    warning = "start_date is in the future, so there is nothing to read"
    return Start(start_date, start_date, start_date, warning if start_date >= now else "")


class EventTypes(msgspec.Struct, gc=False):
    """Response of `GET /admins/activity_log_event_types`."""

    event_types: list[str]


EVENT_TYPES = Endpoint(
    "GET", "/admins/activity_log_event_types", EventTypes, "a list of types", PERMISSION
)


class ActivityLogsStream(IntercomStream):
    """The admin activity log, oldest events first."""

    name = "activity_logs"
    primary_keys = ("id",)
    replication_key = "created_at"
    shape = ActivityLog
    endpoint = list_of(
        "activity_logs",
        ActivityLog,
        "/admins/activity_logs/search",
        name="activity logs",
        method="POST",
        permission=PERMISSION,
    )
    selected_by_default = False  # needs another permission than the other streams
    schema = schema_of(
        ActivityLog, "Admin activity log: who granted, revoked, or used access, and when."
    )

    is_sorted = True
    check_sorted = False  # the overlap begins before the bookmark
    STATE_MSG_FREQUENCY = PER_PAGE

    _limit = ""
    """Latest date-time for the bookmark: the earlier time of both clocks."""

    @cached_property
    def _bookmark(self) -> Bookmark:
        """The bookmark of an earlier run. A program that reads again gets the same events."""
        return Bookmark.of(self.name, self.stream_state)

    @override
    def read_rows(self) -> Iterator[ActivityLog]:
        types = self._types()
        body = {"per_page": PER_PAGE} | ({"event_types": types} if types else {})
        request = self.intercom.build_request(self.narrowed_endpoint(), body)
        date = self.config.get("start_date")
        start_date = None if date is None else as_seconds(date)
        bookmark = self._bookmark

        # Until the first response contains Intercom's time, use this machine's clock.
        _, here = self.run.clock.times(self.name)
        begin = start_of(bookmark, types, start_date, here, here).at
        if bookmark.at is None and start_date is None:
            begin -= SKEW
        # Add a day on both sides, so that no event is missing if Intercom rounds to days.
        requested = (max(0, begin - DAY), max(begin, here) + DAY)
        first = self._read_first(request, requested)
        now, here = self.run.clock.times(self.name)
        start = start_of(bookmark, types, start_date, now, here)
        window = (start.at, now)
        self._limit = as_date_time(min(now, here))
        self._record_start(start, types, window)
        if start.at >= now:
            return

        if first and requested[0] <= window[0] and now <= requested[1]:
            windows = read_windows(self.intercom, within(request, requested), window, first)
        else:
            windows = read_windows(self.intercom, request, window)
        newest = start.reached
        for stop, events in windows:
            yield from events
            newest = events[-1].created_at if events else newest
            # All events before `stop` were written, so the next run may start there. If Intercom's
            # time isn't known, use the time of the last event instead.
            reached = as_date_time(stop if self.intercom.clock.is_set else newest)
            self.stream_state["replication_key_value"] = min(reached, self._limit)

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        # The SDK would use the record's time, even if it is later than one of the clocks.
        reached = min(latest_record["created_at"], self._limit)
        self.stream_state["replication_key_value"] = reached

    @override
    def compare_start_date(self, value: str, start_date_value: str) -> str:
        """Return the bookmark unchanged, because `start_of` compares it with the start date."""
        return value

    def _types(self) -> list[str]:
        """Return the event types to read, an empty list for all.

        Raises:
            InputError: if the setting contains types that Intercom doesn't have.
        """
        types = self.config.get("activity_types")
        if types is None:
            return DEFAULT_TYPES
        if types:
            known = self.intercom.send(self.intercom.build_request(EVENT_TYPES)).event_types
            if unknown := sorted({*types} - {*known}):
                raise InputError(
                    f"Unknown event types in activity_types: {', '.join(unknown)}. Correct or "
                    "remove them. The documentation of activity_logs lists the default types."
                )
        return list(dict.fromkeys(types))

    def _read_first(
        self, request: Request[Page[ActivityLog]], window: Window
    ) -> Page[ActivityLog] | None:
        """Return the first page of a window, None if Intercom answers only for a shorter period."""
        try:
            return self.intercom.send(within(request, window))
        except RetriesExhaustedError as error:
            shorter = (window[0], min(window[1], window[0] + DAY - 1))
            if shorter == window or self.is_test:
                raise
            self.logger.warning("%s Retrying with a single day", error.problem)
            self.intercom.send(within(request, shorter))
            return None

    def _record_start(self, start: Start, types: list[str], window: Window) -> None:
        """Log where the run begins, and add it to the evidence and the state."""
        if not self.intercom.clock.is_set:
            self.logger.warning("Responses have no Date header. Using this machine's clock")
        if start.warning:
            self.logger.warning(start.warning)
        if start.info:
            self.logger.info(start.info)
        begin, end = map(as_date_time, window)
        self.filters = {"event_types": types, "window": {"from": begin, "to": end}}
        if begin < end:
            self.stream_state.update(
                read_from=as_date_time(start.known_since),
                activity_types=types,
                replication_key=self.replication_key,
                replication_key_value=min(as_date_time(start.reached), self._limit),
            )
