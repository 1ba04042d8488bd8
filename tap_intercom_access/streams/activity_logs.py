"""Who was given access, lost it or used it: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/searchactivitylogs."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from typing_extensions import override

from tap_intercom_access.errors import InputError
from tap_intercom_access.intercom import Endpoint, Id, list_of
from tap_intercom_access.intercom.responses import UnixSeconds, as_text
from tap_intercom_access.intercom.windows import Timed, read_windows, within
from tap_intercom_access.streams.activity_types import DEFAULT_TYPES
from tap_intercom_access.streams.base import IntercomStream, Reading
from tap_intercom_access.streams.schema import AS_DATE_TIME, as_date_time, column, schema_of

DAY = 86_400
REVIEW_PERIOD = 90 * DAY
"""Seconds to go back without a start_date: what a quarterly review looks at."""

OVERLAP = 3600
"""Seconds before the bookmark that are read again, for events that Intercom logged late."""

EARLIEST, LATEST = DAY, 253_402_214_400
"""Unix seconds that a bookmark is taken for if it is beyond: a day off the years 1970 and 9999."""

PER_PAGE = 250

SKEW = 3600
"""Seconds that this machine's clock may be wrong without costing another request."""

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
    created_at: Annotated[UnixSeconds, AS_DATE_TIME, column("When it happened, in UTC.")]
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
    def read_from_intercom(self) -> Reading:
        self._warn_of_unknown_types()
        types = self.config.get("activity_types", DEFAULT_TYPES)
        question = {"per_page": PER_PAGE} | ({"event_types": types} if types else {})
        request = self.intercom.request(self.endpoint, question)
        clock = self.intercom.clock
        # The first response tells the time at Intercom; until then this machine's clock counts.
        here = int(clock.now())
        begin = self._start(here) - (SKEW if self._bookmark() is None else 0)
        asked = (begin, max(begin, here) + SKEW)
        first = self.intercom.ask(within(request, asked))
        if not clock.heard:
            self.logger.warning(
                "%s: Intercom does not say what time it is: this machine's clock counts", self.name
            )
        now = int(clock.now())
        self._tell_of_start(now)
        window = (self._start(now), now)
        if window[0] >= now:
            return None
        if asked[0] <= window[0] and now <= asked[1]:
            windows = read_windows(self.intercom, within(request, asked), window, first)
        else:
            windows = read_windows(self.intercom, request, window)
        read_from = self._read_from(window)
        for stop, events in windows:
            for event in events:
                yield msgspec.to_builtins(event) | {"created_at": as_date_time(event.created_at)}
            # Every event before `stop` has been written by now, so the next run may start there.
            self.stream_state.update(
                read_from=read_from,
                replication_key=self.replication_key,
                replication_key_value=as_date_time(stop),
            )
        return None

    def _start(self, now: int) -> int:
        """Unix seconds to read from: a little before the bookmark, else the start date."""
        bookmark = self._bookmark()
        if bookmark is None:
            return now - REVIEW_PERIOD
        return min(bookmark, now) - OVERLAP if self._goes_on() else bookmark

    def _read_from(self, window: tuple[int, int]) -> str:
        """Since when events are known without a gap, by this run and those that it goes on from."""
        begin = as_date_time(window[0])
        bookmark = self._bookmark()
        if bookmark is None or bookmark > window[1] or not self._goes_on():
            return begin
        return str(self.stream_state.get("read_from", begin))

    def _tell_of_start(self, now: int) -> None:
        bookmark = self._bookmark()
        start = as_date_time(self._start(now))
        if bookmark is None:
            days = REVIEW_PERIOD // DAY
            self.logger.info(
                "%s: no start_date is set: reading the last %d days, from %s",
                self.name,
                days,
                start,
            )
        elif bookmark > now and self._goes_on():
            self.logger.warning(
                "%s: the bookmark in the state, %s, is in the future (at Intercom it is %s): "
                "reading from %s",
                self.name,
                as_date_time(bookmark),
                as_date_time(now),
                start,
            )
        elif bookmark >= now:
            self.logger.warning("%s: nothing to read: it begins in the future", self.name)

    def _bookmark(self) -> int | None:
        """Unix seconds of the bookmark in the state, or of start_date, whichever is later."""
        try:
            bookmark = self.get_starting_timestamp(None)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"The bookmark of {self.name} in the state is no date and time ({error}). Use the "
                "last STATE value of an earlier run, or none."
            ) from error
        if bookmark is None:
            return None
        return min(max(int(bookmark.timestamp()), EARLIEST), LATEST)

    def _goes_on(self) -> bool:
        """Whether it begins at the bookmark of an earlier run."""
        value = self.stream_state.get("replication_key_value")
        return value is not None and value == self.get_starting_replication_key_value(None)

    def _warn_of_unknown_types(self) -> None:
        """Warn of types in the setting that Intercom does not know."""
        if types := self.config.get("activity_types"):
            known = self.intercom.ask(self.intercom.request(EVENT_TYPES)).event_types
            if unknown := sorted(set(types) - set(known)):
                self.logger.warning(
                    "activity_types names types that Intercom does not list: %s", ", ".join(unknown)
                )
