"""Pagination: the request for the next page, and the end of a list."""

from collections.abc import Mapping
from typing import Any

import pytest

from tap_intercom_access.intercom import Intercom, Row, list_of, paging
from tap_intercom_access.intercom.endpoints import Request
from tap_intercom_access.intercom.errors import IntercomError
from tap_intercom_access.intercom.responses import Page, Pages
from tap_intercom_access.sandbox.server import Sandbox
from tests.responses import after, page, with_next
from tests.tap import ACTIVATE, Result, catalog_of, sync, sync_here

HERE = "https://api.intercom.io"
ADMINS = list_of("admins", Row, "/admins")


def request_for(endpoint: Any, parameters: Mapping[str, Any] | None = None) -> Request[Any]:
    return Intercom("token", HERE).build_request(endpoint, parameters)


def pages(next_page: object = None, page: int | None = None, total: int | None = None) -> Pages:
    return Pages(next_page, page, total)


@pytest.mark.parametrize(
    ("pages_field", "parameters"),
    [
        (None, None),
        (pages(), None),
        (pages({}), None),
        (pages({"per_page": 5, "starting_after": None, "type": "next"}), None),
        (pages(page=2, total=2), None),
        (pages(page=3, total=2), None),
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
def test_the_request_for_the_next_page(
    pages_field: Pages | None, parameters: dict[str, Any] | None
) -> None:
    request = request_for(ADMINS, {"starting_after": "before"})

    next_request = paging.next_request(request, Page([], pages=pages_field))

    assert next_request == (parameters and request_for(ADMINS, parameters))


@pytest.mark.parametrize(
    ("pages_field", "problem"),
    [
        (pages(page=1, total=2), "page 1 of 2 has no next page"),
        (pages({"page": 2}), "is not null, a cursor, or a URL"),
        (pages({"starting_after": ""}), "is not null, a cursor, or a URL"),
        (pages(7), "is not null, a cursor, or a URL"),
        (pages(""), "belong to this list"),
        (pages("/admins"), "belong to this list"),
        (pages("/teams?page=2"), "belong to this list"),
        (pages("?"), "belong to this list"),
        (pages("https://api.intercom.io:444/admins?page=2"), "on another origin"),
        (pages("http://api.intercom.io/admins?page=2"), "on another origin"),
        (pages("https://user@api.intercom.io/admins?page=2"), "on another origin"),
        (pages("//api.eu.intercom.io/admins?page=2"), "on another origin"),
        (pages("https://[/admins?page=2"), "on another origin"),
        (pages("https://api.intercom.io\\@evil.example/admins?page=2"), "on another origin"),
        (pages("https://api.intercom.io:x/admins?page=2"), "on another origin"),
    ],
)
def test_an_invalid_next_page_is_refused(pages_field: Pages, problem: str) -> None:
    with pytest.raises(IntercomError, match=problem):
        paging.next_request(request_for(ADMINS), Page([], pages=pages_field))


# Through the tap


@pytest.mark.parametrize(
    "pages",
    [
        [page(1, **after("a")), page(**after("b")), page(2)],
        [page(**after("a")), page(1, **after("b")), page(**after("c")), page(2)],
        [page(1, **after("a")), page(2, **after("b")), page(**with_next(None))],
        [page(1, **after("a")), page(2, **after("b")), page(**after("c")), page()],
        [page(1, 2, total_count=2, pages=None)],
    ],
    ids=["an empty page", "empty pages apart", "an empty end", "two empty at the end", "one page"],
)
def test_a_list_is_read_to_its_last_page(pages: list[dict[str, Any]], sandbox: Sandbox) -> None:
    sandbox.respond("/admins", *pages)

    assert sync(sandbox).column("admins", "id") == ["1", "2"]
    cursors = [f"GET /admins?starting_after={cursor}" for cursor in "abc"]
    assert sandbox.journal.requests[: len(pages)] == ["GET /admins", *cursors][: len(pages)]


def announced(first: int | None, second: int | None) -> list[dict[str, Any]]:
    """Return two pages with two different rows. Each page may announce a number of rows."""
    return [page(1, 2, total_count=first, **after("a")), page(2, total_count=second)]


def last_of_three(**number: int) -> list[dict[str, Any]]:
    """Return two pages. The second one announces three pages."""
    return [page(1, **after("a")), page(2, pages={"next": None, "total_pages": 3, **number})]


PARTS = {
    "pages that are not an object": ([page(1, pages="/admins?page=2")], "`$.pages`", 1),
    "two empty pages in a row": (
        [page(1, **after("a")), page(**after("b")), page(**after("c")), page(2)],
        "two empty pages in a row",
        3,
    ),
    "a cursor that was just used": (
        [page(1, **after("a")), page(2, **after("a")), page(3)],
        "links back to an earlier page",
        2,
    ),
    "a longer cycle of cursors": (
        [page(number, **after(cursor)) for number, cursor in enumerate("abcbc")],
        "links back to an earlier page",
        4,
    ),
    "3 rows on the first page": (announced(3, None), "announced 3 rows and sent 2", 2),
    "3 rows on the second page": (announced(None, 3), "announced 3 rows and sent 2", 2),
    "3 rows, then 2": (announced(3, 2), "announced 3 rows and sent 2", 2),
    "3 pages": (last_of_three(), "announced 3 pages and sent 2", 2),
    "3 pages, the second as the third": (last_of_three(page=3), "announced 3 pages and sent 2", 2),
    "the same rows for ever": (
        [page(1, 2, **after(f"{number}")) for number in range(1000)],
        "pagination doesn't end",
        None,
    ),
}


@pytest.mark.parametrize(("pages", "problem", "requests"), PARTS.values(), ids=PARTS)
def test_an_incomplete_list_is_an_error(
    pages: list[dict[str, Any]], problem: str, requests: int | None, sandbox: Sandbox
) -> None:
    sandbox.respond("/admins", *pages)

    run = sync(sandbox, **ACTIVATE)

    assert run.error.startswith(f"admins: GET {sandbox.base_url}/admins")
    assert problem in run.error
    assert run.activated == []
    assert len(sandbox.journal.requests) == (requests or len(sandbox.journal.requests))


def test_a_gateways_path_is_kept_even_if_the_next_link_lacks_it(sandbox: Sandbox) -> None:
    pages = [page(1, **with_next("/admins?page=2&q=a%20b")), page(2)]
    sandbox.respond("/gateway/intercom/admins", *pages)

    run = sync(sandbox, base_url=f"{sandbox.base_url}/gateway/intercom/")

    assert run.column("admins", "id") == ["1", "2"]
    assert sandbox.journal.requests[1] == "GET /gateway/intercom/admins?page=2&q=a+b"


def test_a_repeated_row_is_yielded_again_only_if_it_changed(sandbox: Sandbox) -> None:
    first = {"id": "1", "name": "A", "team_ids": [5]}
    same = {"team_ids": ["5"], "name": "A", "id": 1, "unknown": True}
    sandbox.respond(
        "/admins",
        {"admins": [first, first, same], **after("a")},
        {"admins": [{"id": "2"}, same, first | {"name": "B"}, first | {"name": "B"}]},
    )

    run = sync(sandbox)

    assert run.column("admins", "id") == ["1", "2", "1"]
    assert run.column("admins", "name") == ["A", None, "B"]
    (warning,) = [warning for warning in run.warnings if "more than once" in warning]
    assert "5 rows" in warning


def test_a_thousand_repeated_rows_are_accepted_but_not_one_more(sandbox: Sandbox) -> None:
    def read(*pages: dict[str, Any]) -> Result:
        sandbox.respond("/admins", *pages)
        return sync_here(sandbox, catalog=catalog_of("admins"))

    known = [1] * 601
    whole = range(1, 1502)
    fine = read(page(*[1] * 1001, **after("a")), page(2))
    circle = read(page(*[1] * 1002, **after("a")), page(2))
    apart = read(page(*known, 2, *known, **after("a")), page(3))
    twice = read(page(*whole, **after("a")), page(*whole, **after("b")), page(0))

    assert "the last 1001 rows" in circle.error
    assert [len(run.records("admins")) for run in (fine, apart, twice)] == [2, 3, 1502]
