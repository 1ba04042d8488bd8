"""Checks the catalog that a user passes, and completes its selection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from singer_sdk import Stream
from singer_sdk.singerlib import CatalogEntry, Schema, SelectionMask
from singer_sdk.singerlib.catalog import Metadata, MetadataMapping, StreamMetadata

from tap_intercom_access.errors import InputError
from tap_intercom_access.settings import BOOLEANS
from tap_intercom_access.streams.schema import FieldPath


def selected_columns(
    schema: Mapping[str, Any],
    mask: SelectionMask,
    path: FieldPath = (),
    breadcrumb: tuple[str, ...] = (),
) -> Iterator[FieldPath]:
    """Yield the paths of the selected columns of a schema, such as `("role", "id")`."""
    for name, column in schema.get("properties", {}).items():
        inner = (*breadcrumb, "properties", name)
        if mask[inner] and column.get("properties"):
            yield from selected_columns(column, mask, (*path, name), inner)
        elif mask[inner]:
            yield (*path, name)


def fixed_columns(stream: Stream) -> list[str]:
    """Return the columns that a catalog can't deselect."""
    return [*stream.primary_keys, *([stream.replication_key] if stream.replication_key else [])]


def complete_entry(entry: CatalogEntry, stream: Stream) -> None:
    """Replace a catalog's entry, in place, with the stream's schema and the catalog's selection.

    Raises:
        InputError: if the entry contradicts the stream.
    """
    if not entry.metadata:  # an entry without metadata selects everything
        entry.metadata[()] = StreamMetadata(selected=True)
    root = entry.metadata.root
    keys = entry.key_properties or root.table_key_properties
    replication_key = entry.replication_key or root.replication_key
    if keys and {*map(str, keys)} != {*stream.primary_keys}:
        raise _mismatch(stream.name, "key", keys, stream.primary_keys)
    if replication_key not in (None, stream.replication_key):
        raise _mismatch(stream.name, "replication key", replication_key, stream.replication_key)
    for breadcrumb, metadata in entry.metadata.items():
        name = ".".join((stream.name, *breadcrumb[1::2]))
        metadata.selected = _selection(name, metadata.selected)
        metadata.selected_by_default = _selection(name, metadata.selected_by_default)
    _compare(entry.metadata, stream.name, stream.schema, entry.schema.to_dict(), ())
    for name in fixed_columns(stream):
        entry.metadata["properties", name].inclusion = Metadata.InclusionType.AUTOMATIC
    entry.stream = stream.name  # the SDK finds stream maps by this name
    entry.key_properties = list(stream.primary_keys)
    entry.replication_key = stream.replication_key
    entry.schema = Schema.from_dict(stream.schema)


def _compare(
    metadata: MetadataMapping,
    name: str,
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    breadcrumb: tuple[str, ...],
) -> None:
    """Deselect columns that a catalog's schema lacks. Refuse other types, which records can't have.

    Raises:
        InputError: if a column has another type in the catalog.
    """
    for column, schema in ours.get("properties", {}).items():
        inner = (*breadcrumb, "properties", column)
        other = theirs.get("properties", {}).get(column)
        if other is None:
            metadata[inner] = Metadata(selected=False)
        elif _type(other) == _type(schema):
            _compare(metadata, f"{name}.{column}", schema, other, inner)
        else:
            found, expected = other.get("type"), schema.get("type")
            raise _mismatch(f"{name}.{column}", "type", found, expected)


def _type(schema: Mapping[str, Any]) -> tuple[object, ...]:
    types = schema.get("type", [])
    items = schema.get("items")
    return (
        sorted([types] if isinstance(types, str) else types),
        schema.get("format"),
        _type(items) if isinstance(items, dict) else None,
    )


def _selection(name: str, value: object) -> bool | None:
    """Return a selection as a boolean. It may be a string such as "false"."""
    if value is None or isinstance(value, bool):
        return value
    try:
        return BOOLEANS[str(value).strip().lower()]
    except KeyError as error:
        raise InputError(
            f"Invalid catalog: {name} has selected={value!r}. Use true or false."
        ) from error


def _mismatch(name: str, what: str, found: object, expected: object) -> InputError:
    return InputError(
        f"Invalid catalog: the {what} of {name} is {found!r}, but must be {expected!r}. "
        "Generate a new catalog with 'tap-intercom-access --discover' and change only the "
        "selection (in Meltano: remove the extras 'schema' and 'metadata' of this stream)."
    )
