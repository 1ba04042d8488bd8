"""Odd values in responses: corrected if harmless, else an error that names the field.

Values of deselected columns never matter.
"""

import copy
import json
import time
from typing import Any

import pytest

from tap_intercom_access.sandbox.server import Sandbox
from tests.responses import SEARCH
from tests.tap import Result, catalog_of, sync, sync_here

NOW = int(time.time())


def body(**lists: object) -> bytes:
    """Return a response. Unpaired surrogates are escaped in it, as JSON allows."""
    return json.dumps(lists).encode()


def one_admin(sandbox: Sandbox, **fields: object) -> dict[str, Any]:
    sandbox.respond("/admins", body(admins=[{"id": "7", "team_ids": []} | fields]))
    return only_record(sync_here(sandbox, catalog=catalog_of("admins")), "admins")


def one_team(sandbox: Sandbox, **fields: object) -> dict[str, Any]:
    sandbox.respond("/teams", body(teams=[{"id": "5", "admin_ids": []} | fields]))
    return only_record(sync_here(sandbox, catalog=catalog_of("teams")), "teams")


def one_event(sandbox: Sandbox, **fields: object) -> dict[str, Any]:
    return only_record(events(sandbox, fields), "activity_logs")


def only_record(result: Result, stream: str) -> dict[str, Any]:
    assert result.error == ""
    (record,) = result.records(stream)
    return record


def events(sandbox: Sandbox, *rows: dict[str, Any]) -> Result:
    rows = tuple(
        {"id": str(number), "created_at": NOW - 500 + number, **row}
        for number, row in enumerate(rows)
    )
    sandbox.respond(SEARCH, body(activity_logs=rows))
    return sync_here(sandbox, catalog=catalog_of("activity_logs"))


# Corrected


@pytest.mark.parametrize("number", [10.0, "10", "10.0"])
def test_a_whole_number_always_becomes_an_integer(number: object, sandbox: Sandbox) -> None:
    record = one_team(sandbox, id=5.0, assignment_limit=number, admin_ids=[1003.0, "0071"])

    assert json.dumps(record["assignment_limit"]) == "10"
    assert record["id"] == "5"
    assert record["admin_ids"] == ["1003", "0071"]
    assert one_event(sandbox, created_at=float(NOW - 9))["created_at"].endswith("+00:00")


def test_an_empty_array_in_place_of_an_object_is_an_empty_object(sandbox: Sandbox) -> None:
    record = one_admin(sandbox, role=[], team_priority_level=[], avatar=[])

    assert record["role"] == {"id": None, "name": None}
    assert record["team_priority_level"] == {"primary_team_ids": None, "secondary_team_ids": None}
    assert record["avatar_url"] is None
    event = one_event(sandbox, metadata=[], performed_by=[])
    assert event["metadata"] == {}
    assert event["performed_by"] == {"id": None, "type": None, "email": None, "ip": None}


def test_characters_that_databases_refuse_are_replaced_with_one_warning(sandbox: Sandbox) -> None:
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
    assert warning.startswith("activity_logs: Replaced NUL characters or unpaired surrogates")
    assert "in 6 strings, such as metadata.a\ufffd (key) of row 1" in warning


@pytest.mark.parametrize(
    "text", [b"\\u0000", b"\\ud83d", b"\\uDC00", b"\\ude00\\ud83d", b"\x00", b"\xed\xa0\xbd"]
)
def test_every_encoding_of_refused_characters_is_replaced(text: bytes, sandbox: Sandbox) -> None:
    sandbox.respond("/admins", b'{"admins": [{"id": "7", "name": "A%bB\\u00fc"}]}' % text)

    result = sync_here(sandbox, catalog=catalog_of("admins"))

    assert only_record(result, "admins")["name"].replace("\ufffd", "") == "ABü"
    assert "in 1 string, such as name of row 7" in result.warnings[0]


def test_replaced_characters_are_counted_over_all_pages(paged: Sandbox) -> None:
    for admin in paged.workspace.admins:
        admin.name = "\x00"

    (warning,) = sync_here(paged, catalog=catalog_of("admins")).warnings

    assert "in 13 strings, such as name of row 1001" in warning


