"""The base class of the streams."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from operator import attrgetter
from typing import Any, ClassVar

import msgspec
from singer_sdk import Stream, Tap
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.helpers.types import Context, Record
from singer_sdk.singerlib import Catalog, SelectionMask
from typing_extensions import override

from tap_intercom_access.errors import InputError, StreamError, TapError, describe
from tap_intercom_access.intercom import Endpoint, IntercomError, RefusedError
from tap_intercom_access.streams.catalog import complete_entry, fixed_columns, selected_columns
from tap_intercom_access.streams.observer import StreamObserver
from tap_intercom_access.streams.run import Run
from tap_intercom_access.streams.schema import as_date_time, narrow, record_of
from tap_intercom_access.streams.size import check_size


class IntercomStream(Stream):
    """A stream of records from one list of the API.

    It is a `Stream` and not a `RESTStream`, because the client sends the requests. A `RESTStream`
    that uses the client would have to override 17 methods.

    Subclasses set name, primary_keys, schema, shape, and endpoint. They override `read_rows` if
    their rows differ from those of the endpoint.
    """

    endpoint: Endpoint[Any]
    shape: type[msgspec.Struct]
    """The shape of a row of the endpoint."""
    untyped: ClassVar[tuple[str, ...]] = ()
    """Fields that are read even if their columns are deselected. They may have any type."""
    full_list = False
    """Whether each sync reads all existing rows, so that a target may remove others."""
    has_distinct_rows = False
    """Whether all rows have different keys, so that counting them needs no list of keys."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # decoding into the shape checks the types
    partitions = None  # a state with partitions would make the SDK read the list once for each

    def __init__(self, tap: Tap, run: Run) -> None:
        super().__init__(tap)
        self.run = run
        self.observer = StreamObserver(self.name, self.shape, run)
        self.intercom = replace(run.intercom, observer=self.observer)
        self.filters: dict[str, Any] = {}
        """Rows that the stream leaves out, for the evidence."""

    def read_rows(self) -> Iterable[msgspec.Struct]:
        """Return the rows. Each one becomes a record.

        Raises:
            IntercomError: if the list can't be read completely.
        """
        rows: Iterable[msgspec.Struct] = self.intercom.rows(self.narrowed_endpoint())
        return rows

    @property
    def columns(self) -> list[tuple[str, ...]]:
        """The paths of the selected columns, such as `("role", "id")`.

        All columns if the stream isn't selected, because Python code may read it anyway.
        """
        mask = self.mask if self.selected else SelectionMask()
        return list(selected_columns(self.schema, mask))

    def narrowed_endpoint(self) -> Endpoint[Any]:
        """Return the endpoint with a shape that has only the selected columns."""
        return self.endpoint.with_rows(narrow(self.shape, self.columns, self.untyped))

    @property
    def is_test(self) -> bool:
        """Whether `--test` reads only one record."""
        return self.ABORT_AT_RECORD_COUNT is not None

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Yield all records. Then write ACTIVATE_VERSION.

        Raises:
            StreamError: if the list wasn't read completely. The message names the stream.
        """
        keys: list[Any] = []
        self.run.is_used = True
        self.intercom = replace(self.intercom, is_test=self.is_test)
        try:
            self.run.identity.confirm()
            yield from self._read_records(keys)
            if not self.is_test:
                self._complete(keys)
        except TapError:
            raise
        except Exception as error:
            is_optional = self.is_test and not self.selected_by_default
            if not (is_optional and isinstance(error, RefusedError)):
                raise StreamError(f"{self.name}: {describe(error)}{self._advice(error)}") from error
            # `--test` succeeds without the permission of an optional stream.
            self.logger.warning("Skipped the optional stream %s: %s", self.name, error)
        finally:
            self.observer.log_replaced()

    def _read_records(self, keys: list[Any]) -> Iterator[Record]:
        """Yield the records, count them, and collect their keys if they are needed."""
        key_of = attrgetter(*self.primary_keys)
        needs_keys = self.run.evidence.is_kept or (self.full_list and not self.has_distinct_rows)
        count = 0
        for row in self.read_rows():
            count += 1
            if needs_keys:
                keys.append(key_of(row))
            yield record_of(row)
        self.run.rows[self.name] = count

    def _complete(self, keys: list[Any]) -> None:
        """Check and finish a list after its last record was written."""
        if self.full_list:
            rows = len({*keys}) or self.run.rows[self.name]
            self.run.rows[self.name] = rows
            limit = self.config["max_removed_percent"]
            check_size(self.name, self.stream_state, rows, limit)
            self.stream_state["rows"] = rows
            self.stream_state["rows_read_at"] = as_date_time(self.run.clock.times(self.name)[0])
        self.run.identity.remember()
        columns = sorted(".".join(path) for path in self.columns)
        summary = {"keys": list(self.primary_keys), "columns": columns}
        self.run.evidence.add_stream(self.name, keys, summary, self.filters)
        if self._stream_version is not None:
            super()._write_activate_version_message(self._stream_version)

    def _advice(self, error: Exception) -> str:
        """Return the advice to deselect a column, if that helps."""
        column = error.field if isinstance(error, IntercomError) else None
        if column not in self.schema["properties"] or column in fixed_columns(self):
            return ""
        return f" To sync without this column, deselect {self.name}.{column} in the catalog."

    @override
    def _write_activate_version_message(self, full_table_version: int) -> None:
        # The SDK calls this before the first record. If the list failed later, a target would have
        # removed all rows. So this method only sets the version. Targets compare versions, so each
        # must be greater than the last one, even if this machine's clock was ahead then.
        last = self.stream_state.get("version") or 0
        try:
            self._stream_version = max(int(self.run.clock.began_at), int(last) + 1)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(
                f"The state of {self.name} has an invalid version ({last!r}). Pass the last STATE "
                "value of an earlier run, or none."
            ) from error
        self.stream_state["version"] = self._stream_version

    @override
    def generate_child_contexts(
        self, record: Record, context: Context | None
    ) -> Iterable[Context | None]:
        """Return no contexts. The default copies each record for child streams."""
        return ()

    @override
    def get_batch_config(self, config: Any) -> None:
        """Return None. BATCH messages have no version, and would follow ACTIVATE_VERSION."""
        return

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Apply the selection of a catalog. Keys are always selected.

        Raises:
            InputError: if the catalog contradicts the stream.
        """
        if entry := catalog.get_stream(self.name):
            complete_entry(entry, self)
        method = self.replication_method
        super().apply_catalog(catalog)
        if self.replication_method != method:
            raise InputError(
                f"Invalid catalog: the replication method of {self.name} is "
                f"{self.replication_method}, but must be {method}."
            )

    @override
    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        """Log a message of the SDK. Lower unhandled errors to DEBUG, because `main` logs them."""
        if message.startswith("An unhandled error"):
            level = logging.DEBUG
        super().log(message, *args, level=level, **kwargs)
