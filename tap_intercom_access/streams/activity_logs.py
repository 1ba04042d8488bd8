"""Who was given access, lost it or used it: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/searchactivitylogs."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from singer_sdk.singerlib import Schema
from typing_extensions import override

from tap_intercom_access.errors import InputError
from tap_intercom_access.intercom import Endpoint, Id, list_of
from tap_intercom_access.intercom.errors import RetriesExhaustedError
from tap_intercom_access.intercom.responses import UnixSeconds  # noqa: TC001 (msgspec reads it)
from tap_intercom_access.intercom.windows import Timed, read_windows, within
from tap_intercom_access.streams.activity_types import DEFAULT_TYPES
from tap_intercom_access.streams.base import IntercomStream
from tap_intercom_access.streams.schema import (
    AS_DATE_TIME,
    as_date_time,
    as_seconds,
    column,
    schema_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import Catalog

    from tap_intercom_access.evidence import Evidence
    from tap_intercom_access.intercom import Intercom
    from tap_intercom_access.intercom.endpoints import Request
    from tap_intercom_access.intercom.responses import Page
    from tap_intercom_access.intercom.windows import Window
    from tap_intercom_access.streams.identity import Identity

DAY = 86_400
REVIEW_PERIOD = 90 * DAY
"""Seconds to go back without a start_date: what a quarterly review looks at."""

OVERLAP = 3600
"""Seconds before the bookmark that are read again, for events that Intercom logged late."""

PER_PAGE = 250

SKEW = 3600
"""Seconds that this machine's clock may be wrong without costing another request."""

MAX_DIFFERENCE = 300
"""Seconds that both clocks may differ by without a warning."""

PERMISSION = "Read admin activity logs"


class Performer(msgspec.Struct, gc=False):
    """Who did what an activity log tells."""

    id: Annotated[Id | None, column("Id of the teammate.")] = None
    type: Annotated[str | None, column("What performed it: `admin`.")] = None
    email: Annotated[str | None, column("E-mail address of the teammate.")] = None
    ip: Annotated[str | None, column("IP address it came from.")] = None


class ActivityLog(Timed, gc=False):
    """An event, as `POST /admins/activity_logs/search` lists it, and a column for each field."""

    id: Annotated[Id, column("Id of the event.")]
    created_at: Annotated[UnixSeconds, AS_DATE_TIME, column("When it happened, in UTC.")]
    activity_type: Annotated[str | None, column("What happened, such as `admin_deletion`.")] = None
    activity_description: Annotated[str | None, column("What happened, in a sentence.")] = None
    performed_by: Annotated[Performer | None, column("Who did it.")] = None
    metadata: Annotated[
        dict[str, Any] | None,
        column("Further details; which ones depends on the type of the event."),
    ] = None


@dataclass(frozen=True)
class Bookmark:
    """What an earlier run left in the state, in Unix seconds."""

    at: int | None = None
    """Before it, every event was read."""
    read_from: int | None = None
    """From it on, every event was read."""

    @classmethod
    def of(cls, stream: str, state: Mapping[str, Any]) -> Bookmark:
        """Read the state of a stream.

        Raises:
            InputError: if it does not hold dates and times.
        """
        try:
            at, read_from = (
                None if state.get(key) is None else max(0, as_seconds(state[key]))
                for key in ("replication_key_value", "read_from")
            )
        except (AttributeError, OverflowError, TypeError, ValueError) as error:
            raise InputError(
                f"The bookmark of {stream} in the state is no date and time ({error}). Use the "
                "last STATE value of an earlier run, or none."
            ) from error
        return cls(at, read_from)


@dataclass(frozen=True)
class Start:
    """Where a run begins."""

    at: int
    """Unix seconds from which events are read."""
    known_since: int
    """Unix seconds from which events are known without a gap once they are read."""
    reached: int
    """Unix seconds before which every event was read already."""
    is_default: bool = False
    """Whether neither state nor setting says where."""
    warning: str = ""


