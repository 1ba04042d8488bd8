"""Responses that are not the list that was requested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import faults
from tests.responses import HTML
from tests.tap import failed, sync

if TYPE_CHECKING:
    from tap_intercom_access.sandbox.server import Sandbox

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("body", "description"),
    [
        (b"", "an empty body"),
        (HTML, "'<html><head><title>Sign in</title></head> <body>Welcome</body></html>'"),
        (b'{"type": "admin.list", "admins": [', "truncated"),
        (b"null", "JSON of type NoneType"),
        (b"unexpected words", "found 'unexpected words'"),
        (b"5", "JSON of type int"),
        (b"[]", "JSON of type list"),
        (b"{}", "a JSON object with no keys"),
        (b'{"type": "admin.list", "data": []}', "a JSON object with type, data"),
        (b'{"admins": null}', "`$.admins`"),
        (b'{"admins": {"1": {"id": "1"}}}', "`$.admins`"),
        (b'{"admins": "none"}', "`$.admins`"),
        (b'{"admins": [{"id": "1"}, null]}', "`$.admins[1]`"),
        (b'{"admins": [{"id": "1"}, []]}', "`$.admins[1]`"),
        (b'{"admins": [{"name": "Secret Name"}]}', "missing required field `id`"),
        (b'{"admins": [{"id": null, "name": "Secret Name"}]}', "`$.admins[0].id`"),
        (b'{"admins": [{"id": ""}]}', "`$.admins[0].id`"),
        (b'{"admins": [{"id": 1.5}]}', "`$.admins[0].id`"),
        (b'{"admins": [{"id": true}]}', "`$.admins[0].id`"),
        (b'{"admins": [{"id": "1", "team_ids": "7"}]}', "`$.admins[0].team_ids`"),
        (b'{"admins": [{"id": "1", "team_ids": [null]}]}', "`$.admins[0].team_ids[0]`"),
        (b'{"admins": [{"id": "1", "role": "owner"}]}', "`$.admins[0].role`"),
        (b'{"admins": [{"id": "1", "has_inbox_seat": "yes"}]}', "has_inbox_seat"),
        (b'{"admins": [{"id": "1", "name": "\xff\xfe"}]}', "utf-8"),
        ('{"admins": [{"id": "1"}]}'.encode("utf-16"), "not a list of admins"),
        (b'{"admins": [], "total_count": "many"}', "`$.total_count`"),
    ],
)
def test_an_answer_that_is_not_the_list_is_an_error(
    body: bytes, description: str, paged: Sandbox
) -> None:
    error = failed(paged, faults.status(200, body), nth=2)

    assert f"GET {paged.base_url}/admins answered HTTP 200, but it is not a list of admins" in error
    assert description in error
    assert "Secret Name" not in error
    assert len(paged.journal.requests) == 2


def test_an_error_list_of_status_200_is_an_error(paged: Sandbox) -> None:
    error = failed(paged, faults.refuse(200, "token_revoked", "The token was revoked"))

    assert "an error list, token_revoked: The token was revoked, request id " in error


def test_an_error_list_that_also_has_the_key_is_an_error(paged: Sandbox) -> None:
    body = b'{"type": "error.list", "errors": [{"code": "x"}], "admins": [{"id": "1"}]}'

    assert "an error list, x" in failed(paged, faults.status(200, body))


@pytest.mark.parametrize("status", [201, 202, 203, 204, 206, 207])
def test_no_other_success_is_a_whole_list(status: int, paged: Sandbox) -> None:
    error = failed(paged, faults.status(status, b'{"admins": [{"id": "1"}]}'), nth=2)

    assert f"answered HTTP {status}" in error
    assert "Only HTTP 200 is a whole list" in error
    assert len(paged.journal.requests) == 2


def test_long_and_unprintable_answers_are_cut_to_a_printable_line(paged: Sandbox) -> None:
    error = failed(paged, faults.status(200, b"\x1b[31m\x00 \r\n" + b"long " * 1000))

    assert error.isprintable()
    assert len(error) < 700


def test_an_empty_list_of_admins_is_an_error(sandbox: Sandbox) -> None:
    sandbox.respond("/admins", {"type": "admin.list", "admins": []})

    run = sync(sandbox, emit_activate_version_messages=True)

    assert "a workspace always has an admin" in run.error
    assert run.of("ACTIVATE_VERSION") == []


def test_a_workspace_without_teams_is_fine(sandbox: Sandbox) -> None:
    sandbox.workspace.teams = []

    assert sync(sandbox).code == 0
