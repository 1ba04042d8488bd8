"""Stream maps: reports which one failed for which row, and fits records to their schema."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from singer_sdk import Stream
from singer_sdk.exceptions import MapExpressionError
from singer_sdk.mapper import CustomStreamMap, PluginMapper, StreamMap
from singer_sdk.singerlib import Catalog, CatalogEntry, MetadataMapping

from tap_intercom_access.errors import InputError, StreamError
from tap_intercom_access.intercom.redaction import excerpt


def register_maps(mapper: PluginMapper, stream: Stream, entry: CatalogEntry) -> None:
    """Compile the stream maps of a stream.

    Raises:
        InputError: if one of them can't be used.
    """
    if not stream.selected:
        # The SDK removes all columns from a deselected stream, even its keys, and fails. Without
        # metadata, it keeps them.
        entry = replace(entry, metadata=MetadataMapping())
    try:
        mapper.register_raw_streams_from_catalog(Catalog({stream.name: entry}))
    except Exception as error:
        if stream.selected:
            raise InputError(f"Can't use stream_maps for {stream.name}: {error}") from error
    for stream_map in mapper.stream_maps.get(stream.name, []):
        if isinstance(stream_map, CustomStreamMap):
            _name_failures(stream_map, stream)
        if stream.config.get("flattening_enabled"):
            _fit_to_schema(stream_map)


def maps_without_effect(
    stream_maps: Mapping[str, Any], schemas: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Return the stream maps of unknown streams, and those that remove unknown columns.

    Args:
        stream_maps: The setting.
        schemas: Schemas of the streams by name.
    """
    result = []
    for pattern, given in stream_maps.items():
        columns = given if isinstance(given, dict) else {}
        names = fnmatch.filter(schemas, columns.get("__source__", pattern))
        if not names and not pattern.startswith("__"):
            result.append(pattern)
        removed = {name for name, value in columns.items() if value in (None, "__NULL__")}
        known = {column for name in names for column in schemas[name]["properties"]}
        unknown = {name for name in removed - known if names and not name.startswith("__")}
        result += [f"{pattern}.{name}" for name in sorted(unknown)]
    return result


def _name_failures(stream_map: CustomStreamMap, stream: Stream) -> None:
    """Make the errors of a stream map name the stream, the expression, and the row."""
    transform = stream_map.transform

    def named(record: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return transform(record)
        except Exception as error:
            key = ", ".join(f"{name} {record.get(name)}" for name in stream.primary_keys)
            expression = excerpt(str(stream_map.expr_evaluator.expr))
            reason = type(error).__name__  # the message may contain personal data
            if isinstance(error, MapExpressionError):
                reason = excerpt(str(error.__cause__ or error))
            raise StreamError(
                f"{stream.name}: the stream map {expression} failed for the row with "
                f"{excerpt(key)} ({reason}). Correct the expression. Select every column that it "
                "uses, and handle columns that may be null: sha256(email) if email else None."
            ) from error

    # The SDK creates the maps itself, and doesn't convert all exceptions of expressions.
    stream_map.transform = named  # type: ignore[method-assign]


def _fit_to_schema(stream_map: StreamMap) -> None:
    """Make a stream map return exactly the columns of its schema. Missing columns are null."""
    transform = stream_map.transform

    def fitted(record: dict[str, Any]) -> dict[str, Any] | None:
        result = transform(record)
        properties = stream_map.transformed_schema["properties"]
        return result and {name: result.get(name) for name in properties}

    # The SDK's flattening keeps a null object under its own name, which the schema doesn't have.
    stream_map.transform = fitted  # type: ignore[method-assign]