def start_of(bookmark: Bookmark, start_date: int | None, now: int, here: int) -> Start:
    """Decide where a run begins.

    Args:
        bookmark: What the last run left.
        start_date: The setting, in Unix seconds.
        now: Unix seconds by Intercom's clock.
        here: Unix seconds by this machine's clock.
    """
    known = bookmark.read_from
    if bookmark.at is not None and bookmark.at > max(now, here):
        begin = [at for at in (known, start_date) if at is not None and at <= max(now, here)]
        at = max(begin, default=now - REVIEW_PERIOD)
        warning = (
            f"the bookmark in the state, {as_date_time(bookmark.at)}, is in the future (at "
            f"Intercom it is {as_date_time(now)}): reading from {as_date_time(at)}, since it is "
            "not known how far the last run came"
        )
        return Start(at, at, at, warning=warning)
    if bookmark.at is None or (start_date is not None and start_date > bookmark.at):
        at = now - REVIEW_PERIOD if start_date is None else start_date
        warning = "nothing to read: it begins in the future" if at >= now else ""
        return Start(at, at, at, start_date is None, warning)
    at = max(0, bookmark.at - OVERLAP)
    warning = ""
    if known is not None and start_date is not None and start_date < known:
        warning = (
            f"start_date is {as_date_time(start_date)}, but the state begins at "
            f"{as_date_time(known)}: events before that are not read. To read them, run once "
            "without the state: with --full-refresh in Meltano, without --state elsewhere"
        )
    return Start(at, at if known is None else min(known, at), bookmark.at, warning=warning)


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

    def __init__(
        self, tap: Tap, intercom: Intercom, identity: Identity, evidence: Evidence
    ) -> None:
        if tap.config["metadata_as_text"]:
            self.schema = copy.deepcopy(self.schema)
            self.schema["properties"]["metadata"]["type"] = ["string", "null"]
            del self.schema["properties"]["metadata"]["additionalProperties"]
        super().__init__(tap, intercom, identity, evidence)

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        entry = catalog.get_stream(self.name)
        properties = entry.schema.properties if entry else None
        if properties and "metadata" in properties:
            # The catalog may be older than the setting metadata_as_text.
            properties["metadata"] = Schema.from_dict(self.schema["properties"]["metadata"])
        super().apply_catalog(catalog)

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        if not self.config["metadata_as_text"]:
            yield from super().get_records(context)
            return
        for record in super().get_records(context):
            if record["metadata"] is not None:
                record["metadata"] = msgspec.json.encode(record["metadata"]).decode()
            yield record

    _limit = ""
    """Date and time by the clock that is behind, which the bookmark does not pass."""

    @override
    def read_rows(self) -> Iterator[ActivityLog]:
        self._warn_of_unknown_types()
        types = self.config.get("activity_types", DEFAULT_TYPES)
        body = {"per_page": PER_PAGE} | ({"event_types": types} if types else {})
        request = self.intercom.build_request(self.endpoint, body)
        date = self.config.get("start_date")
        start_date = None if date is None else as_seconds(date)
        bookmark = Bookmark.of(self.name, self.stream_state)

        # The first response tells the time at Intercom; until then this machine's clock counts.
        _, here = self.evidence.times(self.name, self.intercom.clock)
        start = start_of(bookmark, start_date, here, here)
        begin = max(0, start.at - (SKEW if start.is_default else 0))
        # Later by a day: an end that Intercom rounds down to a day leaves out no event.
        requested = (begin, max(begin, here) + DAY)
        first = self._read_first(request, requested)
        clock = self.intercom.clock
        now, here = self.evidence.times(self.name, clock)
        self._check_clocks(now - here)
        start = start_of(bookmark, start_date, now, here)
        self._log(start)
        window = (start.at, now)
        self.evidence.filters |= {
            "event_types": types,
            "window": {"from": as_date_time(start.at), "to": as_date_time(now)},
        }
        if start.at >= now:
            return

        self.stream_state.update(
            read_from=as_date_time(start.known_since), replication_key=self.replication_key
        )
        if first and requested[0] <= window[0] and now <= requested[1]:
            windows = read_windows(self.intercom, within(request, requested), window, first)
        else:
            windows = read_windows(self.intercom, request, window)
        self._limit = as_date_time(min(now, here))
        newest = start.reached
        for stop, events in windows:
            yield from events
            newest = events[-1].created_at if events else newest
            # Every event before `stop` has been written by now, so the next run may start there.
            # Where Intercom does not tell the time, only its events do: it is theirs, or later.
            reached = as_date_time(stop if clock.is_set else newest)
            self.stream_state["replication_key_value"] = min(reached, self._limit)

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        # The SDK 0.54.9 takes the time of the record, also where one of the clocks is behind it.
        reached = min(latest_record["created_at"], self._limit)
        self.stream_state["replication_key_value"] = reached

    @override
    def compare_start_date(self, value: str, start_date_value: str) -> str:
        """Leave the bookmark as it is: `start_of` decides between the two."""
        return value

    def _read_first(
        self, request: Request[Page[ActivityLog]], window: Window
    ) -> Page[ActivityLog] | None:
        """Read the first page of a window; None if Intercom can only answer for a shorter time."""
        try:
            return self.intercom.send(within(request, window))
        except RetriesExhaustedError as error:
            shorter = (window[0], min(window[1], window[0] + DAY - 1))
            if shorter == window:
                raise
            self.logger.warning("%s: %s Now a day of it is tried.", self.name, error)
            self.intercom.send(within(request, shorter))
            return None

    def _check_clocks(self, ahead: int) -> None:
        """Warn if the time is not known from two clocks that agree."""
        if not self.intercom.clock.is_set:
            self.logger.warning(
                "%s: Intercom does not say what time it is: this machine's clock counts", self.name
            )
        elif abs(ahead) > MAX_DIFFERENCE:
            self.logger.warning(
                "%s: Intercom's clock is %s %s this machine's: one of them is wrong. Events are "
                "read up to the time at Intercom, and the bookmark stays before both",
                self.name,
                timedelta(seconds=abs(ahead)),
                "ahead of" if ahead > 0 else "behind",
            )

    def _log(self, start: Start) -> None:
        if start.warning:
            self.logger.warning("%s: %s", self.name, start.warning)
        if start.is_default:
            self.logger.info(
                "%s: no start_date is set: reading the last %d days, from %s",
                self.name,
                REVIEW_PERIOD // DAY,
                as_date_time(start.at),
            )

    def _warn_of_unknown_types(self) -> None:
        """Warn of types in the setting that Intercom does not know."""
        if types := self.config.get("activity_types"):
            known = self.intercom.send(self.intercom.build_request(EVENT_TYPES)).event_types
            if unknown := sorted(set(types) - set(known)):
                self.logger.warning(
                    "activity_types names types that Intercom does not list: %s", ", ".join(unknown)
                )
