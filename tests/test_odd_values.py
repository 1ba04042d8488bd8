"""One odd value stops nobody; what cannot be read is named."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.responses import SEARCH
from tests.tap import Result, catalog_of, sync_here

if TYPE_CHECKING:
    from tap_intercom_access.sandbox.server import Sandbox

NOW = int(time.time())
ROW: dict[str, Any] = {"id": "7", "team_ids": []}


def body(**lists: object) -> bytes:
    """A response; halves of surrogate pairs are escaped in it, as JSON allows."""
    return json.dumps(lists).encode()


def one_admin(sandbox: Sandbox, **fields: object) -> dict[str, Any]:
    sandbox.respond("/admins", body(admins=[ROW | fields]))
    result = sync_here(sandbox, catalog=catalog_of("admins"))
    assert result.error == ""
    (record,) = result.records("admins")
    return record


def one_team(sandbox: Sandbox, **fields: object) -> dict[str, Any]:
    sandbox.respond("/teams", body(teams=[{"id": "5", "admin_ids": []} | fields]))
    result = sync_here(sandbox, catalog=catalog_of("teams"))
    assert result.error == ""
    (record,) = result.records("teams")
    return record


def events(sandbox: Sandbox, *rows: dict[str, Any], catalog: Any = None) -> Result:  # noqa: ANN401
    rows = tuple(
        {"id": str(number), "created_at": NOW - 500 + number, **row}
        for number, row in enumerate(rows)
    )
    sandbox.respond(SEARCH, body(activity_logs=rows))
    return sync_here(sandbox, catalog=catalog or catalog_of("activity_logs"))


@pytest.mark.parametrize("number", [10.0, "10", "10.0"])
def test_a_whole_number_is_an_integer_however_it_is_written(
    number: object, sandbox: Sandbox
) -> None:
    record = one_team(sandbox, id=5.0, assignment_limit=number, admin_ids=[1003.0, "0071"])

    assert json.dumps(record["assignment_limit"]) == "10"
    assert record["id"] == "5"
    assert record["admin_ids"] == ["1003", "0071"]
    (event,) = events(sandbox, {"created_at": float(NOW - 9)}).records("activity_logs")
    assert event["created_at"].endswith("+00:00")


@pytest.mark.parametrize("number", [10.5, True, "ten", 1e300 * 10, [], {}])
def test_what_is_no_whole_number_is_not_made_one(number: object, sandbox: Sandbox) -> None:
    sandbox.respond("/teams", body(teams=[{"id": "5", "assignment_limit": number}]))

    error = sync_here(sandbox, catalog=catalog_of("teams")).error

    assert error.startswith("teams: ")


def test_an_empty_array_in_place_of_an_object_is_an_empty_object(sandbox: Sandbox) -> None:
    record = one_admin(sandbox, role=[], team_priority_level=[], avatar=[])

    assert record["role"] == {"id": None, "name": None}
    assert record["team_priority_level"] == {"primary_team_ids": None, "secondary_team_ids": None}
    assert record["avatar_url"] is None
    (event,) = events(sandbox, {"metadata": [], "performed_by": []}).records("activity_logs")
    assert event["metadata"] == {}
    assert event["performed_by"] == {"id": None, "type": None, "email": None, "ip": None}


def test_what_databases_refuse_in_a_text_is_replaced_and_counted_once(sandbox: Sandbox) -> None:
    metadata = {
        "a\x00": 1,
        "a\ud800": 2,
        "deep": [{"er": ["\udfffx", 30.0, None, "fine 🌍"]}],
        "\udc80": "\x00\x00",
    }
    result = events(
        sandbox, {}, {"metadata": metadata}, {"performed_by": {"email": "a\x00@b"}}, {"id": "é"}
    )

    records = result.records("activity_logs")
    assert records[1]["metadata"] == {
        "a\ufffd": 1,
        "a\ufffd\ufffd": 2,
        "deep": [{"er": ["\ufffdx", 30.0, None, "fine 🌍"]}],
        "\ufffd": "\ufffd\ufffd",
    }
    assert records[2]["performed_by"]["email"] == "a\ufffd@b"
    (warning,) = result.warnings
    assert warning.startswith("activity_logs: 6 texts hold a NUL or half of a surrogate pair")
    assert "activity_logs[1].metadata.a\ufffd (key) of row 1" in warning


@pytest.mark.parametrize(
    "text", [b"\\u0000", b"\\ud83d", b"\\uDC00", b"\\ude00\\ud83d", b"\x00", b"\xed\xa0\xbd"]
)
def test_every_form_of_what_databases_refuse_is_replaced(text: bytes, sandbox: Sandbox) -> None:
    sandbox.respond("/admins", b'{"admins": [{"id": "7", "name": "A%bB\\u00fc"}]}' % text)

    result = sync_here(sandbox, catalog=catalog_of("admins"))

    (record,) = result.records("admins")
    assert record["name"].replace("\ufffd", "") == "ABü"
    assert "admins[0].name of row 7" in result.warnings[0]


def test_a_text_of_many_pages_is_counted_over_all_of_them(paged: Sandbox) -> None:
    for admin in paged.workspace.admins:
        admin.name = "\x00"

    result = sync_here(paged, catalog=catalog_of("admins"))

    assert len(result.records("admins")) == 13
    (warning,) = result.warnings
    assert "13 texts" in warning
    assert "admins[0].name of row 1001" in warning


def test_escaped_pairs_and_backslashes_are_left_as_they_are(sandbox: Sandbox) -> None:
    sandbox.respond("/admins", rb'{"admins": [{"id": "7", "name": "\ud83c\udf0d \\u0000"}]}')

    result = sync_here(sandbox, catalog=catalog_of("admins"))

    assert result.records("admins")[0]["name"] == "🌍 \\u0000"
    assert result.warnings == []


ODD: list[tuple[str, object]] = [
    ("admins.type", 5),
    ("admins.name", {"first": "A"}),
    ("admins.has_inbox_seat", "yes"),
    ("admins.role", "owner"),
    ("admins.role.id", [1]),
    ("admins.team_ids", {"1": 2}),
    ("admins.team_priority_level.primary_team_ids", "x"),
    ("admins.avatar_url", 7),
]


@pytest.mark.parametrize(("column", "value"), ODD)
def test_what_a_deselected_column_holds_does_not_matter_and_else_it_is_named(
    column: str, value: object, sandbox: Sandbox
) -> None:
    rows = sandbox.workspace.admin_rows()
    _, *around, name = column.replace("avatar_url", "avatar").split(".")
    row = rows[2]
    for key in around:
        row = row[key]
    row[name] = value
    sandbox.respond("/admins", body(admins=rows))

    error = sync_here(sandbox, catalog=catalog_of("admins")).error
    result = sync_here(sandbox, catalog=catalog_of("admins", without=(column,)))

    assert f"admins[2].{'.'.join([*around, name])}" in error
    assert "Of 13 rows there, 12 can be read." in error
    assert f"deselect admins.{column.split('.')[1]} in the catalog" in error
    assert "base_url" not in error
    assert result.error == ""
    assert len(result.records("admins")) == 13
    assert result.records("admins")[2]["email"] == "chen.wei@example.com"
    assert result.warnings == []


def test_texts_of_deselected_columns_and_of_fields_that_nobody_reads_are_not_counted(
    sandbox: Sandbox,
) -> None:
    sandbox.respond("/admins", body(admins=[ROW | {"name": "\x00", "new_field": "\ud800"}]))

    result = sync_here(sandbox, catalog=catalog_of("admins", without=("admins.name",)))

    assert result.warnings == []
    assert len(result.records("admins")) == 1


def test_columns_of_teams_matter_only_to_the_streams_that_are_selected(sandbox: Sandbox) -> None:
    team = {"id": "5", "name": 5, "admin_ids": [1003], "assignment_limit": "none"}
    sandbox.respond("/teams", body(teams=[team]))

    memberships = sync_here(sandbox, catalog=catalog_of("team_memberships"))
    both = sync_here(sandbox, catalog=catalog_of("team_memberships", "teams"))

    assert len(memberships.records("team_memberships")) == 1
    assert "teams[0].name" in both.error
    sandbox.respond("/teams", body(teams=[{"id": "5", "admin_ids": "all"}]))
    without = ("teams.admin_ids",)
    assert sync_here(sandbox, catalog=catalog_of("teams", without=without)).error == ""
    catalog = catalog_of("team_memberships", "teams", without=without)
    assert "teams[0].admin_ids" in sync_here(sandbox, catalog=catalog).error


def test_the_workspace_is_known_whatever_its_other_fields_hold(sandbox: Sandbox) -> None:
    me = {"id": "1", "app": {"id_code": "w", "timezone": 5, "created_at": 10.0}}
    sandbox.respond("/me", body(**me))

    assert sync_here(sandbox, workspace_id="w").error == ""
    error = sync_here(sandbox, catalog=catalog_of("workspaces")).error
    assert "`$.app.timezone`" in error
    assert "The rest can be read." in error
    assert "base_url" not in error
    catalog = catalog_of("workspaces", without=("workspaces.timezone",))
    (record,) = sync_here(sandbox, catalog=catalog).records("workspaces")
    assert record["created_at"] == "1970-01-01T00:00:10+00:00"


@pytest.mark.parametrize(
    ("rows", "path"),
    [
        ('[{"id": "1"}, 5]', "admins[1]"),
        ('[{"id": "1"}, {"name": "x"}]', "admins[1]"),
        ('[{"id": "1"}, {"id": true}]', "admins[1].id"),
        ('[{"id": "1"}, {"id": ""}]', "admins[1].id"),
        ('[{"id": "1"}, {"id": "2", "name": "\xff"}]', "admins[1].name"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_the_rest_is_trusted(
    rows: str, path: str, sandbox: Sandbox
) -> None:
    sandbox.respond("/admins", b'{"admins": %b}' % rows.encode("latin-1"))

    error = sync_here(sandbox, catalog=catalog_of("admins")).error

    assert f"`$.{path}`" in error
    assert "Of 2 rows there, 1 can be read. Run again" in error
    assert "base_url" not in error
    assert ("deselect" in error) == path.endswith("name")


@pytest.mark.parametrize("rows", ["[5, 6]", '[{"name": "x"}]', '{"id": 1}', '"all"'])
def test_a_list_in_which_nothing_can_be_read_is_not_trusted(rows: str, sandbox: Sandbox) -> None:
    sandbox.respond("/admins", b'{"admins": %b}' % rows.encode())

    error = sync_here(sandbox, catalog=catalog_of("admins")).error

    assert "Check that base_url is Intercom's API" in error


@pytest.mark.parametrize("value", ["1e400", "-1e999"])
def test_a_number_out_of_range_in_the_details_is_named(value: str, sandbox: Sandbox) -> None:
    row = f'{{"id": 1, "created_at": {NOW - 9}, "metadata": {{"a": [{value}]}}}}'
    sandbox.respond(SEARCH, f'{{"activity_logs": [{row}]}}'.encode())

    error = sync_here(sandbox, catalog=catalog_of("activity_logs")).error

    assert "Number out of range - at `$.activity_logs[0].metadata.a[0]`" in error