def test_surrogate_pairs_and_backslashes_stay_as_they_are(sandbox: Sandbox) -> None:
    sandbox.respond("/admins", rb'{"admins": [{"id": "7", "name": "\ud83c\udf0d \\u0000"}]}')

    result = sync_here(sandbox, catalog=catalog_of("admins"))

    assert only_record(result, "admins")["name"] == "🌍 \\u0000"
    assert result.warnings == []


# Deselected columns


ROWS: dict[str, dict[str, Any]] = {
    "admins": {"role": {}, "team_priority_level": {}},
    "activity_logs": {"created_at": NOW - 500, "performed_by": {"id": 1}},
}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("admins.type", 5),
        ("admins.name", {"first": "A"}),
        ("admins.has_inbox_seat", "yes"),
        ("admins.role", "owner"),
        ("admins.role.id", [1]),
        ("admins.team_ids", {"1": 2}),
        ("admins.team_ids", [None]),
        ("admins.team_priority_level.primary_team_ids", "x"),
        ("admins.avatar_url", 7),
        ("activity_logs.performed_by", "Aoife"),
        ("activity_logs.performed_by.ip", 7),
        ("activity_logs.metadata", "none"),
        ("activity_logs.activity_description", ["a"]),
    ],
)
def test_deselected_columns_can_be_anything(column: str, value: object, sandbox: Sandbox) -> None:
    stream, *around, name = column.replace("avatar_url", "avatar").split(".")
    rows = [{"id": id_, **copy.deepcopy(ROWS[stream])} for id_ in ("1", "2", "3")]
    holder = rows[1][around[0]] if around else rows[1]
    holder[name] = value
    sandbox.respond(SEARCH if stream == "activity_logs" else "/admins", body(**{stream: rows}))

    error = sync_here(sandbox, catalog=catalog_of(stream)).error
    result = sync_here(sandbox, catalog=catalog_of(stream, without=(column,)))

    assert f"{stream}[1].{'.'.join([*around, name])}" in error
    assert "2 of the 3 rows in the response can be read. Run the sync again." in error
    outer = column.split(".")[1]
    assert f"To sync without this column, deselect {stream}.{outer} in the catalog" in error
    assert "base_url" not in error
    assert result.error == ""
    assert result.column(stream, "id") == ["1", "2", "3"]
    record = result.records(stream)[1]
    assert column.rpartition(".")[2] not in (record[around[0]] if around else record)
    assert result.warnings == []


def test_rows_of_teams_are_skipped_even_if_the_type_is_deselected(sandbox: Sandbox) -> None:
    sandbox.respond("/admins", body(admins=[{"id": "1"}, {"id": "2", "type": "team"}]))

    result = sync_here(sandbox, catalog=catalog_of("admins", without=("admins.type",)))

    assert result.column("admins", "id") == ["1"]


def test_invalid_utf_8_in_a_deselected_column_is_ignored(sandbox: Sandbox) -> None:
    sandbox.respond("/admins", b'{"admins": [{"id": "7", "name": "\xff\xfe"}]}')

    error = sync_here(sandbox, catalog=catalog_of("admins")).error
    result = sync_here(sandbox, catalog=catalog_of("admins", without=("admins.name",)))

    assert "the response is not a list of admins ('utf-8' codec can't decode byte 0xff" in error
    assert only_record(result, "admins")["id"] == "7"


def test_replaced_characters_in_fields_that_are_not_read_are_not_counted(sandbox: Sandbox) -> None:
    row = {"id": "7", "name": "\x00", "new_field": "\ud800"}
    sandbox.respond("/admins", body(admins=[row]))

    result = sync_here(sandbox, catalog=catalog_of("admins", without=("admins.name",)))

    assert result.warnings == []
    assert len(result.records("admins")) == 1


def test_columns_of_teams_are_checked_only_for_selected_streams(sandbox: Sandbox) -> None:
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


