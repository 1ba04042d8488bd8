"""A stream's schema and records, made of the shape of its rows: a column is written once."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import singer_sdk.typing as th
from msgspec import inspect

from tap_intercom_access.intercom.responses import Id

if TYPE_CHECKING:
    from collections.abc import Callable

    from singer_sdk.helpers.types import Record
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

    Raises:
        TypeError: if an object within a row has a time, or a field of another name than its column,
            which `record_of` does not convert.
    """
    info = _struct_info(shape)
    for inner in _objects_within(info):
        if any(_conversions(inner)):
            name = inner.cls.__name__
            raise TypeError(f"{name} has a field that no record would hold as declared")
    schema = th.PropertiesList(*_properties(info)).to_dict() | {"description": description}
    del schema["$schema"]  # it names a draft that older targets refuse
    return schema


@cache
def _struct_info(shape: type[msgspec.Struct]) -> inspect.StructType:
    info = inspect.type_info(shape)
    assert isinstance(info, inspect.StructType)  # noqa: S101 (for the types)
    return info


def _objects_within(info: inspect.StructType) -> list[inspect.StructType]:
    """Give the shapes of the objects that become objects of a record."""
    types = [_member(field.type) for field in info.fields]
    inner = [type_ for type_ in types if isinstance(type_, inspect.StructType)]
    return [*inner, *(below for object_ in inner for below in _objects_within(object_))]


def record_of(row: msgspec.Struct) -> Record:
    """Give the record of a row: a column for each field, with times as dates and times."""
    return _record_maker(type(row))(row)


@cache
def _record_maker(shape: type[msgspec.Struct]) -> Callable[[msgspec.Struct], Record]:
    """Give the function that makes the records of rows of one shape."""
    times, renamed = _conversions(_struct_info(shape))
    if not times and not renamed:
        return msgspec.to_builtins  # all of it is as Intercom names it

    def make(row: msgspec.Struct) -> Record:
        record: Record = msgspec.to_builtins(row)
        for name in times:
            if (seconds := record[name]) is not None:
                record[name] = as_date_time(seconds)
        for sent, name in renamed:
            record[name] = record.pop(sent)
        return record

    return make


def _conversions(info: inspect.StructType) -> tuple[list[str], list[tuple[str, str]]]:
    """Give the fields that are times, and those that Intercom names otherwise than the column."""
    times = [field.encode_name for field in info.fields if _is_time(field.type)]
    renamed = [(f.encode_name, f.name) for f in info.fields if f.encode_name != f.name]
    return times, renamed


def _is_time(type_: inspect.Type) -> bool:
    return _extra(type_).get("format") == "date-time"


def _properties(info: inspect.StructType) -> list[th.Property[Any]]:
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
    is_time = _is_time(type_)
    type_ = _member(type_)
    if is_time:
        return th.DateTimeType
    if isinstance(type_, inspect.CustomType) and type_.cls is Id:
        return th.StringType
    if isinstance(type_, inspect.ListType):
        return th.ArrayType(_json_type(type_.item_type)(nullable=False))
    if isinstance(type_, inspect.StructType):
        return th.ObjectType(*_properties(type_))
    if isinstance(type_, inspect.DictType):
        # No "properties": with an empty list of them the SDK's flattening drops the column.
        return th.CustomType({"type": ["object", "null"], "additionalProperties": True})
    return SIMPLE[type(type_)]


def _member(type_: inspect.Type) -> inspect.Type:
    """Give the type that a record holds, without null."""
    if isinstance(type_, inspect.Metadata):
        return _member(type_.type)
    if isinstance(type_, inspect.UnionType):
        # What Intercom sends in two forms, such as a picture, is a string in a record.
        return min(type_.types, key=lambda member: not isinstance(member, inspect.StrType))
    return type_


def _extra(type_: inspect.Type) -> dict[str, Any]:
    return (type_.extra_json_schema or {}) if isinstance(type_, inspect.Metadata) else {}
