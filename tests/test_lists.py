"""Lists that are short, endless, or that name a row twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.responses import after, page
from tests.tap import sync

if TYPE_CHECKING:
    from tap_intercom_access.sandbox.server import Sandbox

pytestmark = pytest.mark.slow


def test_two_empty_pages_in_a_row_that_point_on_are_an_error(sandbox: Sandbox) -> None:
    pages = [page(1, **after("a")), page(**after("b")), page(**after("c")), page(2)]
    sandbox.respond("/admins", *pages)

    assert "two empty pages in a row" in sync(sandbox).error
    assert len(sandbox.journal.requests) == 3


def test_empty_pages_that_are_not_in_a_row_are_fine(sandbox: Sandbox) -> None:
    pages = [page(**after("a")), page(1, **after("b")), page(**after("c")), page(2)]
    sandbox.respond("/admins", *pages)

    assert [record["id"] for record in sync(sandbox).records("admins")] == ["1", "2"]


def test_pages_that_repeat_the_same_rows_for_ever_are_an_error(sandbox: Sandbox) -> None:
    pages = [page(1, 2, **after(f"{number}")) for number in range(1000)]
    sandbox.respond("/admins", *pages)

    assert "the list goes round in circles" in sync(sandbox).error


@pytest.mark.parametrize("counts", [(3, 3), (3, None), (None, 3), (2, 3), (3, 2)])
def test_fewer_rows_than_announced_are_an_error(
    counts: tuple[int | None, int | None], sandbox: Sandbox
) -> None:
    first, second = counts
    sandbox.respond(
        "/admins",
        page(1, 2, total_count=first, **after("a")),
        page(2, total_count=second),
    )

    run = sync(sandbox, emit_activate_version_messages=True)

    assert "announced 3 rows and sent 2" in run.error
    assert run.of("ACTIVATE_VERSION") == []


@pytest.mark.parametrize("number", [{}, {"page": None}, {"page": 3}])
def test_fewer_pages_than_announced_are_an_error(
    number: dict[str, int | None], sandbox: Sandbox
) -> None:
    last = page(2, pages={"next": None, "total_pages": 3, **number})
    sandbox.respond("/admins", page(1, **after("a")), last)

    run = sync(sandbox, emit_activate_version_messages=True)

    assert "announced 3 pages and sent 2: the list is short" in run.error
    assert run.of("ACTIVATE_VERSION") == []


def test_as_many_rows_as_announced_are_fine(sandbox: Sandbox) -> None:
    sandbox.respond("/admins", page(1, 2, total_count=2))

    assert sync(sandbox).code == 0


def test_a_row_listed_again_comes_again_only_if_it_differs(sandbox: Sandbox) -> None:
    first = {"id": "1", "name": "A", "team_ids": [5]}
    same = {"team_ids": ["5"], "name": "A", "id": 1, "unknown": True}
    sandbox.respond(
        "/admins",
        {"admins": [first, first, same], **after("a")},
        {"admins": [{"id": "2"}, same, first | {"name": "B"}, first | {"name": "B"}]},
    )

    run = sync(sandbox)

    assert [(row["id"], row["name"]) for row in run.records("admins")] == [
        ("1", "A"),
        ("2", None),
        ("1", "B"),
    ]
    warnings = [line for line in run.stderr.splitlines() if "more than once" in line]
    assert len(warnings) == 1
    assert "5 rows" in warnings[0]
