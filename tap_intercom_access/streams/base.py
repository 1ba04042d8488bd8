"""What the SDK asks of a stream, and what this tap's streams share."""

from __future__ import annotations

import fnmatch
import logging
import re
import threading
from abc import abstractmethod
from dataclasses import replace
from http import HTTPStatus
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream, metrics
from singer_sdk.exceptions import MapExpressionError
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib import Schema
from singer_sdk.singerlib.catalog import Metadata, StreamMetadata
from typing_extensions import override

from tap_intercom_access.errors import InputError, StreamError, TapError, in_words
from tap_intercom_access.inputs import read_selection
from tap_intercom_access.intercom import IntercomError, RefusedError, UnreadableError
from tap_intercom_access.intercom.decoding import unknown_keys
from tap_intercom_access.intercom.redaction import excerpt
from tap_intercom_access.streams.schema import as_date_time, record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    import msgspec
    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.mapper import CustomStreamMap
    from singer_sdk.singerlib import Catalog, CatalogEntry, SelectionMask

    from tap_intercom_access.evidence import Evidence, SortedKeys
    from tap_intercom_access.intercom import Endpoint, Intercom
    from tap_intercom_access.intercom.connection import Response
    from tap_intercom_access.intercom.decoding import FieldPath, ReplacedText
    from tap_intercom_access.intercom.endpoints import Request
    from tap_intercom_access.streams.identity import Identity


FEW = 10
"""Rows that any list may lose, however short it is."""

ACCEPT_ALL = 100
"""The max_removed_percent that accepts every loss."""

SHRUNK = (
    "No row is marked as removed. The app may have lost a permission, the plan may have changed, "
    "the token may be of another workspace, or Intercom may be failing. If the loss is right, "
    "accept it with TAP_INTERCOM_ACCESS_MAX_REMOVED_PERCENT=100 for one run, or --full-refresh."
)


def is_shrunk(before: int, now: int, percent: float) -> bool:
    """Tell whether a list lost more than its share, and more than a few rows, or all of them."""
    lost = before - now
    return (lost > FEW or not now) and lost * 100 > before * percent


def _selection(
    schema: Mapping[str, Any],
    mask: SelectionMask,
    field: FieldPath = ("rows",),
    breadcrumb: tuple[str, ...] = (),
) -> Iterator[tuple[FieldPath, bool]]:
    """Give the columns of a schema, as fields of a response, each with whether it is selected."""
    for name, column in schema.get("properties", {}).items():
        inner = (*breadcrumb, "properties", name)
        if mask[inner] and column.get("properties"):
            yield from _selection(column, mask, (*field, name), inner)
        else:
            yield (*field, name), mask[inner]


def deselected(schema: Mapping[str, Any], mask: SelectionMask) -> list[FieldPath]:
    """Give the columns of a schema that are not selected, as fields of a response."""
    return [path for path, is_selected in _selection(schema, mask) if not is_selected]


def selected(schema: Mapping[str, Any], mask: SelectionMask) -> list[str]:
    """Give the columns of a schema that are selected, those of an object as `role.id`."""
    return [".".join(path[1:]) for path, is_selected in _selection(schema, mask) if is_selected]


def map_name(stream_maps: Mapping[str, Any], stream: str, expression: str) -> str:
    """Give the place of an expression among the stream maps of a configuration."""
    for pattern, columns in stream_maps.items():
        if not isinstance(columns, dict):
            continue
        source = columns.get("__source__", pattern)
        for column, value in columns.items():
            if value == expression and fnmatch.fnmatch(stream, source):
                return f"{pattern}.{column}: {expression}"
    return f"of {stream}"


