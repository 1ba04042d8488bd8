"""Determines the request for the next page from ``pages.next``, in all its forms.

Only the parameters change from page to page. The client never calls a URL from a response, so the
token is sent only to the base URL.

Source: https://developers.intercom.com/docs/build-an-integration/learn-more/rest-apis/pagination
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from tap_intercom_access.intercom.endpoints import Request
from tap_intercom_access.intercom.errors import untrusted_error
from tap_intercom_access.intercom.redaction import excerpt
from tap_intercom_access.intercom.responses import Page, Pages, RowT

Cursor = dict[str, Any]
"""Parameters of the request for a page."""

END = {"per_page", "starting_after", "type"}
"""Keys of `pages.next` at the end of a list, where `starting_after` is null or missing."""


def next_request(request: Request[Page[RowT]], page: Page[RowT]) -> Request[Page[RowT]] | None:
    """Return the request for the page after this one, None at the end of the list.

    Raises:
        IntercomError: if ``pages.next`` has an unknown form, points to another origin or
            endpoint, or is missing although more pages are announced.
    """
    pages = page.pages or Pages()
    if cursor := cursor_of(request, pages):
        return replace(request, parameters=cursor)
    if not pages.last_by_number:
        problem = f"page {pages.page} of {pages.total_pages} has no next page"
        raise untrusted_error(request, problem, "no pages.next")
    return None


def cursor_of(request: Request[Page[RowT]], pages: Pages) -> Cursor | None:
    """Read ``pages.next``.

    Returns:
        Parameters of the next request; None at the end.

    Raises:
        IntercomError: if it has an unknown form, or points to another origin or endpoint.
    """
    if pages.next is None:
        return None
    if isinstance(pages.next, dict):
        starting_after = pages.next.get("starting_after")
        if starting_after is None and pages.next.keys() <= END:
            return None
        if isinstance(starting_after, str) and starting_after:
            return {"starting_after": starting_after}
    if isinstance(pages.next, str):
        return _cursor_of_link(request, pages.next)
    problem = "pages.next is not null, a cursor, or a URL"
    raise untrusted_error(request, problem, _quoted(pages.next))


def _cursor_of_link(request: Request[Page[RowT]], link: str) -> Cursor:
    """Read the cursor from a URL, absolute or relative, of the same endpoint."""
    try:
        there = urljoin(request.url, link)
    except ValueError:
        there = ""
    if "\\" in link or _origin(there) != _origin(request.url):
        advice = (
            "The tap didn't follow it. Set base_url to that host, or fix the gateway that rewrites "
            "the links."
        )
        raise untrusted_error(request, "the next page is on another origin", _quoted(link), advice)
    cursor = parse_qs(urlsplit(there).query, keep_blank_values=True)
    endpoint = urlsplit(there).path.rstrip("/").rpartition("/")[2]
    if endpoint not in request.url.split("/") or not cursor:
        problem = "the link in pages.next doesn't belong to this list"
        raise untrusted_error(request, problem, _quoted(link))
    return {name: one if not more else [one, *more] for name, (one, *more) in cursor.items()}


def _quoted(value: object) -> str:
    return f"'{excerpt(str(value))}'"


def _origin(url: str) -> tuple[str | None, ...]:
    """Return scheme, user, host, and port as the HTTP library parses them."""
    try:
        parts = parse_url(url)
    except LocationParseError:
        return (None,)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme or "")
    return (parts.scheme, parts.auth, parts.host, str(port))
