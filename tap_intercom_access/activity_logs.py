"""Who was given access, lost it or used it: the admin activity logs, oldest first."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec
import singer_sdk.typing as th

from tap_intercom_access.activity_types import DEFAULT_TYPES
from tap_intercom_access.answers import ActivityLog, ActivityLogList, ActivityTypes
from tap_intercom_access.client import IntercomStream
from tap_intercom_access.errors import AnswerError, InputError, unexpected
from tap_intercom_access.windows import MAX_PAGES, Body, WindowPaginator, WindowTooFullError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests
    from singer_sdk.helpers.types import Context, Record

DAY = 86_400
REVIEW_PERIOD = 90 * DAY
"""Seconds to go back without a start_date: what a quarterly review looks at."""

OVERLAP = 300
"""Seconds before the bookmark that are read again, for events that Intercom logged late."""

PER_PAGE = 250
MAX_SPAN = 30 * DAY


class ActivityLogsStream(IntercomStream[ActivityLog]):
    """Activity logs: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/searchactivitylogs."""

    name = "activity_logs"
    path = "/admins/activity_logs/search"
    primary_keys = ("id",)
    replication_key = "created_at"
    http_method = "POST"
    answer = ActivityLogList
    permission = "Read admin activity logs"
    selected_by_default = False  # it needs that further permission

    is_sorted = True
    check_sorted = False  # the overlap begins before the bookmark
    STATE_MSG_FREQUENCY = PER_PAGE

    schema = th.PropertiesList(
        th.Property("id", th.StringType, required=True, description="Id of the event."),
        th.Property(
            "created_at", th.DateTimeType, required=True, description="When it happened, in UTC."
        ),
        th.Property(
            "activity_type", th.StringType, description="What happened, such as `admin_deletion`."
        ),
        th.Property(
            "activity_description", th.StringType, description="What happened, in a sentence."
        ),
        th.Property(
            "performed_by",
            th.ObjectType(
                th.Property("id", th.StringType, description="Id of the teammate."),
                th.Property("type", th.StringType, description="What performed it: `admin`."),
                th.Property("email", th.StringType, description="E-mail address of the teammate."),
                th.Property("ip", th.StringType, description="IP address it came from."),
            ),
            description="Who did it.",
        ),
        th.Property(
            "metadata",
            # No "properties": with an empty list of them the SDK's flattening drops the column.
            th.CustomType({"type": ["object", "null"], "additionalProperties": True}),
            description="Further details; which ones depends on the type of the event.",
        ),
    ).to_dict() | {"description": "Who was given access, lost it or used it, when and by whom."}

    def get_new_paginator(self) -> WindowPaginator:  # type: ignore[override]
        """Start with the window that is read now."""
        start, stop = self._window
        return WindowPaginator(start - 1, stop)

    def get_url_params(self, context: Context | None, next_page_token: Any) -> dict[str, Any]:  # noqa: ANN401, ARG002
        """Give no query: everything is in the body."""
        return {}

    def prepare_request_payload(self, context: Context | None, next_page_token: Any) -> Body:  # noqa: ANN401, ARG002
        """Give the body of the request for a page."""
        body = {name: value for name, value in next_page_token.items() if name != "again"}
        if types := self.config.get("activity_types", DEFAULT_TYPES):
            body["event_types"] = types
        return {"per_page": PER_PAGE, **body}

    def records(self) -> Iterator[Record]:
        """Give one record per event, oldest first; `--test` does not insist on the permission.

        Raises:
            AnswerError: if a window cannot be read completely.
        """
        try:
            self._check_types()
            yield from self._read_windows(self._start(), int(time.time()))
        except AnswerError as error:
            if self.ABORT_AT_RECORD_COUNT is None:
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
        span = MAX_SPAN
        while start < end:
            stop = min(start + span, end)
            try:
                events = self._read_window(start, stop)
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

    def _read_window(self, start: int, stop: int) -> list[ActivityLog]:
        """Give all events from start to before stop in order of time."""
        self._window = (start, stop)
        events: dict[str, ActivityLog] = {}
        event: Any
        for event in self.request_records(None):
            if not start - 1 <= event.created_at <= stop:
                raise AnswerError(
                    f"{self.where} sent an event of {event.created_at}, outside of the time asked "
                    f"for ({start} to {stop}, Unix seconds): nothing else can be trusted."
                )
            # Whether Intercom's bounds include their own second is not documented.
            if start <= event.created_at < stop:
                events[event.id] = event
        return sorted(events.values(), key=lambda one: one.created_at)

    def _check_types(self) -> None:
        """Warn of types in the setting that Intercom does not know."""
        if not (types := self.config.get("activity_types")):
            return
        get_types: Any = self.request_decorator(self._get_types)  # type: ignore[arg-type]
        response = get_types()
        try:
            known = msgspec.json.decode(response.content, type=ActivityTypes).event_types
        except ValueError as error:
            raise unexpected(response, f"it is not a list of types ({error})") from error
        if unknown := sorted(set(types) - set(known)):
            self.logger.warning(
                "activity_types names types that Intercom does not list: %s", ", ".join(unknown)
            )

    def _get_types(self) -> requests.Response:
        response = self.requests_session.get(
            f"{self.url_base}/admins/activity_log_event_types",
            allow_redirects=False,
            auth=self.authenticator,
            headers=self.http_headers,
            timeout=self.timeout,
        )
        self.validate_response(response)
        return response


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat()
