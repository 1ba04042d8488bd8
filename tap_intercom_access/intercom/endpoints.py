"""Intercom's hosts, endpoints of its API, and requests to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from typing_extensions import override

from tap_intercom_access.intercom.redaction import excerpt
from tap_intercom_access.intercom.responses import Page, RowT, page_of

US = "https://api.intercom.io"
HOSTS = {"US": US, "EU": "https://api.eu.intercom.io", "AU": "https://api.au.intercom.io"}
"""Base URLs by the region of the workspace."""
REGIONS = f"{US} (US), {HOSTS['EU']} (EU) or {HOSTS['AU']} (Australia)"

ResponseT = TypeVar("ResponseT")


@dataclass(frozen=True)
class Endpoint(Generic[ResponseT]):
    """An endpoint of the API, the shape of its response, and the permission that it needs.

    Source: https://developers.intercom.com/docs/references/rest-api/api.intercom.io
    """

    method: str
    path: str
    response: type[ResponseT]
    description: str
    """The content of the response, for messages: "the response is not a list of admins"."""
    permission: str = "Read admins"
    """The permission in Intercom's Developer Hub."""
    type: str | None = None
    """The `type` of the response, if it is a single object."""
    key: str = "rows"
    """The key of the rows in a page."""
    other_key: str | None = None
    """An alternative key of the rows."""
    is_array: bool = False
    """Whether the response is an array of rows, without a page around it."""
    api_version: str | None = None
    """The first API version with this endpoint, None if every supported version has it."""

    def for_content(self, content: bytes | bytearray) -> Endpoint[ResponseT]:
        """Return the endpoint with `key` set to the key that a response uses."""

        def has(key: str) -> bool:
            return bool(re.search(rb'"%b"\s*:\s*\[' % key.encode(), content))

        if self.other_key and has(self.other_key) and not has(self.key):
            (row,) = get_args(get_type_hints(self.response)["rows"])
            return replace(self, key=self.other_key).with_rows(row)
        return self

    def with_rows(self, row: Any) -> Endpoint[Any]:  # noqa: ANN401 (the shape of a row)
        """Return the endpoint with another shape for its rows."""
        endpoint: Endpoint[Any] = self
        return replace(endpoint, response=page_of(row, self.key))


def list_of(  # noqa: PLR0913 (the parts of a list's description)
    key: str,
    row: type[RowT],
    path: str,
    *,
    name: str | None = None,
    method: str = "GET",
    permission: str = "Read admins",
) -> Endpoint[Page[RowT]]:
    """Return the endpoint of a list whose pages are objects with the rows under a key.

    Args:
        key: The key of the rows in a page.
        row: The shape of a row.
        path: The path below the base URL, with a leading slash.
        name: The name of the rows in messages. By default, the key.
        method: The HTTP method.
        permission: The permission in Intercom's Developer Hub that it needs.
    """
    description = f"a list of {name or key}"
    return Endpoint(method, path, page_of(row, key), description, permission, key=key)


@dataclass(frozen=True)
class Request(Generic[ResponseT]):
    """A request to an endpoint. Its string form is `GET https://api.intercom.io/admins`."""

    endpoint: Endpoint[ResponseT]
    base_url: str
    api_version: str
    """Value of `Intercom-Version`. Newer than the setting if the endpoint needs it."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The query of a GET request, or the JSON body of a POST request."""

    @property
    def url(self) -> str:
        """The URL without its query."""
        return f"{self.base_url}{self.endpoint.path}"

    @property
    def page(self) -> str:
        """The parameters, except event types, for messages."""
        parameters = {**self.parameters, "event_types": None}
        return excerpt(", ".join(f"{name} {value}" for name, value in parameters.items() if value))

    @override
    def __str__(self) -> str:
        """Return method and URL as messages show them."""
        return f"{self.endpoint.method} {self.url}"
