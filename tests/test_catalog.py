"""Catalogs: what they select, and what they must not change."""

from typing import Any

import pytest

from tap_intercom_access.sandbox.server import Sandbox
from tests.tap import STREAMS, catalog_of, sync, sync_here


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
def test_keys_are_selected_whatever_the_catalog_says_and_nothing_else(
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

    run = sync(sandbox, catalog={"streams": entries})

    schema = run.schema("team_memberships")
    assert schema["key_properties"] == ["team_id", "admin_id"]
    assert schema["schema"]["properties"].keys() == {"team_id", "admin_id"}
    assert run.schema("activity_logs")["bookmark_properties"] == ["created_at"]
    assert len(run.records("team_memberships")) == 13


def test_a_catalog_that_selects_nothing_is_a_warning(sandbox: Sandbox) -> None:
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
    """Return whether an object contains a key, or one in an object in it."""
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
def test_a_column_removed_from_the_catalog_is_not_sent(
    column: str, metadata: str, sandbox: Sandbox
) -> None:
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
def test_another_type_in_the_catalog_is_refused(
    column: str, change: dict[str, Any], sandbox: Sandbox
) -> None:
    stream, *path = column.split(".")
    catalog = catalog_of(stream)
    schema = entry_of(catalog, stream)["schema"]
    for name in path[:-1]:
        schema = schema["properties"][name]
    schema["properties"][path[-1]] = change

    error = sync_here(sandbox, catalog=catalog).error

    assert f"The catalog says that the type of {column} is" in error
    assert "remove the extras 'schema' and 'metadata' of this stream" in error
    assert sandbox.journal.requests == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key_properties": ["email"]}, "key of admins is ['email']"),
        ({"replication_key": "name"}, "replication key of admins is 'name'"),
        ({"replication_method": "INCREMENTAL"}, "admins: leave it at FULL_TABLE"),
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
def test_a_catalog_of_another_form_is_refused(streams: object, sandbox: Sandbox) -> None:
    error = sync(sandbox, catalog={"streams": streams}).error

    assert error.startswith("Invalid catalog (")
    assert "--discover" in error
    assert sandbox.journal.requests == []
