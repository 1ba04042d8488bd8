"""What every list of Intercom's has: rows with ids, on pages that say where the list goes on.

Decoding a response into these shapes, and into those of the streams, is what checks it. Ids, which
Intercom sends as strings in some places and as integers in others, are strings in all of them, so
that the streams join.

Source: https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

from sys import intern  # one object per id, however many lists name it
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    Id = str  # what an id is in every row
    UnixSeconds = int
else:
    # Up to the year 9999: what is beyond is in milliseconds, say.
    UnixSeconds = Annotated[int, msgspec.Meta(ge=0, lt=253_402_300_800)]
    Id = Annotated[str, msgspec.Meta(min_length=1)] | int  # what Intercom sends, by the place


def as_text(id_: str | None) -> str | None:
    """Give an id as a string."""
    return None if id_ is None else intern(str(id_))


def as_texts(ids: list[str] | None) -> list[str] | None:
    """Give the ids of a list as strings."""
    return None if ids is None else [intern(str(id_)) for id_ in ids]


class Row(msgspec.Struct, gc=False):
    """An object of a list; every field but the id may be left out by Intercom."""

    id: Id

    def __post_init__(self) -> None:
        """Turn the id into a string."""
        self.id = intern(str(self.id))


RowT = TypeVar("RowT", bound=Row)


class Pages(msgspec.Struct):
    """The part of a page that says where the list goes on."""

    next: Any = None
    page: int | None = None
    total_pages: int | None = None
    per_page: int | None = None

    @property
    def last_by_number(self) -> bool:
        """Whether no further page is announced by a number."""
        return self.page is None or self.page >= (self.total_pages or 0)


class Page(msgspec.Struct, Generic[RowT]):
    """A page of a list; `list_of` makes the subclass that knows under which key the rows are."""

    rows: list[RowT]
    type: str | None = None
    total_count: int | None = None
    pages: Pages | None = None
