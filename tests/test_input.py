"""Catalogs and states that users hand in, right and wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap import STREAMS, catalog_of, run_tap, sync

if TYPE_CHECKING:
    from tap_intercom_access.sandbox.server import Sandbox


@pytest.mark.slow
@pytest.mark.parametrize("option", ["state", "catalog"])
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"7", b"null", b'"x"', b"\xff\xfe{}", b"[" * 100_000]
)
def test_an_input_that_is_not_a_json_object_is_refused(
    option: str, content: bytes, sandbox: Sandbox
) -> None:
    error = sync(sandbox, **{option: content}).error

    assert error.startswith(f"The {option} ")
    assert sandbox.journal.requests == []


@pytest.mark.parametrize("option", ["--state", "--catalog"])
def test_an_input_that_does_not_exist_is_named(option: str) -> None:
    assert "nowhere.json" in run_tap(option, "nowhere.json").error


@pytest.mark.parametrize("bookmarks", [[], None, {"admins": 5}, {"admins": None}])
def test_a_state_of_another_form_is_refused(bookmarks: object, sandbox: Sandbox) -> None:
    assert "not a Singer state" in sync(sandbox, state={"bookmarks": bookmarks}).error


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"bookmarks": {}},
        {"singer_state": {}},
        {"bookmarks": {"admins": {"partitions": [{"context": {"region": "eu"}}]}}},
    ],
)
def test_a_state_without_a_bookmark_changes_nothing(
    state: dict[str, Any], sandbox: Sandbox
) -> None:
    run = sync(sandbox, state=state)

    assert run.error == ""
    assert run.records("admins") == sync(sandbox).records("admins")


def test_the_state_of_a_run_is_the_state_of_the_next(sandbox: Sandbox) -> None:
    first = sync(sandbox)

    second = sync(sandbox, state=first.state)

    assert second.error == ""
    assert second.records("admins") == first.records("admins")


def test_a_state_as_meltano_prints_it_keeps_the_safeguards(sandbox: Sandbox) -> None:
    state = {"singer_state": {"bookmarks": {"admins": {"rows": 500}}}}

    assert "487 fewer" in sync(sandbox, state=state).error


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_skipped_in_every_input(encoding: str, sandbox: Sandbox) -> None:
    def encoded(content: dict[str, Any]) -> bytes:
        return json.dumps(content).encode(encoding)

    run = run_tap(
        config=encoded({"base_url": sandbox.base_url, "access_token": sandbox.token}),
        catalog=encoded(catalog_of("admins")),
        state=encoded({"bookmarks": {"admins": {"rows": 500}}}),
    )

    assert "487 fewer" in run.error
    assert sandbox.journal.requests == ["GET /admins"]


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

    assert error.startswith("The catalog is not a Singer catalog")
    assert "--discover" in error
    assert sandbox.journal.requests == []


def test_unknown_streams_in_catalog_and_state_are_a_warning(sandbox: Sandbox) -> None:
    catalog = catalog_of(*STREAMS)
    catalog["streams"].append({"tap_stream_id": "conversations", "schema": {"properties": {}}})
    state = {"bookmarks": {"admins": {}, "companies": {"replication_key_value": 1}}}

    run = sync(sandbox, catalog=catalog, state=state)

    assert run.error == ""
    assert [
        warning for warning in run.warnings if "catalog" in warning and "conversations" in warning
    ]
    assert [warning for warning in run.warnings if "state" in warning and "companies" in warning]
    assert len(run.records("admins")) == 13


def test_a_catalog_that_selects_nothing_is_a_warning(sandbox: Sandbox) -> None:
    run = sync(sandbox, catalog=catalog_of())

    assert run.error == ""
    assert "No stream is selected" in run.warnings[0]
    assert sandbox.journal.requests == []


def test_a_catalog_that_makes_a_full_list_incremental_is_refused(sandbox: Sandbox) -> None:
    catalog = catalog_of("admins")
    for entry in catalog["streams"]:
        entry["replication_method"] = "INCREMENTAL"

    error = sync(sandbox, catalog=catalog).error

    assert "admins" in error
    assert "FULL_TABLE" in error
