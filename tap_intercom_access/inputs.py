"""Configuration files, catalog and state as users hand them in: checked before anything runs."""

from __future__ import annotations

import io
import json
import math
from typing import TYPE_CHECKING, Any, NoReturn

from singer_sdk.singerlib import Catalog

from tap_intercom_access.errors import InputError

if TYPE_CHECKING:
    from typing import TextIO


def check_object(what: str, file: TextIO) -> TextIO:
    """Give a file's text again if it holds a JSON object.

    Raises:
        InputError: if it does not.
    """
    return io.StringIO(json.dumps(_load(what, file)))


def check_catalog(file: TextIO) -> TextIO:
    """Give a catalog's text again if the SDK can read it.

    Raises:
        InputError: if it cannot.
    """
    content = _load("catalog", file)
    try:
        fault = _catalog_fault(content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        fault = f"{type(error).__name__}: {error}"
    if fault:
        raise InputError(
            f"The catalog is not a Singer catalog ({fault}). Make one with "
            "'tap-intercom-access --discover' and change only what is selected."
        )
    return io.StringIO(json.dumps(content))


def check_state(state: dict[str, Any]) -> dict[str, Any]:
    """Give the bookmarks of a state by stream.

    Raises:
        InputError: if it has not the form of a Singer state.
    """
    bookmarks = state.get("bookmarks", {})
    if isinstance(bookmarks, dict) and all(isinstance(one, dict) for one in bookmarks.values()):
        return bookmarks
    raise InputError(
        "The state is not a Singer state: 'bookmarks' must hold one JSON object per stream. Use "
        "the last STATE value of an earlier run, or none."
    )


def _load(what: str, file: TextIO) -> dict[str, Any]:
    try:
        content = json.load(file, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The {what} is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise InputError(f"The {what} is JSON, but not an object.")
    return content


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
    return None
