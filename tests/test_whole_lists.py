"""Lists, states and catalogs that are not whole never say that somebody left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap import Result, catalog_of, sync_here

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_intercom_access.sandbox.server import Sandbox

ACCEPT = {"max_removed_percent": 100}
DEFAULT = ("admins", "team_memberships", "teams")
LOST = {"bookmarks": {"admins": {"rows": 500}}}
"""A state with which a sync of the demo has lost 488 teammates."""


def activate(sandbox: Sandbox, **options: Any) -> Result:  # noqa: ANN401
    return sync_here(sandbox, emit_activate_version_messages=True, **options)


def serve_teams(sandbox: Sandbox, *changes: dict[str, Any]) -> None:
    """Change rows of the list of teams; a column that is ... is left out."""
    rows = sandbox.workspace.team_rows()
    for change in changes:
        row = next(row for row in rows if row["id"] == change["id"])
        row.update(change)
        for column in [name for name, value in row.items() if value is ...]:
            del row[column]
    sandbox.respond("/teams", {"type": "team.list", "teams": rows})


@pytest.mark.parametrize("members", [None, ...])
@pytest.mark.parametrize("streams", [DEFAULT, DEFAULT[:2], ("admins", "teams")])
def test_a_team_of_unknown_members_is_refused_unless_it_is_accepted(
    streams: tuple[str, ...], members: object, sandbox: Sandbox
) -> None:
    serve_teams(sandbox, {"id": "501", "admin_ids": members})

    refused = activate(sandbox, catalog=catalog_of(*streams))
    accepted = activate(sandbox, catalog=catalog_of(*streams), **ACCEPT)

    assert refused.error.startswith(f"{streams[1]}: ")
    assert "such as team 501, and teammates name it as theirs" in refused.error
    assert "MAX_REMOVED_PERCENT=100" in refused.error
    assert refused.activated == ["admins"]
    assert len(refused.of("RECORD")) == 13
    assert accepted.error == ""
    assert accepted.activated == list(streams)
    assert any("accepted" in warning for warning in accepted.warnings)


@pytest.mark.parametrize("members", [None, ...])
def test_a_team_that_no_teammate_names_is_empty_with_a_warning(
    members: object, sandbox: Sandbox
) -> None:
    serve_teams(sandbox, {"id": "504", "admin_ids": members})

    result = activate(sandbox)

    assert result.error == ""
    assert result.activated == list(DEFAULT)
    assert len(result.records("team_memberships")) == 13
    (warning,) = result.warnings
    assert "such as team 504; no teammate names them, so they are empty" in warning


@pytest.mark.parametrize("streams", [("teams",), ("team_memberships",), DEFAULT[1:]])
def test_without_the_list_of_teammates_unknown_members_are_refused(
    streams: tuple[str, ...], sandbox: Sandbox
) -> None:
    serve_teams(sandbox, {"id": "504", "admin_ids": None})

    result = activate(sandbox, catalog=catalog_of(*streams))

    assert "no list of teammates was read before" in result.error
    assert result.activated == []


def of_priority(rows: list[dict[str, Any]]) -> None:
    rows[2]["team_priority_level"] = {"secondary_team_ids": [504]}


def silent(rows: list[dict[str, Any]]) -> None:
    del rows[3]["team_ids"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [(of_priority, "teammates name it"), (silent, "1 teammates do not say what teams")],
)
def test_teammates_that_leave_it_open_prove_no_team_empty(
    change: Callable[[list[dict[str, Any]]], None], reason: str, sandbox: Sandbox
) -> None:
    rows = sandbox.workspace.admin_rows()
    change(rows)
    sandbox.respond("/admins", {"admins": rows})
    serve_teams(sandbox, {"id": "504", "admin_ids": None})

    assert reason in activate(sandbox).error


def test_a_team_whose_priority_levels_name_members_is_not_empty(sandbox: Sandbox) -> None:
    level = {"primary_admin_ids": [1001]}
    serve_teams(sandbox, {"id": "504", "admin_ids": None, "admin_priority_level": level})

    assert "its priority levels name members" in activate(sandbox).error
    accepted = activate(sandbox, **ACCEPT)
    assert {"team_id": "504", "admin_id": "1001", "priority_level": "primary"} in accepted.records(
        "team_memberships"
    )


@pytest.mark.parametrize("streams", [DEFAULT, DEFAULT[:2], ("admins", "teams")])
def test_no_teams_are_refused_while_teammates_name_some(
    streams: tuple[str, ...], sandbox: Sandbox
) -> None:
    sandbox.respond("/teams", {"type": "team.list", "teams": []})

    refused = activate(sandbox, catalog=catalog_of(*streams))
    accepted = activate(sandbox, catalog=catalog_of(*streams), **ACCEPT)

    assert refused.error.startswith(f"{streams[1]}: ")
    assert "teammates name 3 teams" in refused.error
    assert refused.activated == ["admins"]
    assert accepted.activated == list(streams)


@pytest.mark.parametrize("stream", ["teams", "team_memberships"])
def test_a_list_that_had_rows_and_has_none_is_no_small_loss(stream: str, sandbox: Sandbox) -> None:
    sandbox.respond("/teams", {"type": "team.list", "teams": []})
    state = {"bookmarks": {stream: {"rows": 1}}}

    refused = activate(sandbox, state=state, catalog=catalog_of(stream))
    accepted = activate(sandbox, state=state, catalog=catalog_of(stream), **ACCEPT)

    assert "listed 0 rows, 1 fewer" in refused.error
    assert refused.activated == []
    assert accepted.activated == [stream]


def test_rows_of_type_team_are_no_teammates_and_others_keep_their_type(sandbox: Sandbox) -> None:
    rows = sandbox.workspace.admin_rows()
    team = {"type": "team", "id": "501", "name": "Support", "team_ids": [504]}
    others = [{"type": "nobody_admin", "id": "9"}, {"id": "10"}]
    sandbox.respond("/admins", {"admins": [*rows, team, *others]})

    result = sync_here(sandbox)

    types = {record["id"]: record["type"] for record in result.records("admins")}
    assert "501" not in types
    assert (types["1001"], types["9"], types["10"]) == ("admin", "nobody_admin", None)
    assert result.messages[-1]["value"]["bookmarks"]["admins"]["rows"] == 15
    assert result.warnings == []
    sandbox.respond("/admins", {"admins": [team]})
    assert "empty list" in sync_here(sandbox).error


WRAPPED: list[Any] = [
    LOST,
    {"singer_state": LOST},
    {"type": "STATE", "value": LOST},
    {"value": LOST},
    {"completed": LOST},
    {"completed": {"singer_state": LOST}, "partial": None},
    {"completed": {}, "partial": {"singer_state": LOST}},
    {"singer_state": json.dumps(LOST)},
    {"singer_state": {"type": "STATE", "value": LOST}},
    {"bookmarks": LOST["bookmarks"], "currently_syncing": None},
]


@pytest.mark.parametrize("state", WRAPPED)
def test_a_state_in_a_wrapper_is_a_state(state: dict[str, Any], sandbox: Sandbox) -> None:
    result = activate(sandbox, state=state)

    assert "487 fewer than in the last complete sync" in result.error
    assert result.activated == []


NO_STATE: list[Any] = [
    {"Bookmarks": LOST["bookmarks"]},
    {"admins": {"rows": 500}},
    {"singer_state": None},
    {"singer_state": 1},
    {"singer_state": "x"},
    {"singer_state": [LOST]},
    {"type": "RECORD", "value": LOST},
    {"state": LOST},
    {"completed": LOST, "partial": {"bookmarks": {"teams": {}}}},
    {"bookmarks": {}, "singer_state": LOST},
    {"bookmarks": {"bookmarks": LOST["bookmarks"]}},
    {"bookmarks": {"singer_state": LOST}},
    {"singer_state": {"bookmarks": None}},
    {"singer_state": {"currently_syncing": "admins"}},
]


@pytest.mark.parametrize("state", NO_STATE)
def test_a_state_that_may_be_anything_is_refused(state: dict[str, Any], sandbox: Sandbox) -> None:
    result = activate(sandbox, state=state)

    assert result.error.startswith("The state is not a Singer state: ")
    assert sandbox.journal.requests == []


@pytest.mark.parametrize(
    "state",
    [{}, {"bookmarks": {}}, {"singer_state": {}}, {"completed": {}, "partial": None}],
)
def test_an_empty_state_is_none_in_every_wrapper(state: dict[str, Any], sandbox: Sandbox) -> None:
    assert sync_here(sandbox, state=state).error == ""


def test_a_number_of_rows_that_is_null_is_no_number(sandbox: Sandbox) -> None:
    result = activate(sandbox, state={"bookmarks": {"admins": {"rows": None}}})

    assert "which is no number of rows" in result.error
    assert result.activated == []


def test_a_workspace_of_the_state_that_is_null_is_another_one(sandbox: Sandbox) -> None:
    state = {"bookmarks": {"workspaces": {"workspace_id": None}}}

    assert (
        "the state is of the workspace"
        in sync_here(sandbox, state=state, workspace_id="sandbox").error
    )


def without_inclusion(metadata: dict[str, Any]) -> None:
    metadata.pop("inclusion", None)
    metadata["selected"] = False


def as_text(metadata: dict[str, Any]) -> None:
    metadata.update(inclusion="available", selected=" False")


def unsupported(metadata: dict[str, Any]) -> None:
    metadata.update(inclusion="unsupported", selected=0)


def by_default(metadata: dict[str, Any]) -> None:
    metadata.clear()
    metadata["selected-by-default"] = "no"


@pytest.mark.parametrize("change", [without_inclusion, as_text, unsupported, by_default])
def test_keys_are_selected_whatever_the_catalog_says_and_nothing_else(
    change: Callable[[dict[str, Any]], None], sandbox: Sandbox
) -> None:
    catalog = catalog_of(*DEFAULT, "activity_logs", "workspaces")
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if metadata["breadcrumb"]:
                change(metadata["metadata"])

    result = sync_here(sandbox, catalog=catalog)

    keys = {
        "admins": {"id"},
        "teams": {"id"},
        "team_memberships": {"team_id", "admin_id"},
        "activity_logs": {"id", "created_at"},
        "workspaces": {"id"},
    }
    assert result.error == ""
    for stream, columns in keys.items():
        records = result.records(stream)
        assert records
        assert all(record.keys() == columns for record in records)
        assert result.schema(stream)["schema"]["properties"].keys() == columns


def test_a_catalog_without_keys_and_columns_has_those_of_the_stream(sandbox: Sandbox) -> None:
    entries: list[dict[str, Any]] = [
        {
            "tap_stream_id": stream,
            "stream": f"renamed_{stream}",
            "schema": {"properties": {}},
            "metadata": [{"breadcrumb": [], "metadata": {"selected": "TRUE"}}],
        }
        for stream in ("activity_logs", "team_memberships")
    ]

    result = sync_here(sandbox, catalog={"streams": entries})

    schema = result.schema("team_memberships")
    assert schema["key_properties"] == ["team_id", "admin_id"]
    assert schema["schema"]["properties"].keys() == {"team_id", "admin_id"}
    assert result.schema("activity_logs")["bookmark_properties"] == ["created_at"]
    assert len(result.records("team_memberships")) == 13


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key_properties": ["email"]}, "key of admins is ['email']"),
        ({"replication_key": "name"}, "replication key of admins is 'name'"),
    ],
)
def test_a_catalog_with_other_keys_is_refused(
    change: dict[str, Any], words: str, sandbox: Sandbox
) -> None:
    catalog = catalog_of("admins")
    next(entry for entry in catalog["streams"] if entry["stream"] == "admins").update(change)

    assert words in sync_here(sandbox, catalog=catalog).error


def test_a_stream_is_deselected_by_a_text_too(sandbox: Sandbox) -> None:
    catalog = catalog_of(*DEFAULT)
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if not metadata["breadcrumb"] and entry["stream"] != "admins":
                metadata["metadata"]["selected"] = "false"

    result = sync_here(sandbox, catalog=catalog)

    assert [message["stream"] for message in result.of("SCHEMA")] == ["admins"]
    assert sandbox.journal.requests == ["GET /admins"]


def test_a_selection_that_is_neither_true_nor_false_is_refused(sandbox: Sandbox) -> None:
    catalog = catalog_of("admins")
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if entry["stream"] == "admins" and metadata["breadcrumb"] == ["properties", "email"]:
                metadata["metadata"]["selected"] = "maybe"

    error = sync_here(sandbox, catalog=catalog).error

    assert "admins.email is selected: 'maybe', which is neither true nor false" in error
