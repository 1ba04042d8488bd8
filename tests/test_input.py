"""Files that users pass to the tap: configurations, states, and catalogs."""

import json
from typing import Any

import pytest

from tap_intercom_access.errors import InputError
from tap_intercom_access.inputs import check_state
from tap_intercom_access.sandbox.server import Sandbox
from tests.responses import state_of, sync_events
from tests.tap import STREAMS, catalog_of, run_tap, sync, sync_here

LOST: dict[str, Any] = {"bookmarks": {"admins": {"rows": 500}}}
"""A state after which a sync of the demo has lost 487 teammates."""


DEEP = "[" * 100_000 + "]" * 100_000
UNREADABLE: dict[str, str | bytes] = {
    "empty": "",
    "cut off": "{",
    "another encoding": b"\xff\xfe{}",
    "single quotes": "{'a': 1}",
    "an array": "[]",
    "null": "null",
    "not a number": '{"bookmarks": NaN}',
    "a large number": '{"bookmarks": {"admins": {"rows": -1e999}}}',
    "many digits": f'{{"bookmarks": {{"admins": {{"rows": 1{"0" * 5000}}}}}}}',
    "nested": f'{{"bookmarks": {{"admins": {{"rows": {DEEP}}}}}}}',
}


@pytest.mark.slow
@pytest.mark.parametrize("option", ["state", "catalog", "config"])
@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_without_a_json_object_is_refused(
    option: str, content: str | bytes, sandbox: Sandbox
) -> None:
    error = sync(sandbox, **{option: content}).error

    assert error.startswith(f"The {option}")
    assert "bug in the tap" not in error
    assert sandbox.journal.requests == []


@pytest.mark.parametrize("option", ["--state", "--catalog", "--config"])
def test_the_error_names_a_missing_file(option: str) -> None:
    assert "nowhere.json" in run_tap(option, "nowhere.json").error


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_skipped_in_every_input(encoding: str, sandbox: Sandbox) -> None:
    def encoded(content: dict[str, Any]) -> bytes:
        return json.dumps(content).encode(encoding)

    run = run_tap(
        config=encoded({"base_url": sandbox.base_url, "access_token": sandbox.token}),
        catalog=encoded(catalog_of("admins")),
        state=encoded(LOST),
    )

    assert "487 fewer" in run.error
    assert sandbox.journal.requests == ["GET /admins"]


def test_unknown_streams_in_catalog_and_state_cause_a_warning(sandbox: Sandbox) -> None:
    catalog = catalog_of(*STREAMS)
    catalog["streams"].append({"tap_stream_id": "conversations", "schema": {"properties": {}}})
    state = {"bookmarks": {"admins": {}, "companies": {"replication_key_value": 1}}}

    run = sync(sandbox, catalog=catalog, state=state)

    assert run.error == ""
    about_state, about_catalog = sorted(run.warnings, key=lambda warning: "catalog" in warning)
    assert "state" in about_state
    assert "companies" in about_state
    assert "catalog" in about_catalog
    assert "conversations" in about_catalog
    assert len(run.records("admins")) == 13


@pytest.mark.parametrize(
    ("state", "bookmarks"),
    [
        (LOST, LOST["bookmarks"]),
        ({"singer_state": LOST}, LOST["bookmarks"]),
        (LOST | {"currently_syncing": None}, LOST["bookmarks"]),
        ({}, {}),
        ({"bookmarks": {}}, {}),
        ({"singer_state": {}}, {}),
    ],
)
def test_a_state_printed_by_meltano_is_accepted(
    state: dict[str, Any], bookmarks: dict[str, Any]
) -> None:
    assert check_state(state).get("bookmarks", {}) == bookmarks


NOT_A_STATE: list[dict[str, Any]] = [
    {"bookmarks": []},
    {"bookmarks": None},
    {"bookmarks": {"admins": 5}},
    {"Bookmarks": LOST["bookmarks"]},
    {"admins": {"rows": 500}},
    {"singer_state": None},
    {"singer_state": [LOST]},
    {"singer_state": {"currently_syncing": "admins"}},
    {"type": "STATE", "value": LOST},
    {"state": LOST},
]


@pytest.mark.parametrize("state", NOT_A_STATE)
def test_a_state_of_another_form_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="Invalid state"):
        check_state(state)


