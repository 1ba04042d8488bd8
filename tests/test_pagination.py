from __future__ import annotations

import json

import pytest

from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.server import Behaviour, Sandbox
from tests.responses import page, pointing
from tests.tap import Result, sync

pytestmark = pytest.mark.slow

ONE_PAGE = 13


def everything(run: Result) -> list[tuple[str, str]]:
    assert run.code == 0, run.stderr
    return [(message["stream"], json.dumps(message["record"])) for message in run.of("RECORD")]


@pytest.mark.parametrize("form", ["object", "url", "relative"])
@pytest.mark.parametrize("size", [1, 5, 13, 14])
def test_every_form_of_next_and_size_of_page_gives_the_same(
    form: str, size: int, sandbox: Sandbox
) -> None:
    with Sandbox(demo(), Behaviour(page_size=size, next_form=form)) as paged:
        paged_run = sync(paged)

    assert everything(paged_run) == everything(sync(sandbox))
    assert len(paged.journal.requests) == -(-ONE_PAGE // size) + -(-4 // size)


@pytest.mark.parametrize(
    "pages",
    [
        {},
        None,
        {"next": None},
        {"next": None, "total_pages": 3},
        {"next": {}},
        {"next": {"starting_after": None}},
        {"next": {"type": "next", "per_page": 50, "starting_after": None}},
        {"next": {"per_page": 50}, "page": 3, "total_pages": 3},
    ],
)
def test_no_next_is_the_end(pages: object, sandbox: Sandbox) -> None:
    sandbox.respond("/admins", page(1, pages=pages))

    assert [record["id"] for record in sync(sandbox).records("admins")] == ["1"]


def test_an_empty_page_with_a_next_is_not_the_end(sandbox: Sandbox) -> None:
    sandbox.respond(
        "/admins",
        page(1, **pointing({"starting_after": "a"})),
        page(**pointing({"starting_after": "b"})),
        page(2),
    )

    run = sync(sandbox)

    assert [record["id"] for record in run.records("admins")] == ["1", "2"]
    assert sandbox.journal.requests[:3] == [
        "GET /admins",
        "GET /admins?starting_after=a",
        "GET /admins?starting_after=b",
    ]


def test_an_empty_last_page_is_the_end(sandbox: Sandbox) -> None:
    sandbox.respond("/admins", page(1, **pointing({"starting_after": "a"})), page(**pointing(None)))

    assert [record["id"] for record in sync(sandbox).records("admins")] == ["1"]


def test_a_gateways_path_is_kept_whatever_the_next_link_says(sandbox: Sandbox) -> None:
    sandbox.respond(
        "/gateway/intercom/admins",
        page(1, **pointing("/admins?page=2&q=a%20b")),
        page(2),
    )

    run = sync(sandbox, base_url=f"{sandbox.base_url}/gateway/intercom/")

    assert [record["id"] for record in run.records("admins")] == ["1", "2"]
    assert sandbox.journal.requests[1] == "GET /gateway/intercom/admins?page=2&q=a+b"


@pytest.mark.parametrize(
    "after",
    [
        7,
        True,
        [],
        "",
        {"starting_after": ""},
        {"starting_after": 5},
        {"page": 2},
        "?",
        "/contacts?starting_after=a",
        "nonsense",
    ],
)
def test_a_next_of_unknown_form_is_an_error(after: object, sandbox: Sandbox) -> None:
    sandbox.respond("/admins", page(1, **pointing(after)))

    error = sync(sandbox).error

    assert error.startswith(
        f"admins: GET {sandbox.base_url}/admins answered HTTP 200, but its pages"
    )
    assert sandbox.journal.requests == ["GET /admins"]


def test_pages_that_are_no_object_are_an_error(sandbox: Sandbox) -> None:
    sandbox.respond("/admins", page(1, pages="/admins?page=2"))

    assert "`$.pages`" in sync(sandbox).error


@pytest.mark.parametrize("after", [None, {}, {"per_page": 5, "starting_after": None}])
def test_a_missing_next_before_the_last_page_is_an_error(after: object, sandbox: Sandbox) -> None:
    sandbox.respond("/admins", page(1, pages={"page": 1, "total_pages": 3, "next": after}))

    assert "page 1 of 3 has no next page" in sync(sandbox).error


@pytest.mark.parametrize(
    "link",
    [
        "https://api.intercom.io/admins?starting_after=a",
        "//127.0.0.2:{port}/admins?starting_after=a",
        "http://127.0.0.1:1/admins?starting_after=a",
        "https://127.0.0.1:{port}/admins?starting_after=a",
        "http://evil\\@127.0.0.1:{port}/admins?starting_after=a",
        "http://user@127.0.0.1:{port}/admins?starting_after=a",
        "http://127.0.0.1:{port}@evil.example/admins?starting_after=a",
        "http://[/admins?starting_after=a",
        "http://127.0.0.1:x/admins?starting_after=a",
        "ftp:/admins?starting_after=a",
    ],
)
def test_a_next_link_to_another_origin_is_an_error_and_nothing_is_sent(
    link: str, sandbox: Sandbox
) -> None:
    port = sandbox.base_url.rpartition(":")[2]
    sandbox.respond("/admins", page(1, **pointing(link.format(port=port))))

    assert "on another origin" in sync(sandbox).error
    assert sandbox.journal.requests == ["GET /admins"]


def test_a_cursor_that_was_just_used_is_an_error(sandbox: Sandbox) -> None:
    again = {"starting_after": "a"}
    sandbox.respond("/admins", page(1, **pointing(again)), page(2, **pointing(again)), page(3))

    assert "points back to a page that was read" in sync(sandbox).error
    assert len(sandbox.journal.requests) == 2


def test_a_longer_cycle_of_cursors_is_an_error(sandbox: Sandbox) -> None:
    a, b, c = ({"starting_after": cursor} for cursor in "abc")
    sandbox.respond(
        "/admins", *(page(n, **pointing(cursor)) for n, cursor in enumerate([a, b, c, b, c]))
    )

    assert "points back to a page that was read" in sync(sandbox).error
    assert len(sandbox.journal.requests) == 4
