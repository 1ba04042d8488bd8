"""Stream maps: which expression failed for which row, and records that fit their schema."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from singer_sdk.mapper import CustomStreamMap
from singer_sdk.singerlib import Catalog, MetadataMapping

from tap_intercom_access.errors import InputError, StreamError
from tap_intercom_access.intercom.redaction import excerpt

if TYPE_CHECKING:
    from singer_sdk import Stream
    from singer_sdk.mapper import PluginMapper, StreamMap
    from singer_sdk.singerlib import CatalogEntry


def register_maps(mapper: PluginMapper, stream: Stream, entry: CatalogEntry) -> None:
    """Compile the stream maps of a stream.

    Raises:
        InputError: if one of them can't be used.
    """
    if not stream.selected:
        # The SDK removes all columns from a deselected stream, so that its keys are missing.
        # Without metadata it keeps them.
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


def _name_failures(stream_map: CustomStreamMap, stream: Stream) -> None:
    """Make a stream map name the stream, the expression, and the row if it fails."""
    transform = stream_map.transform

    def named(record: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return transform(record)
        except Exception as error:
            key = ", ".join(f"{name} {record.get(name)}" for name in stream.primary_keys)
            cause = f" ({error.__cause__})" if error.__cause__ else ""
            raise StreamError(
                f"{stream.name}: the stream map failed for the row with {excerpt(key)}: "
                f"{excerpt(f'{error}{cause}', 300)}. The expression must handle null values, for "
                "example: sha256(email) if email else None."
            ) from error

    # The SDK lets through whatever an expression raises, and creates the maps itself.
    stream_map.transform = named  # type: ignore[method-assign]


def _fit_to_schema(stream_map: StreamMap) -> None:
    """Make a stream map return exactly the columns of its schema, null if they are missing."""
    transform = stream_map.transform

    def fitted(record: dict[str, Any]) -> dict[str, Any] | None:
        result = transform(record)
        properties = stream_map.transformed_schema["properties"]
        return result and {name: result.get(name) for name in properties}

    # The SDK's flattening keeps a null object under its own name, which the schema doesn't have.
    stream_map.transform = fitted  # type: ignore[method-assign]
