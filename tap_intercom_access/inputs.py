"""Configuration files, catalog, and state, checked before the SDK reads them."""

from __future__ import annotations

import json
from typing import IO, Any

import msgspec
from singer_sdk.singerlib import Catalog

from tap_intercom_access.errors import InputError


def read_object(what: str, file: IO[Any]) -> dict[str, Any]:
    """Parse a file that contains a JSON object.

    Raises:
        InputError: if it doesn't.
    """
    try:
        # The first bytes show the encoding, with or without a byte order mark.
        text = getattr(file, "buffer", file).read()
        content = msgspec.json.decode(text.decode(json.detect_encoding(text)))
    except (ValueError, RecursionError) as error:
        raise InputError(f"The {what} is not valid JSON: {error}.") from error
    if not isinstance(content, dict):
        raise InputError(f"The {what} is not a JSON object.")
    return content


def read_catalog(file: IO[Any]) -> dict[str, Any]:
    """Parse a catalog that the SDK can read.

    Raises:
        InputError: if it can't.
    """
    content = read_object("catalog", file)
    try:
        problem = _catalog_problem(content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}"
    if problem:
        raise InputError(
            f"Invalid catalog ({problem}). Generate one with 'tap-intercom-access --discover' and "
            "change only the selection."
        )
    return content


def check_state(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state such as `{"bookmarks": {STREAM: {}}}`, extracted from Meltano's if necessary.

    Raises:
        InputError: if it has another form.
    """
    if state.keys() == {"singer_state"} and isinstance(state["singer_state"], dict):
        state = state["singer_state"]
    bookmarks = state.get("bookmarks")
    if state and not (
        isinstance(bookmarks, dict) and all(isinstance(one, dict) for one in bookmarks.values())
    ):
        problem = "'bookmarks' must be an object with an object for each stream"
        raise InputError(
            f"Invalid state: {problem}. Pass the last STATE value of an earlier run, or the output "
            "of 'meltano state get'. To start over, run without a state."
        )
    return state


def _catalog_problem(content: dict[str, Any]) -> str | None:
    if not isinstance(content.get("streams"), list):
        return "'streams' is not a list"
    for entry in Catalog.from_dict(content).streams:
        if entry.schema.properties is None:
            return f"the stream {entry.tap_stream_id} has no schema"
        for names in [entry.key_properties or (), *entry.metadata]:
            ".".join(names)  # raises a TypeError if they aren't names
    return None