def test_a_sync_with_an_invalid_state_sends_no_request(sandbox: Sandbox) -> None:
    assert "Invalid state" in sync(sandbox, state=NOT_A_STATE[0]).error
    assert sandbox.journal.requests == []


@pytest.mark.parametrize(
    "date",
    [
        "0001-01-01T00:00:00+00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59+00:00",
        "1969-12-31T23:59:59+00:00",
    ],
)
def test_extreme_dates_are_accepted(date: str, sandbox: Sandbox) -> None:
    for options in ({"state": state_of(replication_key_value=date)}, {"start_date": date}):
        assert sync_events(sandbox, **options).error == ""


@pytest.mark.parametrize("stream", ["admins", "activity_logs"])
@pytest.mark.parametrize("key", ["progress_markers", "partitions"])
@pytest.mark.parametrize("value", ["x", [1]])
def test_malformed_keys_of_the_sdk_in_a_state_are_ignored(
    stream: str, key: str, value: object, sandbox: Sandbox
) -> None:
    run = sync_here(sandbox, state={"bookmarks": {stream: {key: value}}})

    assert run.error == ""
    assert len(run.records("admins")) == 13


# Catalogs


def entry_of(catalog: dict[str, Any], stream: str) -> dict[str, Any]:
    found: dict[str, Any] = next(e for e in catalog["streams"] if e["stream"] == stream)
    return found


@pytest.mark.parametrize(
    "metadata",
    [
        {"selected": False},
        {"inclusion": "available", "selected": " False"},
        {"inclusion": "unsupported", "selected": 0},
        {"selected-by-default": "no"},
    ],
)
def test_keys_are_selected_even_if_the_catalog_deselects_all_columns(
    metadata: dict[str, Any], sandbox: Sandbox
) -> None:
    catalog = catalog_of(*STREAMS)
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if item["breadcrumb"]:
                item["metadata"] = metadata

    run = sync(sandbox, catalog=catalog)

    assert run.error == ""
    for stream in STREAMS:
        keys = {*run.schema(stream)["key_properties"]}
        columns = keys | {"created_at"} if stream == "activity_logs" else keys
        assert run.schema(stream)["schema"]["properties"].keys() == columns
        assert {tuple(sorted(record)) for record in run.records(stream)} == {tuple(sorted(columns))}


def test_a_catalog_without_keys_gets_the_keys_of_the_stream(sandbox: Sandbox) -> None:
    entries: list[dict[str, Any]] = [
        {
            "tap_stream_id": stream,
            "stream": f"renamed_{stream}",
            "schema": {"properties": {}},
            "metadata": [{"breadcrumb": [], "metadata": {"selected": "TRUE"}}],
        }
        for stream in ("activity_logs", "team_memberships")
    ]

    run = sync(sandbox, catalog={"streams": entries})

    schema = run.schema("team_memberships")
    assert schema["key_properties"] == ["team_id", "admin_id"]
    assert schema["schema"]["properties"].keys() == {"team_id", "admin_id"}
    assert run.schema("activity_logs")["bookmark_properties"] == ["created_at"]
    assert len(run.records("team_memberships")) == 13


def test_a_catalog_that_selects_no_stream_causes_a_warning(sandbox: Sandbox) -> None:
    run = sync(sandbox, catalog=catalog_of())

    assert run.error == ""
    assert "The catalog selects no stream" in run.warnings[0]
    assert sandbox.journal.requests == []


def test_a_selection_that_is_neither_true_nor_false_is_refused(sandbox: Sandbox) -> None:
    catalog = catalog_of("admins")
    for item in entry_of(catalog, "admins")["metadata"]:
        if item["breadcrumb"] == ["properties", "email"]:
            item["metadata"]["selected"] = "maybe"

    error = sync(sandbox, catalog=catalog).error

    assert "admins.email has selected='maybe'. Use true or false." in error


COLUMNS = [
    "admins.email",
    "admins.role.name",
    "activity_logs.performed_by.ip",
    "team_memberships.priority_level",
    "teams.admin_priority_level.primary_admin_ids",
]


def contains(value: object, path: list[str]) -> bool:
    """Return whether an object contains a path of keys."""
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True


