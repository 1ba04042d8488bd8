"""Intercom's hosts and endpoints, and a request to one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from typing_extensions import override

from tap_intercom_access.intercom.responses import page_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_intercom_access.intercom.responses import Page, RowT

US = "https://api.intercom.io"
HOSTS = {"US": US, "EU": "https://api.eu.intercom.io", "AU": "https://api.au.intercom.io"}
"""Base URLs by the region of the workspace."""
REGIONS = f"{US} (US), {HOSTS['EU']} (EU) or {HOSTS['AU']} (Australia)"

ResponseT = TypeVar("ResponseT")


@dataclass(frozen=True)
class Endpoint(Generic[ResponseT]):
    """An endpoint of the API: how to request it, its response, and the permission that it needs.

    Source: https://developers.intercom.com/docs/references/rest-api/api.intercom.io
    """

    method: str
    path: str
    response: type[ResponseT]
    description: str
    """What the response holds, in a word or two: "it is not ..." says a message."""
    permission: str = "Read admins"
    """The permission in Intercom's Developer Hub that it needs."""
    type: str | None = None
    """The `type` of the response, where it is a single object."""
    is_array: bool = False
    """Whether the rows come as a bare array, without a page around them."""


def list_of(
    key: str,
    row: type[RowT],
    path: str,
    *,
    method: str = "GET",
    permission: str = "Read admins",
) -> Endpoint[Page[RowT]]:
    """Describe the endpoint of a list that comes as an object with a key.

    Args:
        key: The key of a page under which its rows are.
        row: The shape of a row.
        path: The path below the base URL, with its leading slash.
        method: The HTTP method.
        permission: The permission in Intercom's Developer Hub that it needs.
    """
    return Endpoint(method, path, page_of(row, key), f"a list of {key}", permission)


def array_of(name: str, row: type[RowT], path: str) -> Endpoint[Page[RowT]]:
    """Describe the endpoint of a list that comes as a bare array.

    Args:
        name: Of what it lists, for messages.
        row: The shape of a row.
        path: The path below the base URL, with its leading slash.
    """
    return Endpoint("GET", path, page_of(row, "rows"), f"a list of {name}", is_array=True)


def object_of(
    description: str, response: type[ResponseT], path: str, type_: str
) -> Endpoint[ResponseT]:
    """Describe the endpoint of a single object.

    Args:
        description: What it is, for messages.
        response: Its shape.
        path: The path below the base URL, with its leading slash.
        type_: Its `type`; an object of another one is refused.
    """
    return Endpoint("GET", path, response, description, type=type_)


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
