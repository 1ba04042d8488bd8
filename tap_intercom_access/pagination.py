"""From one page of a list to the next: ``pages.next`` in all its forms, or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urljoin, urlsplit

import msgspec
from singer_sdk.pagination import BaseAPIPaginator
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from tap_intercom_access.errors import AnswerError, excerpt, place, unexpected

if TYPE_CHECKING:
    import requests

Cursor = dict[str, list[str]]
"""Query parameters that turn the first request for a list into the request for one page of it."""


class Pages(msgspec.Struct):
    """The part of an answer that says where the list goes on."""

    next: Any = None
    page: int | None = None
    total_pages: int | None = None


class _Envelope(msgspec.Struct):
    pages: Pages | None = None


class CursorPaginator(BaseAPIPaginator[Cursor | None]):
    """Follows a list to its end, over the configured base URL only.

    The next request is always the first one with other query parameters: no URL that an answer
    names is ever called, so the token stays where the user sends it.

    Source: https://developers.intercom.com/docs/build-an-integration/learn-more/rest-apis/pagination
    """

    def __init__(self) -> None:
        """Start at the first page."""
        super().__init__(None)
        self._seen: list[Cursor] = []
        self._last_empty = -1

    def continue_if_empty(self, response: requests.Response) -> bool:
        """Go on after an empty page; two in a row that point on are a list without end.

        Raises:
            AnswerError: if this empty page follows an empty page, and points on.
        """
        if self._last_empty == self.count - 1 >= 0 and next_cursor(response):
            raise AnswerError(
                f"{place(response.request)}: two empty pages in a row point on to another page: "
                "the list has no end. Run again; if it persists, tell Intercom."
            )
        self._last_empty = self.count
        return True

    def get_next(self, response: requests.Response) -> Cursor | None:
        """Give the cursor of the next page, None at the end of the list.

        Raises:
            AnswerError: if the answer does not say in a known form where the list goes on, or
                points back to a page that was read.
        """
        cursor = next_cursor(response)
        if cursor in self._seen:
            raise AnswerError(
                f"{place(response.request)}: page {self.count} points back to a page that was read "
                f"already (cursor {excerpt(str(cursor), response)}): the list would never end. "
                "Run again; if it persists, tell Intercom."
            )
        if cursor is not None:
            self._seen.append(cursor)
        return cursor


def next_cursor(response: requests.Response) -> Cursor | None:
    """Read the cursor of the page after this one from an answer.

    Returns:
        None where there is no further page.

    Raises:
        AnswerError: if ``pages.next`` has a form that is not known, points to another origin or
            endpoint, or is missing although further pages are announced.
    """
    cursor, pages = next_page(response)
    if cursor and pages.next is None:
        raise unexpected(response, f"page {pages.page} of {pages.total_pages} has no next page")
    return cursor


def next_page(response: requests.Response) -> tuple[Cursor | None, Pages]:
    """Read the cursor as `next_cursor` does, for a list that also takes numbers of pages.

    Returns:
        The cursor, or the number of the next page where the answer counts pages instead, or None;
        and all that the answer says of its pages.

    Raises:
        AnswerError: if ``pages.next`` has a form that is not known, or points elsewhere.
    """
    try:
        pages = msgspec.json.decode(response.content, type=_Envelope).pages or Pages()
    except ValueError as error:
        raise unexpected(response, f"its 'pages' cannot be read ({error})") from error
    return _cursor(pages, response), pages


def _cursor(pages: Pages, response: requests.Response) -> Cursor | None:
    if pages.next is None:
        if pages.page is not None and pages.page < (pages.total_pages or 0):
            return {"page": [str(pages.page + 1)]}
        return None
    if isinstance(pages.next, dict):
        starting_after = pages.next.get("starting_after")
        if isinstance(starting_after, str) and starting_after:
            return {"starting_after": [starting_after]}
    if isinstance(pages.next, str):
        return _cursor_from_url(pages.next, response)
    raise unexpected(response, "its pages.next is neither null, a cursor nor a URL")


def _cursor_from_url(link: str, response: requests.Response) -> Cursor:
    """Read the cursor from a URL, absolute or relative, of the same endpoint."""
    here = str(response.request.url)
    try:
        there = urljoin(here, link)
    except ValueError:
        there = ""
    if "\\" in link or _origin(there) != _origin(here):
        raise AnswerError(
            f"{place(response.request)}: the next page is on another origin, "
            f"{excerpt(link, response)}. Nothing was sent there. Set base_url to the address that "
            "the links name, or correct the gateway in between."
        )
    cursor = parse_qs(urlsplit(there).query, keep_blank_values=True)
    endpoint = urlsplit(there).path.rstrip("/").rpartition("/")[2]
    if endpoint not in urlsplit(here).path.split("/") or not cursor:
        raise unexpected(
            response, f"its pages.next is no page of this list ('{excerpt(link, response)}')"
        )
    return cursor


def _origin(url: str) -> tuple[str | None, ...]:
    """Give what would really be connected to, as the HTTP library reads the URL."""
    try:
        parts = parse_url(url)
    except LocationParseError:
        return (None,)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme or "")
    return (parts.scheme, parts.auth, parts.host, str(port))
