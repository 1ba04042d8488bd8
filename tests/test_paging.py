"""What comes after a page: a table, read without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_intercom_access.intercom import Intercom, Row, list_of, paging, windows
from tap_intercom_access.intercom.errors import PagesError
from tap_intercom_access.intercom.responses import Page, Pages
from tap_intercom_access.intercom.windows import Timed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_intercom_access.intercom.endpoints import Request

HERE = "https://api.intercom.io"
ADMINS = list_of("admins", Row, "/admins")
LOGS = list_of("activity_logs", Timed, "/admins/activity_logs/search", method="POST")
WINDOW = {"created_at_after": 99, "created_at_before": 200}


def request_for(
    endpoint: Any,  # noqa: ANN401 (of whichever rows)
    parameters: Mapping[str, Any] | None = None,
    base_url: str = HERE,
) -> Request[Any]:
    return Intercom("token", base_url).request(endpoint, parameters)


def pages(following: object = None, page: int | None = None, total: int | None = None) -> Pages:
    return Pages(following, page, total)


# Lists


@pytest.mark.parametrize(
    ("said", "parameters"),
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
def test_the_next_page_of_a_list(said: Pages | None, parameters: dict[str, Any] | None) -> None:
    request = request_for(ADMINS, {"starting_after": "before"})

    found = paging.following(request, Page([], pages=said))

    assert found == (parameters and request_for(ADMINS, parameters))


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (pages(page=1, total=2), "page 1 of 2 has no next page"),
        (pages({}, 1, 2), "page 1 of 2 has no next page"),
        (pages({"page": 2}), "neither null, a cursor nor a URL"),
        (pages({"starting_after": None, "page": 2}), "neither null, a cursor nor a URL"),
        (pages({"starting_after": ""}), "neither null, a cursor nor a URL"),
        (pages({"starting_after": 5}), "neither null, a cursor nor a URL"),
        (pages(7), "neither null, a cursor nor a URL"),
        (pages([]), "neither null, a cursor nor a URL"),
        (pages(""), "no page of this list"),
        (pages("/admins"), "no page of this list"),
        (pages("/teams?page=2"), "no page of this list"),
        (pages("?"), "no page of this list"),
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
def test_a_next_page_that_cannot_be_followed(said: Pages, problem: str) -> None:
    with pytest.raises(PagesError, match=problem):
        paging.following(request_for(ADMINS), Page([], pages=said))


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

    found = paging.following(request, Page([], pages=pages(link)))

    assert found == request_for(ADMINS, {"page": "2"}, base_url)


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
        paging.following(request_for(ADMINS, base_url=base_url), Page([], pages=pages(link)))


# Windows of time


def page_of(times: range | list[int], said: Pages | None = None) -> Page[Timed]:
    rows = [Timed(str(number), time) for number, time in enumerate(times)]
    return Page(rows, pages=said or pages(page=1, total=3))


@pytest.mark.parametrize(
    ("times", "change"),
    [
        (range(150, 130, -1), {"created_at_before": 132}),
        (range(150, 170), {"created_at_after": 168}),
        # ten different times are an order, nine are not
        (range(150, 140, -1), {"created_at_before": 142}),
        (range(150, 141, -1), {"page": 2}),
        (range(150, 160), {"created_at_after": 158}),
        (range(150, 159), {"page": 2}),
        ([*range(150, 140, -1), 141], {"created_at_before": 142}),
        ([*range(150, 160), 159], {"created_at_after": 158}),
        ([*range(150, 140, -1), 145], {"page": 2}),
        ([*range(150, 160), 155], {"page": 2}),
        # the rest has to be shorter than the window
        (range(210, 199, -1), {"page": 2}),
        (range(210, 198, -1), {"page": 2}),
        (range(209, 197, -1), {"created_at_before": 199}),
        (range(89, 100), {"page": 2}),
        (range(89, 101), {"page": 2}),
        (range(90, 102), {"created_at_after": 100}),
        ([], {"page": 2}),
    ],
)
def test_the_next_page_of_a_window(times: range | list[int], change: dict[str, int]) -> None:
    request = request_for(LOGS, {"per_page": 250} | WINDOW)

    found = windows.following(request, page_of(times))

    assert found
    assert found.parameters == {"per_page": 250} | WINDOW | change


@pytest.mark.parametrize(
    ("parameters", "said", "change"),
    [
        ({}, pages(page=3, total=3), None),
        ({}, pages({"starting_after": None}, 3, 3), None),
        ({"page": 3}, pages(page=3, total=3), None),
        ({"page": 2}, pages(page=2, total=3), {"page": 3}),
        ({}, pages({"per_page": 20, "starting_after": None}, 1, 3), {"created_at_before": 132}),
        ({}, pages({"starting_after": "a"}, 1, 3), {"starting_after": "a"}),
        ({"starting_after": "a"}, pages({"starting_after": "b"}), {"starting_after": "b"}),
        ({"page": 2}, pages({"starting_after": "a"}), {"starting_after": "a"}),
        ({}, pages("?page=2&per_page=250"), {"created_at_before": 132}),
        ({}, pages("?created_at_after=1&created_at_before=2"), {"created_at_before": 132}),
        ({"page": 2}, pages("?page=3&per_page=20"), {"page": 3}),
        ({}, pages("?cursor=x&page=2"), {"cursor": "x", "page": "2"}),
    ],
)
def test_what_a_page_of_a_window_says_of_the_next(
    parameters: dict[str, Any], said: Pages, change: dict[str, Any] | None
) -> None:
    found = windows.following(
        request_for(LOGS, WINDOW | parameters), page_of(range(150, 130, -1), said)
    )

    assert (found and found.parameters) == (change and WINDOW | parameters | change)
