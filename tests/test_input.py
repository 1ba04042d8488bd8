"""Catalogs and states that are not what they should be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap import catalog_of, run_tap, sync

if TYPE_CHECKING:
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Sandbox


@pytest.mark.slow
@pytest.mark.parametrize("option", ["state", "catalog"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"null", b'"x"', b"\xff\xfe{}"])
def test_an_input_that_is_no_json_object_is_refused(
    option: str, content: bytes, sandbox: Sandbox
) -> None:
    error = sync(sandbox, **{option: content}).error

    assert error.startswith(f"The {option} ")
    assert sandbox.journal.requests == []


@pytest.mark.parametrize("option", ["--state", "--catalog"])
def test_an_input_that_does_not_exist_is_named(option: str, sandbox: Sandbox) -> None:
    assert "nowhere.json" in sync(sandbox, option, "nowhere.json").error


@pytest.mark.slow
@pytest.mark.parametrize(
    "state",
    [
        {"bookmarks": []},
        {"bookmarks": None},
        {"bookmarks": {"admins": 5}},
        {"bookmarks": {"admins": None}},
    ],
)
def test_a_state_of_another_form_is_refused(state: dict[str, Any], sandbox: Sandbox) -> None:
    assert "not a Singer state" in sync(sandbox, state=state).error


@pytest.mark.parametrize("state", [{}, {"bookmarks": {}}, {"singer_state": {}}])
def test_an_empty_state_is_fine(state: dict[str, Any], sandbox: Sandbox) -> None:
    assert sync(sandbox, state=state).code == 0


def test_a_state_of_unknown_streams_is_a_warning(sandbox: Sandbox) -> None:
    state = {"bookmarks": {"admins": {}, "conversations": {"replication_key_value": 1}}}

    run = sync(sandbox, state=state)

    assert run.code == 0
    assert "The state names streams that this tap does not have" in run.stderr
    assert "conversations" in run.stderr


def test_a_state_with_partitions_changes_nothing(sandbox: Sandbox) -> None:
    partitions = [{"context": {"region": "eu"}}, {"context": {"region": "us"}}]
    state = {"bookmarks": {"admins": {"partitions": partitions}}}

    run = sync(sandbox, state=state)

    assert run.records("admins") == sync(sandbox).records("admins")


def test_the_state_of_a_run_is_the_state_of_the_next(sandbox: Sandbox) -> None:
    first = sync(sandbox)

    second = sync(sandbox, state=first.state)

    assert second.code == 0
    assert second.records("admins") == first.records("admins")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_skipped_in_every_input(
    encoding: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    state = {"bookmarks": {"admins": {"rows": 500}}}
    catalog = catalog_of("admins")
    config = {"base_url": sandbox.base_url, "access_token": sandbox.token}
    arguments: list[str | Path] = []
    for name, content in {"config": config, "catalog": catalog, "state": state}.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(content), encoding=encoding)
        arguments += [f"--{name}", path]

    run = run_tap(*arguments)

    assert "487 fewer than in the last complete sync" in run.error
    assert sandbox.journal.requests == ["GET /admins"]


def test_a_state_as_meltano_prints_it_keeps_the_safeguards(sandbox: Sandbox) -> None:
    state = {"singer_state": {"bookmarks": {"admins": {"rows": 500}}}}

    error = sync(sandbox, state=state).error

    assert "487 fewer than in the last complete sync" in error


def test_an_input_that_is_nested_too_deeply_is_refused(sandbox: Sandbox) -> None:
    assert sync(sandbox, state="[" * 100_000).error.startswith("The state is not JSON")


ADMINS: dict[str, object] = {"tap_stream_id": "admins", "schema": {"properties": {}}}


@pytest.mark.slow
@pytest.mark.parametrize(
    "catalog",
    [
        {"streams": {}},
        {"streams": "admins"},
        {"streams": [5]},
        {"streams": [{"stream": "admins"}]},
        {"streams": [{"tap_stream_id": "admins", "metadata": 5}]},
        {"streams": [{"tap_stream_id": "admins", "metadata": [{"breadcrumb": []}]}]},
        {"streams": [{"tap_stream_id": "admins", "schema": []}]},
        {"streams": [ADMINS | {"key_properties": 5}]},
        {"streams": [ADMINS | {"metadata": [{"breadcrumb": ["properties", 5], "metadata": {}}]}]},
        {"other": 1},
    ],
)
def test_a_catalog_of_another_form_is_refused(catalog: dict[str, Any], sandbox: Sandbox) -> None:
    error = sync(sandbox, catalog=catalog).error

    assert error.startswith("The catalog is not a Singer catalog")
    assert "--discover" in error
    assert sandbox.journal.requests == []


def test_a_catalog_of_unknown_streams_is_a_warning(sandbox: Sandbox) -> None:
    catalog = json.loads(run_tap("--discover").stdout)
    catalog["streams"].append({"tap_stream_id": "conversations", "schema": {"properties": {}}})

    run = sync(sandbox, catalog=catalog)

    assert run.code == 0
    assert "The catalog names streams that this tap does not have" in run.stderr
    assert len(run.records("admins")) == 13


def test_a_catalog_that_selects_nothing_is_a_warning(sandbox: Sandbox) -> None:
    run = sync(sandbox, catalog=catalog_of())

    assert run.code == 0
    assert "No stream is selected" in run.stderr
    assert sandbox.journal.requests == []


def test_a_catalog_that_makes_a_full_list_incremental_is_refused(sandbox: Sandbox) -> None:
    catalog = catalog_of("admins")
    for entry in catalog["streams"]:
        entry["replication_method"] = "INCREMENTAL"

    error = sync(sandbox, catalog=catalog).error

    assert "admins" in error
    assert "FULL_TABLE" in error