def test_an_object_without_properties_in_the_catalog_is_not_sent(sandbox: Sandbox) -> None:
    catalog = catalog_of("admins")
    del entry_of(catalog, "admins")["schema"]["properties"]["role"]["properties"]

    result = sync_here(sandbox, catalog=catalog)

    assert result.error == ""
    assert [record for record in result.records("admins") if record.get("role")] == []


@pytest.mark.parametrize("metadata", ["kept", "removed", "none"])
@pytest.mark.parametrize("column", COLUMNS)
def test_a_removed_column_is_not_sent(column: str, metadata: str, sandbox: Sandbox) -> None:
    stream, *path = column.split(".")
    entry = entry_of(catalog_of(stream), stream)
    breadcrumb = [part for name in path for part in ("properties", name)]
    schema = entry["schema"]
    for name in breadcrumb[:-1]:
        schema = schema[name]
    del schema[path[-1]]
    if metadata == "removed":
        entry["metadata"] = [m for m in entry["metadata"] if m["breadcrumb"] != breadcrumb]
    elif metadata == "none":
        del entry["metadata"]

    result = sync_here(sandbox, catalog={"streams": [entry]})

    assert result.error == ""
    assert not contains(result.schema(stream)["schema"], breadcrumb)
    assert result.records(stream)
    assert [record for record in result.records(stream) if contains(record, path)] == []


def test_a_catalog_with_equivalent_types_is_accepted(sandbox: Sandbox) -> None:
    catalog = catalog_of("admins")
    columns = entry_of(catalog, "admins")["schema"]["properties"]
    columns["email"] = {"type": ["null", "string"]}
    columns["id"] = {"type": "string", "description": "Another description."}

    assert len(sync_here(sandbox, catalog=catalog).records("admins")) == 13


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("admins.email", {"type": "integer"}),
        ("admins.email", {"type": ["string", "null"], "format": "date"}),
        ("admins.email", {"type": "string"}),
        ("admins.role", {"type": ["string", "null"]}),
        ("admins.role.name", {"type": ["integer", "null"]}),
        ("admins.team_ids", {"type": ["array", "null"], "items": {"type": "integer"}}),
        ("activity_logs.created_at", {"type": ["string"]}),
        ("workspaces.created_at", {"type": ["integer", "null"]}),
    ],
)
def test_a_changed_type_is_refused(column: str, change: dict[str, Any], sandbox: Sandbox) -> None:
    stream, *path = column.split(".")
    catalog = catalog_of(stream)
    schema = entry_of(catalog, stream)["schema"]
    for name in path[:-1]:
        schema = schema["properties"][name]
    schema["properties"][path[-1]] = change

    error = sync_here(sandbox, catalog=catalog).error

    assert f"Invalid catalog: the type of {column} is" in error
    assert "remove the extras 'schema' and 'metadata' of this stream" in error
    assert sandbox.journal.requests == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key_properties": ["email"]}, "key of admins is ['email']"),
        ({"replication_key": "name"}, "replication key of admins is 'name'"),
        ({"replication_method": "INCREMENTAL"}, "but must be FULL_TABLE"),
    ],
)
def test_a_catalog_that_changes_how_a_stream_is_read_is_refused(
    change: dict[str, Any], words: str, sandbox: Sandbox
) -> None:
    catalog = catalog_of("admins")
    entry_of(catalog, "admins").update(change)

    assert words in sync(sandbox, catalog=catalog).error


ADMINS: dict[str, object] = {"tap_stream_id": "admins", "schema": {"properties": {}}}


@pytest.mark.slow
@pytest.mark.parametrize(
    "streams",
    [
        None,
        {},
        "admins",
        [5],
        [{"stream": "admins"}],
        [{"tap_stream_id": "admins", "metadata": 5}],
        [{"tap_stream_id": "admins", "metadata": [{"breadcrumb": []}]}],
        [{"tap_stream_id": "admins", "schema": []}],
        [ADMINS | {"key_properties": 5}],
        [ADMINS | {"metadata": [{"breadcrumb": ["properties", 5], "metadata": {}}]}],
    ],
)
def test_an_invalid_catalog_is_refused(streams: object, sandbox: Sandbox) -> None:
    error = sync(sandbox, catalog={"streams": streams}).error

    assert error.startswith("Invalid catalog (")
    assert "--discover" in error
    assert sandbox.journal.requests == []
