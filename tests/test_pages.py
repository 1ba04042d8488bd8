"""Lists in pages, read through the tap; test_paging.py has every form of the next page."""

from typing import Any

import pytest

from tap_intercom_access.sandbox.server import Sandbox
from tests.responses import after, page, pointing
from tests.tap import ACTIVATE, sync

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "pages",
    [
        [page(1, **after("a")), page(**after("b")), page(2)],
        [page(**after("a")), page(1, **after("b")), page(**after("c")), page(2)],
        [page(1, **after("a")), page(2, **after("b")), page(**pointing(None))],
        [page(1, **after("a")), page(2, **after("b")), page(**after("c")), page()],
        [page(1, 2, total_count=2, pages=None)],
    ],
    ids=["an empty page", "empty pages apart", "an empty end", "two empty at the end", "one page"],
)
def test_a_whole_list_is_read(pages: list[dict[str, Any]], sandbox: Sandbox) -> None:
    sandbox.respond("/admins", *pages)

    assert sync(sandbox).column("admins", "id") == ["1", "2"]
    cursors = [f"GET /admins?starting_after={cursor}" for cursor in "abc"]
    assert sandbox.journal.requests[: len(pages)] == ["GET /admins", *cursors][: len(pages)]


def announced(first: int | None, second: int | None) -> list[dict[str, Any]]:
    """Return two pages with two rows, and the number of rows that each announces."""
    return [page(1, 2, total_count=first, **after("a")), page(2, total_count=second)]


def last_of_three(**number: int) -> list[dict[str, Any]]:
    """Return two pages, of which the last one announces three."""
    return [page(1, **after("a")), page(2, pages={"next": None, "total_pages": 3, **number})]


PARTS = {
    "a next page of unknown form": ([page(1, **pointing({"page": 2}))], "pages.next", 1),
    "pages that are not an object": ([page(1, pages="/admins?page=2")], "`$.pages`", 1),
    "two empty pages in a row": (
        [page(1, **after("a")), page(**after("b")), page(**after("c")), page(2)],
        "two empty pages in a row",
        3,
    ),
    "a cursor that was just used": (
        [page(1, **after("a")), page(2, **after("a")), page(3)],
        "links back to a page",
        2,
    ),
    "a longer cycle of cursors": (
        [page(number, **after(cursor)) for number, cursor in enumerate("abcbc")],
        "links back to a page",
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
def test_a_list_that_does_not_come_to_its_end_is_an_error(
    pages: list[dict[str, Any]], problem: str, requests: int | None, sandbox: Sandbox
) -> None:
    sandbox.respond("/admins", *pages)

    run = sync(sandbox, **ACTIVATE)

    assert run.error.startswith(f"admins: GET {sandbox.base_url}/admins")
    assert problem in run.error
    assert run.activated == []
    assert len(sandbox.journal.requests) == (requests or len(sandbox.journal.requests))


def test_a_gateways_path_is_kept_whatever_the_next_link_says(sandbox: Sandbox) -> None:
    pages = [page(1, **pointing("/admins?page=2&q=a%20b")), page(2)]
    sandbox.respond("/gateway/intercom/admins", *pages)

    run = sync(sandbox, base_url=f"{sandbox.base_url}/gateway/intercom/")

    assert run.column("admins", "id") == ["1", "2"]
    assert sandbox.journal.requests[1] == "GET /gateway/intercom/admins?page=2&q=a+b"


def test_a_row_listed_again_comes_again_only_if_it_differs(sandbox: Sandbox) -> None:
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
