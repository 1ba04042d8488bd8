"""Decodes bodies of responses into their shapes. Corrects harmless errors, and raises all others.

Almost every body is decoded in one step. If that fails, or if a string may contain a NUL, the body
is parsed, corrected, and converted:

- a whole number sent as a float or a string becomes an integer if the shape has an integer
- an empty array becomes an empty object if the shape has an object
- NUL and unpaired surrogates, which databases refuse, become U+FFFD in every string and key
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, NoReturn, TypeVar, get_args

import msgspec
from msgspec import inspect
from requests.utils import parse_header_links

from tap_intercom_access.intercom.redaction import excerpt
from tap_intercom_access.intercom.responses import decode_id

ResponseT = TypeVar("ResponseT")

NUL = rb"\u0000"
REFUSED = re.compile("[\x00\ud800-\udfff]")
"""Characters in strings that PostgreSQL and other databases refuse."""

REPLACEMENT = "\ufffd"

MORE = re.compile(
    "(?!.*prev).*(next|has[-_]?more|cursor|starting_?after|page_?token|scroll|continuation|truncated"
    "|incomplete|partial)|more$|remaining$",
    re.IGNORECASE,
)
"""Keys that announce more pages in other APIs, and maybe in a later version of Intercom's."""

LAST = re.compile("is_?last(_?page)?$", re.IGNORECASE)
"""Keys that announce more pages if their value is false."""

TOTAL = re.compile("(x-)?total([-_]?(count|results|items|rows|entries|records))?$", re.IGNORECASE)
"""Keys and headers with the number of rows of the whole list."""


class ShapeError(ValueError):
    """A body doesn't have the expected shape."""

    field: str | None = None
    """Field of a row that can't be decoded."""
    counts = ""
    """Sentence about the part that can be decoded. Empty if the body may be something else."""


@dataclass
class Decoded(Generic[ResponseT]):
    """A decoded response."""

    response: ResponseT
    replaced: Collection[tuple[str, str]] = ()
    """Row ID and field of each string in which characters were replaced."""


def decode(
    content: bytes | bytearray, shape: type[ResponseT], *, is_array: bool = False
) -> Decoded[ResponseT]:
    """Decode the body of a response.

    Args:
        content: The body.
        shape: What it should contain.
        is_array: Whether the body is an array of rows, and `shape` is a page with these rows.

    Raises:
        ShapeError: if the body isn't JSON or doesn't have the shape.
    """
    problem: Exception | None = None
    if is_array:
        content = b'{"rows":' + content.removeprefix(codecs.BOM_UTF8) + b"}"
    if NUL not in content:
        try:
            return Decoded(msgspec.json.decode(content, type=shape, dec_hook=decode_id))
        except (ValueError, RecursionError) as error:
            problem = error
    try:
        body = _parse(content)
    except (ValueError, RecursionError) as error:
        raise ShapeError(str(problem or error)) from error
    corrector = _Corrector()
    try:
        return Decoded(corrector.convert(body, shape), corrector.replaced)
    except RecursionError as error:
        raise ShapeError("It is nested too deeply") from error
    except msgspec.ValidationError as error:
        raise _shape_error(str(error), body, shape, corrector) from error


def unknown_keys(row: object, shape: type[msgspec.Struct], path: str = "") -> Iterator[str]:
    """Yield the keys of a row and its objects that its shape lacks, such as `role.color`."""
    if not isinstance(row, dict):
        return
    known = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    for key, value in row.items():
        if key not in known:
            yield f"{path}{key}"
        elif inner := struct_in(known[key].type):
            yield from unknown_keys(value, inner, f"{path}{key}.")


