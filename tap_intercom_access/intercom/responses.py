"""Shapes that all lists share: rows with IDs, and pages with a link to the next page.

Decoding a response into these shapes, and into those of the streams, also checks it.

Source: https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

from sys import intern
from typing import Annotated, Any, Generic, TypeVar, cast

import msgspec

UnixSeconds = Annotated[int, msgspec.Meta(ge=0, lt=253_402_300_800)]
"""A time up to the year 9999. Larger numbers are milliseconds or wrong."""


class _EveryString(type):
    """Makes every string an instance of the class: strings of a subclass would cost memory."""

    # A Python function would cost time for each ID.
    __instancecheck__ = str.__instancecheck__


class Id(str, metaclass=_EveryString):
    """An ID. Intercom sends strings in some places and integers in others. Rows contain strings."""

    __slots__ = ()


def decode_id(_: type, value: object) -> str:
    """Return an ID as a string, interned to save memory.

    Raises:
        ValueError: if the ID is empty, or neither a string nor a whole number.
    """
    if type(value) is str and value:
        return intern(value)
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int:
        raise ValueError("Expected an ID: a string that isn't empty, or a whole number")
    return intern(str(value))


class Row(msgspec.Struct, gc=False):
    """An object of a list. Intercom may leave out every field except the ID."""

    id: Id


RowT = TypeVar("RowT", bound=Row)


class Pages(msgspec.Struct):
    """The part of a page that contains the link to the next page."""

    next: Any = None
    page: int | None = None
    total_pages: int | None = None
    per_page: int | None = None

    @property
    def last_by_number(self) -> bool:
        """Whether this is the last page according to the page numbers."""
        return self.page is None or self.page >= (self.total_pages or 0)


class Page(msgspec.Struct, Generic[RowT]):
    """A page of a list. `page_of` creates a subclass for each key of the rows."""

    rows: list[RowT]
    type: str | None = None
    total_count: int | None = None
    pages: Pages | None = None
    hints_of_more: Any = None
    """Keys and headers, other than `pages.next`, that announce more pages. Set by the client."""


def page_of(row: type[RowT], key: str) -> type[Page[RowT]]:
    """Return the shape of a page with its rows under a key."""
    rows = ("rows", list[row], msgspec.field(name=key))  # type: ignore[valid-type]
    page = msgspec.defstruct(f"{row.__name__}Page", [rows], bases=(Page,))
    return cast("type[Page[RowT]]", page)
