"""From the body of a response to its shape; an odd value that harms nobody is put right.

Almost every body is decoded in one step. Only where that fails, or where a text may hold a NUL, it
is parsed without a shape first, and normalised:

- a whole number written as a float, or as a text, is an integer where the shape has one
- an empty array is an empty object where the shape has an object
- NUL and halves of surrogate pairs, which databases refuse, become U+FFFD in every text and key
- a field that nobody reads is left out if it cannot be read
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, get_args

import msgspec
from msgspec import inspect

from tap_intercom_access.intercom.responses import decode_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    FieldPath = tuple[str, ...]
    """Names of a field and of those around it, from the response on: `("rows", "role", "id")`."""

ResponseT = TypeVar("ResponseT")

NUL = rb"\u0000"
REFUSED = re.compile("[\x00\ud800-\udfff]")
"""What PostgreSQL and others refuse in a text."""

ESCAPED = re.compile("[\udc80-\udcff]")
"""What `surrogateescape` makes of bytes that are no UTF-8."""

FIELD = re.compile(r"at `\$\.([\w.]+)`")
"""How msgspec names a field that is not in an array."""

ROW = re.compile(r"at `\$\.\w+\[(\d+)\](?:\.(\w+))?")
"""How msgspec names a row, and the field of the row."""

START, SAMPLE = 256 * 1024, 100
"""Bytes of a list, and rows, whose keys are looked at."""

REPLACEMENT = "\ufffd"


class ShapeError(ValueError):
    """A body does not have the shape that it should have.

    Attributes:
        field: Name of the field of a row that is at fault.
        rest_is_right: Whether the rest shows that it is what was asked for.
        counts: How much of a list can be read, in a sentence.
    """

    def __init__(
        self,
        problem: str,
        *,
        field: str | None = None,
        rest_is_right: bool = False,
        counts: str = "The rest can be read.",
    ) -> None:
        """Keep what is known about the body."""
        super().__init__(problem)
        self.field = field
        self.rest_is_right = rest_is_right
        self.counts = counts


@dataclass(frozen=True)
class ReplacedText:
    """A text in which characters were replaced.

    Attributes:
        path: Where it was in the response, such as `admins[17].name`.
        row_id: Id of its row; empty outside of a row.
        field: Where it was in the row, such as `name`.
    """

    path: str
    row_id: str
    field: str


@dataclass
class Decoded(Generic[ResponseT]):
    """A response in its shape, and the texts in it that were changed."""

    response: ResponseT
    replaced: list[ReplacedText] = field(default_factory=list)


def decode(
    content: bytes | bytearray,
    shape: type[ResponseT],
    unread: Callable[[], Collection[FieldPath]] = frozenset,
    is_array: bool = False,  # noqa: FBT001, FBT002 (as the endpoint says)
) -> Decoded[ResponseT]:
    """Decode the body of a response.

    Args:
        content: The body.
        shape: What it should hold.
        unread: Gives the fields that nobody reads; what they hold does not matter.
        is_array: Whether it should be a bare array of the rows of the shape, a page.

    Raises:
        ShapeError: if it is not JSON, or does not have the shape.
    """
    problem: Exception | None = None
    if NUL not in content and not is_array:
        try:
            return Decoded(msgspec.json.decode(content, type=shape, dec_hook=decode_id))
        except (ValueError, RecursionError) as error:
            problem = error
    try:
        body, is_utf_8 = _parse(content)
    except (ValueError, RecursionError) as error:
        raise ShapeError(str(problem or error)) from error
    if is_array:
        if not isinstance(body, list):
            raise ShapeError("Expected `array`")
        body = {"rows": body}
    normaliser = _Normaliser(frozenset(unread()), is_utf_8)
    try:
        return Decoded(normaliser.convert(body, shape), normaliser.replaced)
    except RecursionError as error:
        raise ShapeError("It is nested too deeply") from error
    except msgspec.ValidationError as error:
        raise _fault(error, body, shape, normaliser) from error


def unknown_keys(content: bytes | bytearray, shape: type) -> set[str]:
    """Give the keys that an object has and its shape has not, such as `role.permissions`.

    Of a list, those of its first rows, and not its own. None where the body cannot be read, which
    `decode` says.
    """
    fields = {field.name: field for field in msgspec.structs.fields(shape)}
    if "rows" not in fields:
        with contextlib.suppress(ValueError, RecursionError):
            return {*_unknown_keys(json.loads(content), (shape,))}
        return set()
    (row_type,) = get_args(fields["rows"].type)
    text = content[:START].decode("utf-8", "ignore")
    begin = text.find("[", max(0, text.find(f'"{fields["rows"].encode_name}"')))
    keys: set[str] = set()
    # Decoding all rows to look at the first ones would cost memory.
    with contextlib.suppress(ValueError, RecursionError):
        for _ in range(SAMPLE):
            begin = text.index("{", begin)
            row, begin = json.JSONDecoder().raw_decode(text, begin)
            keys |= {*_unknown_keys(row, (row_type,))}
    return keys


def _unknown_keys(value: Any, structs: tuple[type, ...], path: str = "") -> Iterator[str]:  # noqa: ANN401 (JSON)
    """Give the keys that a value, and the objects in it, have and their structs have not."""
    if isinstance(value, list):
        for item in value[:SAMPLE]:
            yield from _unknown_keys(item, structs, path)
    elif isinstance(value, dict) and structs:
        known = {key: inner for struct in structs for key, inner in _fields(struct).items()}
        for key, item in value.items():
            if key in known:
                yield from _unknown_keys(item, known[key], f"{path}{key}.")
            elif key != "type":
                yield f"{path}{key}"


@cache
def _fields(struct: type) -> dict[str, tuple[type, ...]]:
    """Give the keys of a struct, and of each the structs that it may hold."""
    return {f.encode_name: tuple(_structs(f.type)) for f in msgspec.structs.fields(struct)}


def _structs(type_: Any) -> Iterator[type]:  # noqa: ANN401 (also a union, or a list of them)
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        yield type_
    else:
        for part in get_args(type_):
            yield from _structs(part)


def _parse(content: bytes | bytearray) -> tuple[Any, bool]:
    """Parse JSON, and tell whether it is UTF-8, apart from halves of surrogate pairs."""
    is_utf_8 = True
    try:
        text = content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        is_utf_8 = False
        text = content.decode("utf-8", "surrogateescape")
    text = text.removeprefix("\ufeff")
    return json.loads(text, parse_constant=_refuse, strict=False), is_utf_8


def _fault(
    error: msgspec.ValidationError,
    body: Any,  # noqa: ANN401 (JSON)
    shape: type,
    normaliser: _Normaliser,
) -> ShapeError:
    """Say what is wrong with a body, and how much else of it can be read."""
    fields = {field.name: field for field in msgspec.structs.fields(shape)}
    match = ROW.search(str(error))
    if not match or "rows" not in fields:
        return ShapeError(str(error), rest_is_right=_rest_is_right(error, body, shape, normaliser))
    rows = body[fields["rows"].encode_name]
    (row_type,) = get_args(fields["rows"].type)
    readable = sum(normaliser.can_convert(row, row_type, ("rows",)) for row in rows)
    names = {field.encode_name: field.name for field in msgspec.structs.fields(row_type)}
    name = names.get(match[2])
    return ShapeError(
        str(error),
        field=name,
        rest_is_right=bool(readable or (name and name != "id")),
        counts=f"Of {len(rows)} rows there, {readable} can be read.",
    )


def _rest_is_right(
    error: msgspec.ValidationError,
    body: Any,  # noqa: ANN401 (JSON)
    shape: type,
    normaliser: _Normaliser,
) -> bool:
    """Tell whether an object has its shape but for the value that an error names."""
    match = FIELD.search(str(error))
    if not match or not isinstance(body, dict):
        return False
    *around, name = match[1].split(".")
    rest = inner = dict(body)
    for key in around:
        inner[key] = inner = dict(inner[key])
    inner.pop(name, None)
    return normaliser.can_convert(rest, shape)


def _alternatives(type_: inspect.Type) -> list[inspect.Type]:
    """Give the types that a value may have."""
    if isinstance(type_, inspect.Metadata):
        return _alternatives(type_.type)
    if isinstance(type_, inspect.UnionType):
        return [one for member in type_.types for one in _alternatives(member)]
    return [type_]


_type_info = cache(inspect.type_info)


@cache
def _python_types(shape: type) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(shape)}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no value of JSON")


class _Normaliser:
    """Puts one body right."""

    def __init__(self, unread: frozenset[FieldPath], is_utf_8: bool) -> None:  # noqa: FBT001
        self.replaced: list[ReplacedText] = []
        self._unread = unread
        self._is_utf_8 = is_utf_8
        self._row = ("", "")
        """Path and id of the row that is being read."""

    def convert(self, value: object, shape: Any, name: FieldPath = ()) -> Any:  # noqa: ANN401 (any)
        """Give a value in its shape.

        Raises:
            msgspec.ValidationError: if it has another one.
        """
        normal = self.normalise(value, _type_info(shape), name=name)
        return msgspec.convert(normal, shape, strict=False, dec_hook=decode_id)

    def can_convert(self, value: object, shape: type, name: FieldPath = ()) -> bool:
        """Tell whether a value has its shape."""
        try:
            self.convert(value, shape, name)
        except msgspec.ValidationError:
            return False
        return True

    def normalise(
        self, value: object, type_: inspect.Type, path: str = "", name: FieldPath = ()
    ) -> object:
        """Give a value as `msgspec.convert` takes it.

        Args:
            value: What was sent.
            type_: Its type in the shape.
            path: Where it is in the response, such as `admins[17].role`.
            name: The field that it is in, with those around it.
        """
        types = _alternatives(type_)
        objects = [one for one in types if isinstance(one, inspect.StructType)]
        if isinstance(value, dict) and objects:
            return self._fields(value, objects[0], path, name)
        if isinstance(value, list):
            items = [one.item_type for one in types if isinstance(one, inspect.ListType)]
            if items:
                return [
                    self.normalise(item, items[0], f"{path}[{index}]", name)
                    for index, item in enumerate(value)
                ]
            if not value and (objects or any(isinstance(one, inspect.DictType) for one in types)):
                return {}
        return self._untyped(value, path)

    def _fields(
        self, value: dict[str, Any], type_: inspect.StructType, path: str, name: FieldPath
    ) -> dict[str, Any]:
        if name == ("rows",):
            self._row = (path, REFUSED.sub(REPLACEMENT, str(value.get("id", ""))))
        fields: dict[str, Any] = {}
        for known in type_.fields:
            if known.encode_name not in value:
                continue
            inner = (*name, known.name)
            count = len(self.replaced)
            unread = inner in self._unread
            try:
                result = self.normalise(
                    value[known.encode_name],
                    known.type,
                    f"{path}.{known.encode_name}" if path else known.encode_name,
                    inner,
                )
                if unread:
                    known_type = _python_types(type_.cls)[known.name]
                    msgspec.convert(result, known_type, strict=False, dec_hook=decode_id)
            except msgspec.ValidationError:
                if not unread:
                    raise
            else:
                fields[known.encode_name] = result
            finally:
                if unread:
                    del self.replaced[count:]
        return fields

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
                clean += REPLACEMENT  # two keys may have differed in nothing else
            self._text(key, f"{path}.{clean} (key)")
            result[clean] = self._untyped(item, f"{path}.{clean}")
        return result

    def _text(self, text: str, path: str) -> str:
        if not REFUSED.search(text):
            return text
        if not self._is_utf_8 and ESCAPED.search(text):
            raise msgspec.ValidationError(f"Invalid utf-8 - at `$.{path}`")
        row, row_id = self._row
        self.replaced.append(ReplacedText(path, row_id, path.removeprefix(f"{row}.")))
        return REFUSED.sub(REPLACEMENT, text)