class IntercomStream(Stream):
    """A stream of records that are made of one list of Intercom's.

    The SDK's `Stream` and not its `RESTStream`: requests are the client's job, and 17 methods of a
    `RESTStream` would have to be overridden to hand it over.

    Subclasses give name, primary_keys, schema, endpoint, and `read_rows`.
    """

    endpoint: Endpoint[Any]
    full_list = False
    """Whether the rows are all that there are, so that the target may be told which are gone."""
    distinct_rows = False
    """Whether no two rows of a full list have the same key, so that rows are counted, not keys."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the shapes of the rows guarantee the types
    partitions = None  # a state with partitions would make the SDK read the list once for each

    def __init__(
        self, tap: Tap, intercom: Intercom, identity: Identity, evidence: Evidence
    ) -> None:
        super().__init__(tap)
        self.identity = identity
        self.evidence = evidence
        self.intercom = replace(
            intercom,
            on_response=self.measure,
            on_exchange=evidence.recorder(self.name),
            on_replaced=self._count_replaced,
            unread=self.unread_fields,
        )
        self._counting = threading.Lock()
        self._is_first = True
        self._record_count = 0
        self._replaced: dict[tuple[str, str], ReplacedText] = {}
        self._requests = metrics.http_request_counter(self.name, self.endpoint.path)

    @override
    def __init_subclass__(cls) -> None:
        """Refuse a key that a record might lack.

        Raises:
            TypeError: if a key is not in the schema, or may be null or left out.
        """
        super().__init_subclass__()
        schema = vars(cls).get("schema", {})
        for key in vars(cls).get("primary_keys", ()):
            types = schema.get("properties", {}).get(key, {}).get("type", "null")
            if key not in schema.get("required", ()) or "null" in types:
                raise TypeError(
                    f"{cls.__name__}: the key {key} is not in every record of its schema"
                )

    @abstractmethod
    def read_rows(self) -> Iterable[msgspec.Struct]:
        """Give the rows that the records are made of.

        Raises:
            IntercomError: if the list cannot be read to its end.
        """

    def _read_records(self, collect: Callable[[Any], None] | None) -> Iterator[Record]:
        """Give the records, count them, and collect the keys where they are wanted."""
        key_of = attrgetter(*self.primary_keys)
        count = 0
        for row in self.read_rows():
            count += 1
            if collect:
                collect(key_of(row))
            yield record_of(row)
        self._record_count = count

    def unread_fields(self) -> Collection[FieldPath]:
        """Give the fields of a row that no selected column is made of."""
        return deselected(self.schema, self.mask)

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Give all records, then tell the target which rows are current.

        Raises:
            StreamError: if the list was not read to its end; the message names the stream.
        """
        sorted_keys = self.evidence.sorted_keys()
        may_repeat = self.full_list and not self.distinct_rows
        keys: list[Any] = []  # a set of many would take a tenth of the memory
        add_sorted = sorted_keys.add if sorted_keys else None
        collect = keys.append if may_repeat else add_sorted
        try:
            self.identity.confirm()
            with self._requests:
                yield from self._read_records(collect)
        except TapError:
            raise
        except RefusedError as error:
            if self.selected_by_default or self.ABORT_AT_RECORD_COUNT is None:
                raise StreamError(f"{self.name}: {error}") from error
            # `--test` does not insist on the permission of a stream that is there on request.
            self.logger.warning("%s: not read: %s", self.name, error)
            return
        except IntercomError as error:
            raise StreamError(f"{self.name}: {error}{self._advice(error)}") from error
        except Exception as error:
            raise StreamError(f"{self.name}: {in_words(error)}") from error
        finally:
            self._warn_of_replaced()
        if self.ABORT_AT_RECORD_COUNT is not None:  # `--test` reads one record
            return
        if self.full_list:
            distinct = sum(1 for _ in groupby(sorted(keys)))
            self._check_size(distinct if may_repeat else self._record_count)
        self.identity.remember()
        if sorted_keys:
            self._summarise(sorted_keys, keys)
        if self._stream_version is not None:
            super()._write_activate_version_message(self._stream_version)

    def _summarise(self, sorted_keys: SortedKeys, keys: Iterable[Any]) -> None:
        """Add to the evidence what was read, with the keys that are not sorted yet."""
        sorted_keys.update(keys)
        columns = sorted(selected(self.schema, self.mask))
        self.evidence.add_stream(self.name, sorted_keys, self.primary_keys, columns)

    def _advice(self, error: IntercomError) -> str:
        """Give what else to do about an error, where the stream knows."""
        column = error.field if isinstance(error, UnreadableError) else None
        if column not in self.schema["properties"] or column in self._fixed_columns:
            return ""
        return f" To go on without it, deselect {self.name}.{column} in the catalog."

    def _check_size(self, rows: int) -> None:
        """Compare a full list with the last complete one, and remember it in the state.

        Raises:
            InputError: if the state does not hold what this method left there.
            StreamError: if the list lost too much.
        """
        before, read_at = self.stream_state.get("rows"), self.stream_state.get("rows_read_at")
        if "rows" in self.stream_state and not (type(before) is int and before >= 0):
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
        now = as_date_time(self.evidence.times(self.name, self.intercom.clock)[0])
        self.stream_state.update(rows=rows, rows_read_at=now)

    def measure(self, request: Request[Any], response: Response) -> None:
        """Log a response as the SDK's `RESTStream` does."""
        with self._counting:  # responses may come in several threads
            self._requests.increment()
            is_first, self._is_first = self._is_first, False
        is_whole = response.status_code == HTTPStatus.OK
        shape = request.endpoint.response
        if is_first and is_whole and (unknown := unknown_keys(response.content, shape)):
            names = ", ".join(excerpt(key, self.intercom.access_token) for key in sorted(unknown))
            self.logger.info("%s: Intercom also sends what no column holds: %s", self.name, names)
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
        """Take the selection from a catalog; keys are always selected.

        Raises:
            InputError: if the catalog asks for keys or a replication that the stream has not.
        """
        if entry := catalog.get_stream(self.name):
            self._complete(entry)
        method = self.replication_method
        super().apply_catalog(catalog)
        if self.replication_method != method:
            raise InputError(
                f"The catalog asks for {self.replication_method} replication of {self.name}: "
                f"leave it at {method}."
            )

    def _complete(self, entry: CatalogEntry) -> None:
        """Put a catalog's entry of this stream right, in place."""
        root = entry.metadata.root if entry.metadata else StreamMetadata()
        keys = entry.key_properties or root.table_key_properties
        replication_key = entry.replication_key or root.replication_key
        if keys and {*map(str, keys)} != {*self.primary_keys}:
            raise InputError(
                f"The catalog says that the key of {self.name} is {keys!r}: leave it at "
                f"{self.primary_keys!r}."
            )
        if replication_key not in (None, self.replication_key):
            raise InputError(
                f"The catalog says that the replication key of {self.name} is {replication_key!r}: "
                f"leave it at {self.replication_key!r}."
            )
        entry.stream = self.name  # by which the SDK looks up the stream maps
        entry.key_properties = list(self.primary_keys)
        entry.replication_key = self.replication_key
        for breadcrumb, metadata in entry.metadata.items():
            name = ".".join((self.name, *breadcrumb[1::2]))
            metadata.selected = read_selection(name, metadata.selected)
            metadata.selected_by_default = read_selection(name, metadata.selected_by_default)
        for name in self._fixed_columns:
            if entry.metadata:  # without any, everything is selected
                automatic = Metadata.InclusionType.AUTOMATIC
                entry.metadata["properties", name].inclusion = automatic
            if entry.schema.properties is not None:
                column = Schema.from_dict(self.schema["properties"][name])
                entry.schema.properties.setdefault(name, column)

    @property
    def _fixed_columns(self) -> list[str]:
        """Columns that no catalog can deselect."""
        return [*self.primary_keys, *([self.replication_key] if self.replication_key else [])]

    def guard(self, stream_map: CustomStreamMap) -> None:
        """Let a stream map raise a StreamError that names map, stream and row, where it fails."""
        transform = stream_map.transform

        def guarded(record: dict[str, Any]) -> dict[str, Any] | None:
            try:
                return transform(record)
            except Exception as error:
                fault = self._map_fault(record, error, str(stream_map.expr_evaluator.expr))
                raise StreamError(f"{self.name}: {fault}") from error

        # SDK 0.54.9 lets through what an expression raises, and makes the maps itself.
        stream_map.transform = guarded  # type: ignore[method-assign]

    def _map_fault(self, record: Record, error: Exception, expression: str) -> str:
        """Say which stream map failed for a record; its values are personal data."""
        key = ", ".join(f"{name} {record.get(name)}" for name in self.primary_keys)
        fault = error.__cause__ if isinstance(error, MapExpressionError) else None
        problem = f"{type(fault or error).__name__}{f' ({fault})' if fault else ''}"
        nulls = [
            name
            for name, value in record.items()
            if value is None and name in re.findall(r"\w+", expression)
        ]
        where = f", where {' and '.join(nulls)} is null" if nulls else ""
        place = map_name(self.config["stream_maps"], self.name, expression)
        token = self.intercom.access_token
        return (
            f"the stream map {excerpt(place, token)} failed with {excerpt(problem, token)} for the "
            f"record with {excerpt(key, token)}{where}. Write it so that it takes every value, "
            "such as: sha256(email) if email else None."
        )

    def _count_replaced(self, replaced: list[ReplacedText]) -> None:
        with self._counting:  # responses may come in several threads, and with the same row
            for text in replaced:
                self._replaced.setdefault((text.row_id, text.field), text)

    def _warn_of_replaced(self) -> None:
        if self._replaced:
            first = next(iter(self._replaced.values()))
            self.logger.warning(
                "%s: %d texts hold a NUL or half of a surrogate pair, which databases refuse; each "
                "of these characters became U+FFFD. The first text: %s",
                self.name,
                len(self._replaced),
                excerpt(f"{first.path} of row {first.row_id}", self.intercom.access_token),
            )

    @override
    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        """Log for the SDK, but for its announcement of an unhandled error: main tells it once."""
        if message.startswith("An unhandled error"):
            level = logging.DEBUG
        super().log(message, *args, level=level, **kwargs)
