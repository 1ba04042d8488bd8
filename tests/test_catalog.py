"""Catalogs: what they select, and what they must not change."""

from collections.abc import Callable
from typing import Any

import pytest

from tap_intercom_access.sandbox.server import Sandbox
from tests.tap import DEFAULT_STREAMS, STREAMS, catalog_of, sync


def metadata_of(catalog: dict[str, Any], stream: str, *breadcrumb: str) -> dict[str, Any]:
    """Return the metadata of a stream, or of one of its columns."""
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if entry["stream"] == stream and item["breadcrumb"] == list(breadcrumb):
                metadata: dict[str, Any] = item["metadata"]
                return metadata
    raise KeyError(stream, *breadcrumb)


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
    catalog = catalog_of(*STREAMS)
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if item["breadcrumb"]:
                change(item["metadata"])

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


def test_a_stream_is_deselected_by_a_string_too(sandbox: Sandbox) -> None:
    catalog = catalog_of(*DEFAULT_STREAMS)
    for stream in DEFAULT_STREAMS[1:]:
        metadata_of(catalog, stream)["selected"] = "false"

    sync(sandbox, catalog=catalog)

    assert sandbox.journal.requests == ["GET /admins"]


def test_a_catalog_that_selects_nothing_is_a_warning(sandbox: Sandbox) -> None:
    run = sync(sandbox, catalog=catalog_of())

    assert run.error == ""
    assert "selects no stream" in run.warnings[0]
    assert sandbox.journal.requests == []


def test_a_selection_that_is_neither_true_nor_false_is_refused(sandbox: Sandbox) -> None:
    catalog = catalog_of("admins")
    metadata_of(catalog, "admins", "properties", "email")["selected"] = "maybe"

    assert "admins.email has selected='maybe'" in sync(sandbox, catalog=catalog).error


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key_properties": ["email"]}, "key of admins is ['email'], but it is"),
        ({"replication_key": "name"}, "replication key of admins is 'name'"),
        ({"replication_method": "INCREMENTAL"}, "admins: leave it at FULL_TABLE"),
    ],
)
def test_a_catalog_that_changes_how_a_stream_is_read_is_refused(
    change: dict[str, Any], words: str, sandbox: Sandbox
) -> None:
    catalog = catalog_of("admins")
    for entry in catalog["streams"]:
        if entry["stream"] == "admins":
            entry.update(change)

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
