"""Configuration files, catalog and state as users hand them in: checked before anything runs."""

from __future__ import annotations

import json
import math
from typing import IO, Any, NoReturn

from singer_sdk.singerlib import Catalog

from tap_intercom_access.errors import InputError

WRAPPERS = ("completed", "partial", "singer_state", "value")
"""Keys under which others keep a state: Meltano's state backends and commands, STATE messages."""

SELECTED = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def read_object(what: str, file: IO[Any]) -> dict[str, Any]:
    """Parse a file that holds a JSON object, with a byte order mark or without.

    Raises:
        InputError: if it does not.
    """
    try:
        # From bytes: those tell in which of the encodings of JSON they are.
        text = getattr(file, "buffer", file).read()
        content = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The {what} is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise InputError(f"The {what} is JSON, but not an object.")
    return content


def read_catalog(file: IO[Any]) -> dict[str, Any]:
    """Parse a catalog that the SDK can read.

    Raises:
        InputError: if it cannot.
    """
    content = read_object("catalog", file)
    try:
        fault = _catalog_fault(content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        fault = f"{type(error).__name__}: {error}"
    if fault:
        raise InputError(
            f"The catalog is not a Singer catalog ({fault}). Make one with "
            "'tap-intercom-access --discover' and change only what is selected."
        )
    return content


def read_selection(name: str, value: object) -> bool | None:
    """Give what a catalog says about the selection of a stream or column, also as a text.

    Raises:
        InputError: if it is neither true nor false.
    """
    if value is None or isinstance(value, bool):
        return value
    try:
        return SELECTED[str(value).strip().lower()]
    except KeyError as error:
        raise InputError(
            f"The catalog says that {name} is selected: {value!r}, which is neither true nor false."
        ) from error


def read_state(state: dict[str, Any]) -> dict[str, Any]:
    """Give a state of the form `{"bookmarks": {STREAM: {}}}`, taken out of a known wrapper.

    Raises:
        InputError: if it is not certain what the state is.
    """
    state = _unwrapped(state)
    bookmarks = state.get("bookmarks", {})
    if not isinstance(bookmarks, dict) or not all(
        isinstance(bookmark, dict) for bookmark in bookmarks.values()
    ):
        raise _no_state("'bookmarks' must hold one JSON object per stream")
    if inside := {"bookmarks", *WRAPPERS} & {*bookmarks}:
        raise _no_state(f"'bookmarks' holds '{min(inside)}', which is no stream")
    return state


def _unwrapped(state: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    if isinstance(state, str):
        try:
            state = json.loads(state, parse_constant=_refuse, parse_float=_finite)
        except (ValueError, RecursionError) as error:
            raise _no_state("it holds a text that is not JSON") from error
    if not isinstance(state, dict):
        raise _no_state("it holds no JSON object")
    inside = [key for key in WRAPPERS if state.get(key) not in (None, {}, "")]
    if ("bookmarks" in state and not inside) or not state:
        return state
    if "bookmarks" in state or len(inside) > 1:
        keys = " and ".join(f"'{key}'" for key in sorted({"bookmarks", *inside} & {*state}))
        raise _no_state(f"it holds {keys}, of which only one can be the state")
    if inside and state.get("type", "STATE") == "STATE":
        return _unwrapped(state[inside[0]])
    if {*state} <= {*WRAPPERS, "type"} and {} in state.values():
        return {}
    raise _no_state("it is not empty, but has no 'bookmarks'")


def _no_state(problem: str) -> InputError:
    return InputError(
        f"The state is not a Singer state: {problem}. Use the last STATE value of an earlier run, "
        "or what 'meltano state get' prints; to begin anew, use none."
    )


def _finite(number: str) -> float:
    if math.isinf(float(number)):
        raise ValueError(f"{number[:20]} is too large a number")
    return float(number)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no value of JSON")


def _catalog_fault(content: dict[str, Any]) -> str | None:
    if not isinstance(content.get("streams"), list):
        return "'streams' is no list"
    for entry in Catalog.from_dict(content).streams:
        if entry.schema.properties is None:
            return f"the stream {entry.tap_stream_id} has no schema"
        for names in [entry.key_properties or (), *entry.metadata]:
            ".".join(names)  # raises a TypeError where they are no names
    return None
