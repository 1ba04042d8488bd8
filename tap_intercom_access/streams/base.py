"""What the SDK asks of a stream, and what this tap's streams share."""

from __future__ import annotations

import logging
import threading
from abc import abstractmethod
from collections.abc import Generator
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream, metrics
from singer_sdk.helpers.conform import TypeConformanceLevel
from typing_extensions import override

from tap_intercom_access.errors import InputError, StreamError, TapError, in_words
from tap_intercom_access.intercom import IntercomError, RefusedError
from tap_intercom_access.streams.schema import as_date_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import Catalog

    from tap_intercom_access.intercom import Endpoint, Intercom
    from tap_intercom_access.intercom.connection import Response
    from tap_intercom_access.intercom.endpoints import Request
    from tap_intercom_access.streams.identity import Identity


Reading = Generator[dict[str, Any], None, int | None]
"""Gives records, and returns the number of rows of a full list."""

FEW = 10
"""Rows that any list may lose, however short it is."""

SHRUNK = (
    "No row is marked as removed. The app may have lost a permission, the plan may have changed, "
    "the token may be of another workspace, or Intercom may be failing. If the loss is right, "
    "accept it with TAP_INTERCOM_ACCESS_MAX_REMOVED_PERCENT=100 for one run, or --full-refresh."
)


def is_shrunk(before: int, now: int, percent: float) -> bool:
    """Tell whether a list lost more than its share, and more than a few rows."""
    lost = before - now
    return lost > FEW and lost * 100 > before * percent


class IntercomStream(Stream):
    """A stream of records that are made of one list of Intercom's.

    The SDK's `Stream` and not its `RESTStream`: asking Intercom is the client's job, and 17 methods
    of a `RESTStream` would have to be overridden to hand it over.

    Subclasses give name, primary_keys, schema, endpoint, and `read_from_intercom`.
    """

    endpoint: Endpoint[Any]

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the shapes of the rows guarantee the types
    partitions = None  # a state with partitions would make the SDK read the list once for each

    def __init__(self, tap: Tap, intercom: Intercom, identity: Identity) -> None:
        """Take whom to ask, and what makes sure that it is the right workspace."""
        super().__init__(tap)
        self.identity = identity
        self.intercom = replace(intercom, on_response=self._measure)
        self._counting = threading.Lock()
        self._requests = metrics.http_request_counter(self.name, self.endpoint.path)

    @abstractmethod
    def read_from_intercom(self) -> Reading:
        """Give the records of the stream, in their final form.

        Returns:
            The number of rows that Intercom has, where the stream is the full list of them.

        Raises:
            IntercomError: if the list cannot be read to its end.
        """

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Give all records, then tell the target which rows are current.

        Raises:
            StreamError: if the list was not read to its end; the message names the stream.
        """
        try:
            self.identity.confirm()
            with self._requests:
                rows = yield from self.read_from_intercom()
        except TapError:
            raise
        except RefusedError as error:
            if self.selected_by_default or self.ABORT_AT_RECORD_COUNT is None:
                raise StreamError(f"{self.name}: {error}") from error
            # `--test` does not insist on the permission of a stream that is there on request.
            self.logger.warning("%s: not read: %s", self.name, error)
            return
        except IntercomError as error:
            raise StreamError(f"{self.name}: {error}") from error
        except Exception as error:
            raise StreamError(f"{self.name}: {in_words(error)}") from error
        if self.ABORT_AT_RECORD_COUNT is not None:  # `--test` reads one record
            return
        if rows is not None:
            self._check_size(rows)
        self.identity.remember()
        if self._stream_version is not None:
            super()._write_activate_version_message(self._stream_version)

    def _check_size(self, rows: int) -> None:
        """Compare a full list with the last complete one, and remember it in the state.

        Raises:
            InputError: if the state does not hold what this method left there.
            StreamError: if the list lost too much.
        """
        before, read_at = self.stream_state.get("rows"), self.stream_state.get("rows_read_at")
        if before is not None and not (type(before) is int and before >= 0):
            raise InputError(
                f"The state of {self.name} says that the last complete list had {before!r} rows, "
                "which is no number of rows. Use the last STATE value of an earlier run, or none."
            )
        if before is not None and is_shrunk(before, rows, self.config["max_removed_percent"]):
            raise StreamError(
                f"{self.name}: Intercom listed {rows} rows, {before - rows} fewer than in the last "
                f"complete sync ({before} rows, {read_at or 'time unknown'}): more than "
                f"max_removed_percent allows. {SHRUNK}"
            )
        now = as_date_time(int(self.intercom.clock.now()))
        self.stream_state.update(rows=rows, rows_read_at=now)

    def _measure(self, request: Request[Any], response: Response) -> None:
        """Log a response as the SDK's `RESTStream` does."""
        with self._counting:  # responses may come in several threads
            self._requests.increment()
        succeeded = response.status_code < HTTPStatus.BAD_REQUEST
        tags: dict[str, Any] = {
            metrics.Tag.STREAM: self.name,
            metrics.Tag.ENDPOINT: request.endpoint.path,
            metrics.Tag.HTTP_STATUS_CODE: response.status_code,
            metrics.Tag.STATUS: metrics.Status.SUCCEEDED if succeeded else metrics.Status.FAILED,
        }
        seconds = response.elapsed.total_seconds()
        point = metrics.Point("timer", metrics.Metric.HTTP_REQUEST_DURATION, seconds, tags)
        metrics.log(self.metrics_logger, point)

    @override
    def _write_activate_version_message(self, full_table_version: int) -> None:
        # SDK 0.54.9 calls this before the first record, when nobody knows yet whether the list
        # will arrive: a target would delete everybody. get_records writes it after the last one.
        pass

    @override
    def generate_child_contexts(
        self, record: Record, context: Context | None
    ) -> Iterable[Context | None]:
        """No child streams: without this, the SDK 0.54.9 copies each record for them."""
        return ()

    @override
    def get_batch_config(self, config: Any) -> None:
        """No BATCH messages: they carry no version, and would come after ACTIVATE_VERSION."""
        return

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take the selection from a catalog.

        Raises:
            InputError: if the catalog asks for a replication method that the stream has not.
        """
        method = self.replication_method
        super().apply_catalog(catalog)
        if self.replication_method != method:
            raise InputError(
                f"The catalog asks for {self.replication_method} replication of {self.name}: "
                f"leave it at {method}."
            )

    @override
    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        """Log for the SDK, but for its announcement of an unhandled error: main tells it once."""
        if message.startswith("An unhandled error"):
            level = logging.DEBUG
        super().log(message, *args, level=level, **kwargs)
