"""Who was given access, lost it or used it: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/searchactivitylogs."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from typing_extensions import override

from tap_intercom_access.errors import InputError
from tap_intercom_access.intercom import Endpoint, Id, RefusedError, list_of
from tap_intercom_access.intercom.responses import as_text
from tap_intercom_access.intercom.windows import MAX_PAGES, Timed, WindowTooFullError, read_window
from tap_intercom_access.streams.activity_types import DEFAULT_TYPES
from tap_intercom_access.streams.base import IntercomStream
from tap_intercom_access.streams.schema import AS_DATE_TIME, column, schema_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Record

DAY = 86_400
REVIEW_PERIOD = 90 * DAY
"""Seconds to go back without a start_date: what a quarterly review looks at."""

OVERLAP = 300
"""Seconds before the bookmark that are read again, for events that Intercom logged late."""

PER_PAGE = 250
MAX_SPAN = 30 * DAY

PERMISSION = "Read admin activity logs"


class Performer(msgspec.Struct, gc=False):
    """Who did what an activity log tells."""

    id: Annotated[Id | None, column("Id of the teammate.")] = None
    type: Annotated[str | None, column("What performed it: `admin`.")] = None
    email: Annotated[str | None, column("E-mail address of the teammate.")] = None
    ip: Annotated[str | None, column("IP address it came from.")] = None

    def __post_init__(self) -> None:
        """Turn the id into a string."""
        self.id = as_text(self.id)


class ActivityLog(Timed, gc=False):
    """An event, as `POST /admins/activity_logs/search` lists it, and a column for each field."""

    id: Annotated[Id, column("Id of the event.")]
    created_at: Annotated[int, AS_DATE_TIME, column("When it happened, in UTC.")]
    activity_type: Annotated[str | None, column("What happened, such as `admin_deletion`.")] = None
    activity_description: Annotated[str | None, column("What happened, in a sentence.")] = None
    performed_by: Annotated[Performer | None, column("Who did it.")] = None
    metadata: Annotated[
        dict[str, Any] | None,
        column("Further details; which ones depends on the type of the event."),
    ] = None


class EventTypes(msgspec.Struct, gc=False):
    """Response of `GET /admins/activity_log_event_types`."""

    event_types: list[str]


EVENT_TYPES = Endpoint(
    "GET", "/admins/activity_log_event_types", EventTypes, "a list of types", PERMISSION
)


class ActivityLogsStream(IntercomStream):
    """The admin activity logs, oldest first."""

    name = "activity_logs"
    primary_keys = ("id",)
    replication_key = "created_at"
    endpoint = list_of(
        "activity_logs",
        ActivityLog,
        "/admins/activity_logs/search",
        method="POST",
        permission=PERMISSION,
    )
    selected_by_default = False  # it needs that further permission
    schema = schema_of(ActivityLog, "Who was given access, lost it or used it, when and by whom.")

    is_sorted = True
    check_sorted = False  # the overlap begins before the bookmark
    STATE_MSG_FREQUENCY = PER_PAGE

    @override
    def read_from_intercom(self) -> Iterator[Record]:
        try:
            self._warn_of_unknown_types()
            yield from self._read_windows(self._start(), int(time.time()))
        except RefusedError as error:
            if self.ABORT_AT_RECORD_COUNT is None:  # `--test` does not insist on the permission
                raise
            self.logger.warning("%s: not read: %s", self.name, error)

    def _start(self) -> int:
        """Unix seconds to read from: a little before the bookmark, else the start date."""
        try:
            bookmark = self.get_starting_timestamp(None)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"The bookmark of {self.name} in the state is no date and time ({error}). Use the "
                "last STATE value of an earlier run, or none."
            ) from error
        if bookmark is None:
            start = int(time.time()) - REVIEW_PERIOD
            self.logger.info(
                "%s: no start_date is set: reading the last %d days, from %s",
                self.name,
                REVIEW_PERIOD // DAY,
                _iso(start),
            )
            return start
        overlap = OVERLAP if "replication_key_value" in self.stream_state else 0
        return int(bookmark.timestamp()) - overlap

    def _read_windows(self, start: int, end: int) -> Iterator[Record]:
        if start >= end:
            self.logger.warning("%s: nothing to read: it begins in the future", self.name)
        types = self.config.get("activity_types", DEFAULT_TYPES)
        question = {"per_page": PER_PAGE} | ({"event_types": types} if types else {})
        request = self.intercom.request(self.endpoint, question)
        span = MAX_SPAN
        while start < end:
            stop = min(start + span, end)
            try:
                events = read_window(self.intercom, request, start, stop)
            except WindowTooFullError as error:
                span = max(1, (stop - start) * MAX_PAGES // (2 * error.pages))
                continue
            for event in events:
                yield msgspec.to_builtins(event) | {"created_at": _iso(event.created_at)}
            # Every event before `stop` has been written by now, so the next run may start there.
            self.stream_state.update(
                replication_key=self.replication_key, replication_key_value=_iso(stop)
            )
            if len(events) < PER_PAGE * MAX_PAGES // 4:
                span = min(2 * span, MAX_SPAN)
            start = stop

    def _warn_of_unknown_types(self) -> None:
        """Warn of types in the setting that Intercom does not know."""
        if types := self.config.get("activity_types"):
            known = self.intercom.ask(self.intercom.request(EVENT_TYPES)).event_types
            if unknown := sorted(set(types) - set(known)):
                self.logger.warning(
                    "activity_types names types that Intercom does not list: %s", ", ".join(unknown)
                )


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat()
