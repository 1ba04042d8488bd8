"""What the SDK asks of a stream, and what this tap's streams share."""

from __future__ import annotations

import logging
from abc import abstractmethod
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream, metrics
from singer_sdk.helpers.conform import TypeConformanceLevel
from typing_extensions import override

from tap_intercom_access.errors import InputError, StreamError, TapError, in_words
from tap_intercom_access.intercom import IntercomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import requests
    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import Catalog

    from tap_intercom_access.intercom import Endpoint, Intercom
    from tap_intercom_access.intercom.endpoints import Request


class IntercomStream(Stream):
    """A stream of records that are made of one list of Intercom's.

    The SDK's `Stream` and not its `RESTStream`: asking Intercom is the client's job, and 17 methods
    of a `RESTStream` would have to be overridden to hand it over.

    Subclasses give name, primary_keys, schema, endpoint, and `read_from_intercom`.
    """

    endpoint: Endpoint[Any]

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the shapes of the rows guarantee the types
    partitions = None  # a state with partitions would make the SDK read the list once for each

    def __init__(self, tap: Tap, intercom: Intercom) -> None:
        """Take whom to ask."""
        super().__init__(tap)
        self.intercom = replace(intercom, on_response=self._measure)
        self._requests = metrics.http_request_counter(self.name, self.endpoint.path)

    @abstractmethod
    def read_from_intercom(self) -> Iterator[Record]:
        """Give the records of the stream, in their final form.

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
            with self._requests:
                yield from self.read_from_intercom()
        except TapError:
            raise
        except IntercomError as error:
            raise StreamError(f"{self.name}: {error}") from error
        except Exception as error:
            raise StreamError(f"{self.name}: {in_words(error)}") from error
        if self._stream_version is not None:
            super()._write_activate_version_message(self._stream_version)

    def _measure(self, request: Request[Any], response: requests.Response) -> None:
        """Log a response as the SDK's `RESTStream` does."""
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
