"""A stream's JSON schema, made of the shape of its rows: a column is written once."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec
import singer_sdk.typing as th
from msgspec import inspect

if TYPE_CHECKING:
    from singer_sdk.typing import JSONTypeHelper

SIMPLE: dict[type[inspect.Type], type[JSONTypeHelper[Any]]] = {
    inspect.BoolType: th.BooleanType,
    inspect.IntType: th.IntegerType,
    inspect.StrType: th.StringType,
}

EARLIEST, LATEST = 86_400, 253_402_214_400
"""Unix seconds within which seconds can be added and taken away: a day off 1970 and year 10000."""

AS_DATE_TIME = msgspec.Meta(extra_json_schema={"format": "date-time"})
"""Marks Unix seconds of Intercom's that a record holds as a date and time."""


def as_date_time(seconds: int) -> str:
    """Give Unix seconds as a record holds them."""
    return datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat()


def as_seconds(text: str) -> int:
    """Give a date, or date and time, in Unix seconds; without a time zone it is in UTC.

    What is before 1970, or beyond 9999 in UTC, is moved to a day within.
    """
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    seconds = int((at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp())
    return min(max(seconds, EARLIEST), LATEST)


def column(description: str) -> msgspec.Meta:
    """Describe a field of a shape, and so a column of the stream."""
    return msgspec.Meta(description=description)


def schema_of(shape: type[msgspec.Struct], description: str) -> dict[str, Any]:
    """Give the JSON schema of a stream.

    Args:
        shape: The shape of its rows, each field with its `column`.
        description: Of the stream.
    """
    return th.PropertiesList(*_properties(shape)).to_dict() | {"description": description}


def _properties(shape: type[msgspec.Struct]) -> list[th.Property[Any]]:
    info = inspect.type_info(shape)
    assert isinstance(info, inspect.StructType)  # noqa: S101 (for the types)
    return [
        th.Property(
            field.name,
            _json_type(field.type),
            required=field.required,
            description=_extra(field.type).get("description"),
        )
        for field in info.fields
    ]


def _json_type(type_: inspect.Type) -> Any:  # noqa: ANN401 (a type helper, or an instance of one)
    extra = _extra(type_)
    type_ = type_.type if isinstance(type_, inspect.Metadata) else type_
    if isinstance(type_, inspect.UnionType):
        # What Intercom sends in two forms, such as an id, is a string in a record.
        type_ = min(type_.types, key=lambda one: not isinstance(one, inspect.StrType))
    if extra.get("format") == "date-time":
        return th.DateTimeType
    if isinstance(type_, inspect.ListType):
        return th.ArrayType(_json_type(type_.item_type)(nullable=False))
    if isinstance(type_, inspect.StructType):
        return th.ObjectType(*_properties(type_.cls))
    if isinstance(type_, inspect.DictType):
        # No "properties": with an empty list of them the SDK's flattening drops the column.
        return th.CustomType({"type": ["object", "null"], "additionalProperties": True})
    return SIMPLE[type(type_)]


def _extra(type_: inspect.Type) -> dict[str, Any]:
    return (type_.extra_json_schema or {}) if isinstance(type_, inspect.Metadata) else {}
