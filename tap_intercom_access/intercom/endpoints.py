"""What Intercom can be asked: its hosts, its endpoints, and one request to one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec
from typing_extensions import override

from tap_intercom_access.intercom.responses import Page, RowT

if TYPE_CHECKING:
    from collections.abc import Mapping

US = "https://api.intercom.io"
REGIONS = f"{US} (US), https://api.eu.intercom.io (EU) or https://api.au.intercom.io (Australia)"

ResponseT = TypeVar("ResponseT")


@dataclass(frozen=True)
class Endpoint(Generic[ResponseT]):
    """An endpoint of the API: how to ask it, what it answers with, and what it takes to be allowed.

    Source: https://developers.intercom.com/docs/references/rest-api/api.intercom.io
    """

    method: str
    path: str
    response: type[ResponseT]
    content: str
    """What the response holds, in a word or two: "it is not ..." says a message."""
    permission: str = "Read admins"
    """The permission in Intercom's Developer Hub that it needs."""


def list_of(
    content: str,
    row: type[RowT],
    path: str,
    *,
    method: str = "GET",
    permission: str = "Read admins",
) -> Endpoint[Page[RowT]]:
    """Describe the endpoint of a list.

    Args:
        content: The key of a page under which its rows are.
        row: The shape of a row.
        path: The path below the base URL, with its leading slash.
        method: The HTTP method.
        permission: The permission in Intercom's Developer Hub that it needs.
    """
    rows = ("rows", list[row], msgspec.field(name=content))  # type: ignore[valid-type]
    page = cast("type[Page[RowT]]", msgspec.defstruct(f"{row.__name__}Page", [rows], bases=(Page,)))
    return Endpoint(method, path, page, f"a list of {content}", permission)


@dataclass(frozen=True)
class Request(Generic[ResponseT]):
    """One request to an endpoint; as text the endpoint, such as `GET https://api.intercom.io/admins`."""

    endpoint: Endpoint[ResponseT]
    base_url: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The query of a GET, the JSON body of a POST."""

    @property
    def url(self) -> str:
        """The URL without its query."""
        return f"{self.base_url}{self.endpoint.path}"

    @override
    def __str__(self) -> str:
        """Name the endpoint as messages do, without the query."""
        return f"{self.endpoint.method} {self.url}"