def values_besides_rows(content: bytes | bytearray, key: str) -> dict[str, Any]:
    """Return all values of a page except its rows and `pages.next`.

    Args:
        content: A body that `decode` can decode.
        key: The key of the rows.

    Raises:
        ShapeError: if one of the values can't be parsed.
    """
    try:
        try:
            page: Any = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
            # Don't parse the rows.
            values = {name: msgspec.json.decode(raw) for name, raw in page.items() if name != key}
        except ValueError:
            page = _parse(content, "replace")  # values of unknown keys may be invalid UTF-8
            values = {**page, key: None} if isinstance(page, dict) else {}
    except (ValueError, RecursionError) as error:
        raise ShapeError(str(error)) from error
    if isinstance(pages := values.get("pages"), dict):
        pages.pop("next", None)
    return values


def hints_of_more(values: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[str]:
    """Yield the keys and headers of a page that announce more pages, such as `has_more`."""
    for key, value in _items(values):
        is_last = LAST.match(key) and str(value).strip().lower() in {"false", "0"}
        is_next = key == "rel" and "next" in str(value).lower().split()
        if is_last or is_next or (MORE.match(key) and _is_set(value)):
            yield excerpt(key)
    for name, value in headers.items():
        links = parse_header_links(value.lower()) if name.lower() == "link" else []
        is_next = any("next" in link.get("rel", "").split() for link in links)
        if is_next or (MORE.match(name) and _is_set(value)):
            yield f"the header {excerpt(name)}"


def announced_rows(values: Mapping[str, Any], headers: Mapping[str, str]) -> int:
    """Return the number of rows that a page announces for the whole list, or 0."""
    named = [*_items(values), *headers.items()]
    counts = [str(value) for name, value in named if TOTAL.match(name)]
    whole = re.compile(r"(\d{1,9})(\.0)?")
    return max((int(found[1]) for found in map(whole.fullmatch, counts) if found), default=0)


def _items(value: object) -> Iterator[tuple[str, Any]]:
    """Yield the keys and values of an object, and of all objects in it."""
    for item in value if isinstance(value, list) else ():
        yield from _items(item)
    for key, item in value.items() if isinstance(value, dict) else ():
        yield key, item
        yield from _items(item)


def _is_set(value: object) -> bool:
    return bool(value) and str(value).strip().lower() not in {"", "0", "false", "no", "null"}


def _parse(content: bytes | bytearray, errors: str = "surrogatepass") -> Any:  # noqa: ANN401
    """Parse a body. Accept a byte order mark, and control characters in strings."""
    text = content.decode("utf-8", errors).removeprefix("\ufeff")
    return json.loads(text, parse_constant=_refuse, strict=False)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON value")


def _shape_error(problem: str, body: Any, shape: type, corrector: _Corrector) -> ShapeError:  # noqa: ANN401 (JSON)
    """Return the error with the wrong field, and the number of rows that can be decoded."""
    result = ShapeError(problem)
    fields = {field.name: field for field in msgspec.structs.fields(shape)}
    is_page = isinstance(body, dict) and "rows" in fields
    rows = body.get(fields["rows"].encode_name) if is_page else None
    if isinstance(rows, list):
        (row_type,) = get_args(fields["rows"].type)
        unreadable = [row for row in rows if not corrector.can_convert(row, row_type)]
        readable = len(rows) - len(unreadable)
        found = [corrector.unreadable_field(row, row_type) for row in unreadable]
        if all(found):  # otherwise deselecting a column wouldn't help
            result.field = next(iter(found), None)
        if unreadable and (readable or result.field):
            result.counts = f"{readable} of the {len(rows)} rows in the response can be read."
    elif corrector.unreadable_field(body, shape):
        result.counts = "The rest of the response can be read."
    return result


def struct_in(type_: Any) -> type[msgspec.Struct] | None:  # noqa: ANN401 (also a union)
    """Return the struct that a type is or contains, None if there is none."""
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        return type_
    return next(filter(None, map(struct_in, get_args(type_))), None)


def alternatives(type_: inspect.Type) -> list[inspect.Type]:
    """Return the members of a union, or the type itself."""
    if isinstance(type_, inspect.Metadata):
        return alternatives(type_.type)
    if isinstance(type_, inspect.UnionType):
        return [one for member in type_.types for one in alternatives(member)]
    return [type_]


_type_info = cache(inspect.type_info)


class _Corrector:
    """Corrects one body, and collects the strings it changed."""

    def __init__(self) -> None:
        self.replaced: set[tuple[str, str]] = set()
        self._row = ("", "")
        """Path and ID of the row that is being read."""

    def convert(self, value: object, shape: Any) -> Any:  # noqa: ANN401 (any)
        """Correct a value, and convert it to its shape.

        Raises:
            msgspec.ValidationError: if the value doesn't fit the shape.
        """
        corrected = self._correct(value, _type_info(shape), "")
        return msgspec.convert(corrected, shape, strict=False, dec_hook=decode_id)

    def can_convert(self, value: object, shape: Any) -> bool:  # noqa: ANN401 (any)
        """Return whether a value fits its shape."""
        try:
            self.convert(value, shape)
        except msgspec.ValidationError:
            return False
        return True

    def unreadable_field(self, value: object, shape: type[msgspec.Struct]) -> str | None:
        """Return the first optional field that can't be decoded, or that contains such a field."""
        fields = value if isinstance(value, dict) else {}
        for known in msgspec.structs.fields(shape):
            inner = fields.get(known.encode_name)
            if known.encode_name in fields and not self.can_convert(inner, known.type):
                struct = struct_in(known.type)
                deeper = self.unreadable_field(inner, struct) if struct else None
                return known.name if deeper or not known.required else None
        return None

    def _correct(self, value: object, type_: inspect.Type, path: str) -> object:
        """Return a value that `msgspec.convert` accepts.

        Args:
            value: The value in the response.
            type_: Its type in the shape.
            path: Its place in the response, such as `admins[17].role`.
        """
        types = alternatives(type_)
        objects = [one for one in types if isinstance(one, inspect.StructType)]
        if isinstance(value, dict) and objects:
            return self._fields(value, objects[0], path)
        if isinstance(value, list):
            items = [one.item_type for one in types if isinstance(one, inspect.ListType)]
            if items:
                return [
                    self._correct(item, items[0], f"{path}[{index}]")
                    for index, item in enumerate(value)
                ]
            if not value and (objects or any(isinstance(one, inspect.DictType) for one in types)):
                return {}
        return self._untyped(value, path)

    def _fields(self, value: dict[str, Any], type_: inspect.StructType, path: str) -> object:
        if path.endswith("]"):
            self._row = (path, REFUSED.sub(REPLACEMENT, str(value.get("id", ""))))
        prefix = f"{path}." if path else ""
        return {
            known.encode_name: self._correct(
                value[known.encode_name], known.type, f"{prefix}{known.encode_name}"
            )
            for known in type_.fields
            if known.encode_name in value
        }

    def _untyped(self, value: object, path: str) -> object:
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, list):
            return [self._untyped(item, f"{path}[{index}]") for index, item in enumerate(value)]
        if isinstance(value, float) and not math.isfinite(value):
            raise msgspec.ValidationError(f"Number out of range - at `$.{path}`")
        if not isinstance(value, dict):
            return value
        result: dict[str, Any] = {}
        for key, item in value.items():
            clean = REFUSED.sub(REPLACEMENT, key)
            while clean != key and (clean in value or clean in result):
                clean += REPLACEMENT  # keys that differed before must not become equal
            self._text(key, f"{path}.{clean} (key)")
            result[clean] = self._untyped(item, f"{path}.{clean}")
        return result

    def _text(self, text: str, path: str) -> str:
        if not REFUSED.search(text):
            return text
        row, row_id = self._row
        self.replaced.add((row_id, path.removeprefix(f"{row}.")))
        return REFUSED.sub(REPLACEMENT, text)
