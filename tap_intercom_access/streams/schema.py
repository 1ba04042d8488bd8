"""Derives a stream's schema, decoded shape, and records from the shape of its rows."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timezone
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
import singer_sdk.typing as th
from msgspec import inspect
from singer_sdk.helpers.types import Record

from tap_intercom_access.intercom.decoding import alternatives, struct_in

ShapeT = TypeVar("ShapeT", bound=msgspec.Struct)

FieldPath = tuple[str, ...]
"""Path of a field, such as `("role", "id")`."""

SIMPLE: dict[type[inspect.Type], Any] = {
    inspect.BoolType: th.BooleanType,
    inspect.CustomType: th.StringType,  # an Id
    inspect.IntType: th.IntegerType,
    inspect.StrType: th.StringType,
    # Without "properties": the SDK's flattening drops a column with an empty list of them.
    inspect.DictType: th.CustomType({"type": ["object", "null"], "additionalProperties": True}),
}

EARLIEST, LATEST = 86_400, 253_402_214_400
"""Unix seconds to which a day can be added, or subtracted, without leaving the valid range."""

AS_DATE_TIME = msgspec.Meta(extra_json_schema={"format": "date-time"})
"""Marks Unix seconds that become a date-time in records."""


def as_date_time(seconds: int) -> str:
    """Return Unix seconds as a date-time, as records contain them."""
    return datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat()


def as_seconds(text: str) -> int:
    """Return a date or date-time as Unix seconds. The default time zone is UTC.

    Dates before 1970 become 1970, and dates after 9999 become 9999.
    """
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    seconds = int((at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp())
    return min(max(seconds, EARLIEST), LATEST)


def column(description: str) -> msgspec.Meta:
    """Return the annotation that describes a field of a shape as a column."""
    return msgspec.Meta(description=description)


def schema_of(shape: type[msgspec.Struct], description: str) -> dict[str, Any]:
    """Return the JSON schema of a stream.

    Args:
        shape: The shape of its rows. Each field has a `column`.
        description: The description of the stream.

    Raises:
        TypeError: if an object in a row has a time or a renamed field, which `record_of` doesn't
            convert.
    """
    properties = _properties(_struct_info(shape))
    schema = th.PropertiesList(*properties).to_dict() | {"description": description}
    del schema["$schema"]  # older targets refuse its draft
    return schema


@cache
def _struct_info(shape: type[msgspec.Struct]) -> inspect.StructType:
    info = inspect.type_info(shape)
    assert isinstance(info, inspect.StructType)  # noqa: S101 (for the types)
    return info


def narrow(
    shape: type[ShapeT], fields: Collection[FieldPath], untyped: Collection[str] = ()
) -> type[ShapeT]:
    """Return a shape that decodes only some fields. The other fields are None in every row.

    This way, a malformed value in a deselected column can't fail the sync.

    Args:
        shape: The shape to narrow.
        fields: The fields to decode.
        untyped: Other fields to decode. They may have any type.
    """
    decoded: list[Any] = []
    attributes: dict[str, Any] = {}
    for known in msgspec.structs.fields(shape):
        inner = {path[1:] for path in fields if path[0] == known.name}
        if not inner and known.name not in untyped:
            attributes[known.name] = None
            continue
        type_ = known.type if inner else Any
        if () not in inner and (struct := struct_in(type_)):
            narrowed = narrow(struct, inner)
            type_ = narrowed if known.required else narrowed | None
        default = {} if known.required else {"default": None}
        decoded.append((known.name, type_, msgspec.field(name=known.encode_name, **default)))
    if hasattr(shape, "__post_init__"):
        attributes["__post_init__"] = vars(shape)["__post_init__"]
    narrowed = msgspec.defstruct(
        shape.__name__, decoded, bases=shape.__bases__, namespace=attributes, gc=False
    )
    return cast("type[ShapeT]", narrowed)


def record_of(row: msgspec.Struct) -> Record:
    """Return a row as a record, with a column for each field and times as date-times."""
    return _record_maker(type(row))(row)


@cache
def _record_maker(shape: type[msgspec.Struct]) -> Callable[[msgspec.Struct], Record]:
    """Return a function that turns rows of a shape into records."""
    times, renamed = _conversions(_struct_info(shape))
    if not times and not renamed:
        return msgspec.to_builtins

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
    """Return the fields that are times, and the fields with another name in the response."""
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
    if isinstance(type_, inspect.ListType):
        return th.ArrayType(_json_type(type_.item_type)(nullable=False))
    if isinstance(type_, inspect.StructType):
        if any(_conversions(type_)):
            name = type_.cls.__name__
            raise TypeError(f"{name} has a field that records can't contain as declared")
        return th.ObjectType(*_properties(type_))
    return SIMPLE[type(type_)]


def _member(type_: inspect.Type) -> inspect.Type:
    """Return the type of a column, without null."""
    # A value that Intercom sends in two forms, such as an avatar, is a string in records.
    return min(alternatives(type_), key=lambda one: not isinstance(one, inspect.StrType))


def _extra(type_: inspect.Type) -> dict[str, Any]:
    return (type_.extra_json_schema or {}) if isinstance(type_, inspect.Metadata) else {}
