"""What comes after a page: a table, read without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_intercom_access.intercom import Intercom, Row, list_of, paging
from tap_intercom_access.intercom.errors import IntercomError
from tap_intercom_access.intercom.responses import Page, Pages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_intercom_access.intercom.endpoints import Request

HERE = "https://api.intercom.io"
ADMINS = list_of("admins", Row, "/admins")


def request_for(
    endpoint: Any,  # noqa: ANN401 (of whichever rows)
    parameters: Mapping[str, Any] | None = None,
    base_url: str = HERE,
) -> Request[Any]:
    return Intercom("token", base_url).build_request(endpoint, parameters)


def pages(next_page: object = None, page: int | None = None, total: int | None = None) -> Pages:
    return Pages(next_page, page, total)


@pytest.mark.parametrize(
    ("pages_field", "parameters"),
    [
        (None, None),
        (pages(), None),
        (pages({}), None),
        (pages({"starting_after": None}), None),
        (pages({"per_page": 5, "starting_after": None, "type": "next"}), None),
        (pages(page=2, total=2), None),
        (pages(page=3, total=2), None),
        (pages(page=2), None),
        (pages(total=2), None),
        (pages({"starting_after": "a"}), {"starting_after": "a"}),
        (pages({"starting_after": "a", "page": 2}, 2, 2), {"starting_after": "a"}),
        (pages("/admins?page=2&q=a%20b"), {"page": "2", "q": "a b"}),
        (pages("?page=2&empty="), {"page": "2", "empty": ""}),
        (pages("/admins/?page=2"), {"page": "2"}),
        (pages("/admins?a=1&a=2"), {"a": ["1", "2"]}),
        (pages(f"{HERE}/admins?page=2"), {"page": "2"}),
        (pages(f"{HERE}:443/admins?page=2"), {"page": "2"}),
    ],
)
def test_the_next_page_of_a_list(
    pages_field: Pages | None, parameters: dict[str, Any] | None
) -> None:
    request = request_for(ADMINS, {"starting_after": "before"})

    next_request = paging.next_request(request, Page([], pages=pages_field))

    assert next_request == (parameters and request_for(ADMINS, parameters))


@pytest.mark.parametrize(
    ("pages_field", "problem"),
    [
        (pages(page=1, total=2), "page 1 of 2 has no next page"),
        (pages({}, 1, 2), "page 1 of 2 has no next page"),
        (pages({"page": 2}), "is not null, a cursor, or a URL"),
        (pages({"starting_after": None, "page": 2}), "is not null, a cursor, or a URL"),
        (pages({"starting_after": ""}), "is not null, a cursor, or a URL"),
        (pages({"starting_after": 5}), "is not null, a cursor, or a URL"),
        (pages(7), "is not null, a cursor, or a URL"),
        (pages([]), "is not null, a cursor, or a URL"),
        (pages(""), "belong to this list"),
        (pages("/admins"), "belong to this list"),
        (pages("/teams?page=2"), "belong to this list"),
        (pages("?"), "belong to this list"),
        (pages("https://api.intercom.io:444/admins?page=2"), "on another origin"),
        (pages("http://api.intercom.io/admins?page=2"), "on another origin"),
        (pages("https://user@api.intercom.io/admins?page=2"), "on another origin"),
        (pages("https://api.eu.intercom.io/admins?page=2"), "on another origin"),
        (pages("//api.eu.intercom.io/admins?page=2"), "on another origin"),
        (pages("https://[/admins?page=2"), "on another origin"),
        (pages("https://api.intercom.io\\@evil.example/admins?page=2"), "on another origin"),
        (pages("https://api.intercom.io:x/admins?page=2"), "on another origin"),
    ],
)
def test_a_next_page_that_cannot_be_followed(pages_field: Pages, problem: str) -> None:
    with pytest.raises(IntercomError, match=problem):
        paging.next_request(request_for(ADMINS), Page([], pages=pages_field))


@pytest.mark.parametrize(
    ("base_url", "link"),
    [
        ("http://127.0.0.1", "http://127.0.0.1:80/admins?page=2"),
        ("http://127.0.0.1:80", "http://127.0.0.1/admins?page=2"),
        ("https://127.0.0.1:443", "https://127.0.0.1/admins?page=2"),
    ],
)
def test_a_port_that_is_the_schemes_own_need_not_be_named(base_url: str, link: str) -> None:
    request = request_for(ADMINS, base_url=base_url)

    next_request = paging.next_request(request, Page([], pages=pages(link)))

    assert next_request == request_for(ADMINS, {"page": "2"}, base_url)


@pytest.mark.parametrize(
    ("base_url", "link"),
    [
        ("http://127.0.0.1", "http://127.0.0.1:443/admins?page=2"),
        ("https://127.0.0.1", "https://127.0.0.1:80/admins?page=2"),
        ("https://127.0.0.1:8443", "https://127.0.0.1/admins?page=2"),
    ],
)
def test_another_port_is_another_origin(base_url: str, link: str) -> None:
    with pytest.raises(IntercomError, match="on another origin"):
        paging.next_request(request_for(ADMINS, base_url=base_url), Page([], pages=pages(link)))
