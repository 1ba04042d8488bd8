"""What comes after a page: a table, read without a server."""

from collections.abc import Mapping
from typing import Any

import pytest

from tap_intercom_access.intercom import Id, Intercom, Row, list_of, paging, windows
from tap_intercom_access.intercom.endpoints import Request
from tap_intercom_access.intercom.errors import PagesError
from tap_intercom_access.intercom.responses import Page, Pages
from tap_intercom_access.intercom.windows import Timed

HERE = "https://api.intercom.io"
ADMINS = list_of("admins", Row, "/admins")
LOGS = list_of("activity_logs", Timed, "/admins/activity_logs/search", method="POST")
WINDOW = {"created_at_after": 99, "created_at_before": 200}


def request_for(
    endpoint: Any,  # noqa: ANN401 (of whichever rows)
    parameters: Mapping[str, Any] | None = None,
    base_url: str = HERE,
) -> Request[Any]:
    return Intercom("token", base_url).build_request(endpoint, parameters)


def pages(next_page: object = None, page: int | None = None, total: int | None = None) -> Pages:
    return Pages(next_page, page, total)


# Lists


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

    if same:
        assert paging.next_request(request, page) == request_for(ADMINS, {"page": "2"}, base_url)
    else:
        with pytest.raises(PagesError, match="on another origin"):
            paging.next_request(request, page)


# Windows of time


def page_of(rows: int, pages_field: Pages | None, total_count: int | None = None) -> Page[Timed]:
    return Page(
        [Timed(Id(number), 150) for number in range(rows)],
        pages=pages_field,
        total_count=total_count,
    )


def numbered(page: int, per_page: int) -> dict[str, int]:
    return {"page": page, "per_page": per_page}


@pytest.mark.parametrize(
    ("parameters", "rows", "pages_field", "change"),
    [
        # each page begins with the last row of the one before
        ({}, 250, pages(page=1, total=3), numbered(2, 249)),
        (numbered(2, 249), 249, pages(page=2, total=3), numbered(3, 248)),
        (numbered(3, 248), 248, pages(page=3, total=4), numbered(4, 247)),
        # a server that gives fewer rows than were requested
        ({}, 150, pages(page=1, total=7), numbered(2, 149)),
        ({}, 1, pages(page=1, total=7), numbered(2, 1)),
        ({}, 0, pages(page=1, total=7), numbered(2, 250)),
        # the end, and what is none
        ({}, 250, pages(page=1, total=1), None),
        (numbered(3, 248), 100, pages(page=3, total=3), None),
        (numbered(3, 248), 100, pages({"starting_after": None}, 3, 3), None),
        ({}, 249, None, None),
        ({}, 249, pages(), None),
        ({}, 249, pages(page=7), None),
        ({}, 250, None, numbered(2, 249)),
        ({}, 250, pages(), numbered(2, 249)),
        ({}, 250, pages(page=1), numbered(2, 249)),
        ({}, 250, pages(total=0), numbered(2, 249)),
        ({}, 250, pages(total=4), numbered(2, 249)),
        ({}, 20, pages(total=4), numbered(2, 19)),
        ({}, 50, Pages(per_page=50), numbered(2, 49)),
        ({}, 49, Pages(per_page=50), None),
        (numbered(2, 249), 249, pages(), numbered(3, 248)),
        (numbered(2, 249), 248, pages(), None),
        # cursors and links
        ({}, 250, pages({"starting_after": "a"}, 1, 3), {"starting_after": "a"}),
        ({"starting_after": "a"}, 9, pages({"starting_after": "b"}), {"starting_after": "b"}),
        ({"starting_after": "a"}, 250, pages(), None),
        ({"starting_after": "a"}, 250, pages(page=3, total=3), None),
        ({}, 250, pages("?page=2&per_page=250"), numbered(2, 249)),
        ({}, 9, pages("?created_at_after=1&created_at_before=2"), numbered(2, 8)),
        ({}, 250, pages("?cursor=x&page=2"), {"cursor": "x", "page": "2"}),
    ],
)
def test_the_next_page_of_a_window(
    parameters: dict[str, Any], rows: int, pages_field: Pages | None, change: dict[str, Any] | None
) -> None:
    sent = {"per_page": 250} | WINDOW | parameters

    next_request = windows.next_window_request(request_for(LOGS, sent), page_of(rows, pages_field))

    assert (next_request and next_request.parameters) == (change and sent | change)


def test_rows_that_are_announced_are_not_left_out() -> None:
    request = request_for(LOGS, {"per_page": 250} | WINDOW)

    assert windows.next_window_request(request, page_of(20, None, total_count=21))
    assert windows.next_window_request(request, page_of(20, None, total_count=20)) is None
