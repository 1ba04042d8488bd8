"""Stream maps, as the README shows them, and what happens where one fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap import catalog_of, sync, sync_here

if TYPE_CHECKING:
    from tap_intercom_access.sandbox.server import Sandbox


def no_address(sandbox: Sandbox, address: str | None = None) -> None:
    """Let teammate 1007 have no address."""
    rows = sandbox.workspace.admin_rows()
    next(row for row in rows if row["id"] == "1007")["email"] = address
    sandbox.respond("/admins", {"admins": rows})


@pytest.mark.parametrize("streams", [("admins",), ("admins", "teams"), ("team_memberships",)])
@pytest.mark.parametrize("pattern", ["*", "team*", "t*s", "teams"])
def test_a_pattern_maps_what_is_selected_of_the_streams_it_names(
    pattern: str, streams: tuple[str, ...], sandbox: Sandbox
) -> None:
    maps = {"admins": {"workspace": "'us'"}, pattern: {"workspace": "'us'"}}

    result = sync_here(sandbox, catalog=catalog_of(*streams), stream_maps=maps)

    assert result.error == ""
    for stream in streams:
        mapped = stream in ("admins", pattern) or (stream, pattern) != ("team_memberships", "teams")
        assert all(("workspace" in record) == mapped for record in result.records(stream))


def test_maps_of_streams_that_are_not_selected_do_not_matter(sandbox: Sandbox) -> None:
    maps = {"*": {"__key_properties__": ["id"]}, "teams": {"id": None}}

    assert sync_here(sandbox, catalog=catalog_of("admins"), stream_maps=maps).error == ""
    error = sync_here(sandbox, catalog=catalog_of("teams"), stream_maps=maps).error
    assert error.startswith("stream_maps cannot be used for teams: ")


@pytest.mark.parametrize("address", [None, ""])
def test_an_address_that_is_missing_stays_so_when_the_others_are_hashed(
    address: str | None, sandbox: Sandbox
) -> None:
    no_address(sandbox, address)
    maps = {"admins": {"email": "sha256(email) if email else None"}}

    result = sync_here(sandbox, stream_maps=maps)

    addresses = {record["id"]: record["email"] for record in result.records("admins")}
    assert addresses.pop("1007") is None
    assert all(len(address) == 64 for address in addresses.values())
    assert result.schema("admins")["schema"]["properties"]["email"]["type"] == ["string", "null"]


FAILING: list[tuple[dict[str, Any], str, str]] = [
    ({"admins": {"email": "sha256(email)"}}, "admins.email: sha256(email)", "where email is null"),
    ({"a*": {"x": "email.lower()"}}, "a*.x: email.lower()", "where email is null"),
    ({"people": {"__source__": "admins", "x": "email[0]"}}, "people.x: email[0]", "id 1007"),
    ({"*s": {"__filter__": "'@' in email"}}, "*s.__filter__: '@' in email", "id 1007"),
    ({"admins": {"x": "role['name']"}}, "admins.x: role['name']", "where role is null"),
]


@pytest.mark.parametrize(("maps", "name", "where"), FAILING)
def test_a_map_that_fails_names_map_stream_and_row(
    maps: dict[str, Any], name: str, where: str, sandbox: Sandbox
) -> None:
    no_address(sandbox)

    result = sync_here(sandbox, stream_maps=maps, emit_activate_version_messages=True)

    assert result.error.startswith(f"admins: the stream map {name} failed with ")
    assert "the record with id 1007" in result.error
    assert where in result.error
    assert "fault of the tap" not in result.error
    assert result.of("ACTIVATE_VERSION") == []


def test_what_a_map_could_not_take_is_not_shown(sandbox: Sandbox) -> None:
    error = sync_here(sandbox, stream_maps={"admins": {"x": "int(name)"}}).error

    assert "ValueError for the record with id 1001" in error
    assert "Aoife" not in error


def test_a_name_that_a_map_does_not_know_is_shown(sandbox: Sandbox) -> None:
    error = sync_here(sandbox, stream_maps={"admins": {"x": "nosuch"}}).error

    assert "'nosuch' is not defined" in error


def test_a_failed_map_ends_the_command_with_one_sentence(sandbox: Sandbox) -> None:
    no_address(sandbox)
    maps = json.dumps({"admins": {"email": "sha256(email)"}})

    error = sync(sandbox, stream_maps=maps).error

    assert error.startswith("admins: the stream map admins.email: sha256(email) failed")


def test_the_test_mode_maps_streams_that_are_not_selected_by_default(sandbox: Sandbox) -> None:
    maps = json.dumps({"*": {"workspace": "'us'"}})

    run = sync(sandbox, "--test", stream_maps=maps)

    assert run.code == 0, run.stderr
    for stream in ("activity_logs", "workspaces", "teams"):
        assert run.records(stream)[0]["workspace"] == "us"