def test_fields_of_the_workspace_are_checked_only_if_selected(sandbox: Sandbox) -> None:
    me = {"id": "1", "app": {"id_code": "w", "timezone": 5, "created_at": 10.0}}
    sandbox.respond("/me", body(**me))

    assert sync_here(sandbox, workspace_id="w").error == ""
    error = sync_here(sandbox, catalog=catalog_of("workspaces")).error
    assert "`$.app.timezone`" in error
    assert "The rest of the response can be read." in error
    assert "base_url" not in error
    catalog = catalog_of("workspaces", without=("workspaces.timezone",))
    record = only_record(sync_here(sandbox, catalog=catalog), "workspaces")
    assert record["created_at"] == "1970-01-01T00:00:10+00:00"


def test_unknown_keys_are_logged_at_debug_level_from_one_row(sandbox: Sandbox) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "1", "color": "Red", "role": {"id": "1", "level": 9}},
        {"id": "2", "shape": 1},
    ]
    sandbox.respond("/admins", {"admins": rows, "pages": {"next": None, "color": 1}, "hint": 1})
    catalog = catalog_of("admins", without=("admins.name",))

    run = sync(sandbox, catalog=catalog, TAP_INTERCOM_ACCESS_LOGLEVEL="DEBUG")

    (line,) = [line for line in run.logged("DEBUG") if "aren't exported" in line]
    assert line == "admins: Intercom sends fields that aren't exported: color, role.level"
    assert "aren't exported" not in sync(sandbox, catalog=catalog).stderr


# Errors


@pytest.mark.parametrize("number", [10.5, True, "ten", 1e300 * 10, [], {}])
def test_other_values_do_not_become_integers(number: object, sandbox: Sandbox) -> None:
    sandbox.respond("/teams", body(teams=[{"id": "5", "assignment_limit": number}]))

    assert sync_here(sandbox, catalog=catalog_of("teams")).error.startswith("teams: ")


@pytest.mark.parametrize(
    ("row", "path"),
    [("5", "[1]"), ('{"name": "x"}', "[1]"), ('{"id": true}', "[1].id"), ('{"id": ""}', "[1].id")],
)
def test_the_error_names_a_row_without_an_id(row: str, path: str, sandbox: Sandbox) -> None:
    sandbox.respond("/admins", b'{"admins": [{"id": "1"}, %b]}' % row.encode())

    error = sync_here(sandbox, catalog=catalog_of("admins")).error

    assert f"`$.admins{path}`" in error
    assert "deselect" not in error


@pytest.mark.parametrize("rows", ["[5, 6]", '[{"name": "x"}]', '{"id": 1}', '"all"'])
def test_a_list_without_a_readable_row_is_not_trusted(rows: str, sandbox: Sandbox) -> None:
    sandbox.respond("/admins", b'{"admins": %b}' % rows.encode())

    error = sync_here(sandbox, catalog=catalog_of("admins")).error

    assert "Check that base_url is Intercom's API" in error


@pytest.mark.parametrize("value", ["1e400", "-1e999"])
def test_the_error_names_a_number_out_of_range_in_metadata(value: str, sandbox: Sandbox) -> None:
    row = f'{{"id": 1, "created_at": {NOW - 9}, "metadata": {{"a": [{value}]}}}}'
    sandbox.respond(SEARCH, f'{{"activity_logs": [{row}]}}'.encode())

    error = sync_here(sandbox, catalog=catalog_of("activity_logs")).error

    assert "Number out of range - at `$.activity_logs[0].metadata.a[0]`" in error


@pytest.mark.parametrize("created_at", [1_700_000_000_000, 253_402_300_800, -1, -(10**15), 10**18])
def test_the_error_names_a_time_out_of_range(created_at: int, sandbox: Sandbox) -> None:
    assert "`$.activity_logs[0].created_at`" in events(sandbox, {"created_at": created_at}).error
    me = sandbox.workspace.me()
    me["app"]["created_at"] = created_at
    sandbox.respond("/me", me)

    error = sync_here(sandbox, catalog=catalog_of("workspaces")).error

    assert "`$.app.created_at`" in error
