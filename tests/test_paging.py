"""What comes after a page: a table, read without a server."""

from collections.abc import Mapping
from typing import Any

import pytest

from tap_intercom_access.intercom import Intercom, Row, list_of, paging
from tap_intercom_access.intercom.errors import PagesError
from tap_intercom_access.intercom.responses import Page, Pages

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


BROKEN: dict[str, list[object]] = {
    "neither null": [
        *(7, True, []),
        *({"page": 2}, {"starting_after": None, "page": 2}),
        *({"starting_after": ""}, {"starting_after": 5}),
    ],
    "no page of this list": ["", "?", "nonsense", "/admins", "/teams?page=2"],
    "on another origin": [
        "https://api.intercom.io:444/admins?page=2",
        "http://api.intercom.io/admins?page=2",
        "ftp:/admins?page=2",
        "https://api.intercom.io@evil.example/admins?page=2",
        "https://evil\\@api.intercom.io/admins?page=2",
        "https://api.intercom.io\\@evil.example/admins?page=2",
        "https://user@api.intercom.io/admins?page=2",
        "https://api.eu.intercom.io/admins?page=2",
        "//api.eu.intercom.io/admins?page=2",
        "https://[/admins?page=2",
        "https://api.intercom.io:x/admins?page=2",
    ],
}


@pytest.mark.parametrize(
    ("next_page", "problem"),
    [(next_page, problem) for problem in BROKEN for next_page in BROKEN[problem]],
)
def test_a_next_page_that_cannot_be_followed(next_page: object, problem: str) -> None:
    with pytest.raises(PagesError, match=problem):
        paging.next_request(request_for(ADMINS), Page([], pages=pages(next_page)))


@pytest.mark.parametrize("next_page", [None, {}, {"per_page": 5, "starting_after": None}])
def test_a_missing_next_page(next_page: object) -> None:
    with pytest.raises(PagesError, match="page 1 of 2 has no next page"):
        paging.next_request(request_for(ADMINS), Page([], pages=pages(next_page, 1, 2)))


@pytest.mark.parametrize(
    ("base_url", "origin", "same"),
    [
        ("http://127.0.0.1", "http://127.0.0.1:80", True),
        ("http://127.0.0.1:80", "http://127.0.0.1", True),
        ("https://127.0.0.1:443", "https://127.0.0.1", True),
        ("http://127.0.0.1", "http://127.0.0.1:443", False),
        ("https://127.0.0.1", "https://127.0.0.1:80", False),
        ("https://127.0.0.1:8443", "https://127.0.0.1", False),
    ],
)
def test_only_the_port_of_the_scheme_need_not_be_named(
    base_url: str, origin: str, *, same: bool
) -> None:
    request = request_for(ADMINS, base_url=base_url)
    page: Page[Row] = Page([], pages=pages(f"{origin}/admins?page=2"))

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
    with pytest.raises(PagesError, match="on another origin"):
        paging.next_request(request_for(ADMINS, base_url=base_url), Page([], pages=pages(link)))
