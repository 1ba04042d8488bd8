"""Stream maps: those of the documentation, and failures."""

import json
from typing import Any

import pytest
import yaml

from tap_intercom_access.sandbox.server import Sandbox
from tests.docs import block
from tests.tap import ACTIVATE, STREAMS, catalog_of, sync


def no_address(sandbox: Sandbox, address: str | None = None) -> None:
    """Remove the email address of teammate 1007."""
    rows = sandbox.workspace.admin_rows()
    next(row for row in rows if row["id"] == "1007")["email"] = address
    sandbox.respond("/admins", {"admins": rows})


@pytest.mark.parametrize("streams", [("admins",), ("admins", "teams"), ("team_memberships",)])
@pytest.mark.parametrize("pattern", ["*", "team*", "t*s", "teams"])
def test_a_pattern_maps_the_selected_streams_that_it_matches(
    pattern: str, streams: tuple[str, ...], sandbox: Sandbox
) -> None:
    maps = {"admins": {"workspace": "'us'"}, pattern: {"workspace": "'us'"}}

    run = sync(sandbox, catalog=catalog_of(*streams), stream_maps=maps)

    assert run.error == ""
    for stream in streams:
        mapped = stream in ("admins", pattern) or (stream, pattern) != ("team_memberships", "teams")
        assert {"workspace" in record for record in run.records(stream)} == {mapped}


def test_maps_of_deselected_streams_are_ignored(sandbox: Sandbox) -> None:
    maps = {"*": {"__key_properties__": ["id"]}, "teams": {"id": None}}

    assert sync(sandbox, catalog=catalog_of("admins"), stream_maps=maps).error == ""
    error = sync(sandbox, catalog=catalog_of("teams"), stream_maps=maps).error
    assert error.startswith("Can't use stream_maps for teams: ")


@pytest.mark.parametrize("address", [None, ""])
def test_a_null_address_stays_null_when_addresses_are_hashed(
    address: str | None, sandbox: Sandbox
) -> None:
    no_address(sandbox, address)
    maps = {"admins": {"email": "sha256(email) if email else None"}}

    run = sync(sandbox, stream_maps=maps)

    addresses = {record["id"]: record["email"] for record in run.records("admins")}
    assert addresses.pop("1007") is None
    assert {len(address) for address in addresses.values()} == {64}
    assert run.schema("admins")["schema"]["properties"]["email"]["type"] == ["string", "null"]


def test_metadata_becomes_a_string_with_the_documented_stream_map(sandbox: Sandbox) -> None:
    config = yaml.safe_load(block("Add this stream map to the tap", "yaml"))["config"]
    settings: dict[str, Any] = {"activity_types": [], "catalog": catalog_of("activity_logs")}
    objects = sync(sandbox, **settings)

    run = sync(sandbox, **settings, **config)

    expected = objects.column("activity_logs", "metadata")
    found = run.column("activity_logs", "metadata")
    assert [value and json.loads(value) for value in found] == [value or None for value in expected]
    assert any(expected)
    metadata = run.schema("activity_logs")["schema"]["properties"]["metadata"]
    assert metadata["type"] == ["string", "null"]


FAILING: list[tuple[dict[str, Any], str]] = [
    ({"admins": {"email": "sha256(email)"}}, "sha256(email)"),
    ({"a*": {"x": "email.lower()"}}, "email.lower()"),
    ({"people": {"__source__": "admins", "x": "email[0]"}}, "email[0]"),
    ({"*s": {"__filter__": "'@' in email"}}, "'@' in email"),
    ({"admins": {"x": "role['name']"}}, "role['name']"),
]


@pytest.mark.parametrize(("maps", "expression"), FAILING)
def test_the_error_names_the_map_the_stream_and_the_row(
    maps: dict[str, Any], expression: str, sandbox: Sandbox
) -> None:
    no_address(sandbox)

    run = sync(sandbox, stream_maps=maps, **ACTIVATE)

    assert run.error.startswith(f"admins: the stream map {expression} failed ")
    assert "row with id 1007" in run.error
    assert run.activated == []


@pytest.mark.parametrize(
    ("expression", "reason"), [("int(name)", "ValueError"), ("nosuch", "'nosuch' is not defined")]
)
def test_the_error_shows_an_unknown_name_but_no_value(
    expression: str, reason: str, sandbox: Sandbox
) -> None:
    error = sync(sandbox, stream_maps={"admins": {"x": expression}}).error

    assert f"row with id 1001 ({reason}" in error
    assert "Aoife" not in error


@pytest.mark.parametrize(
    ("stream_maps", "ignored"),
    [
        ({"admin": {"email": None}}, ["admin"]),
        ({"admins": {"e_mail": None}}, ["admins.e_mail"]),
        ({"a*": {"id": "id", "x": None}}, ["a*.x"]),
        ({"people": {"__source__": "admins", "phone": "__NULL__"}}, ["people.phone"]),
        ({"admins": {"email": None, "__alias__": "people", "x": "name"}}, []),
        ({"people": {"__source__": "admins", "email": None}}, []),
        ({"team*": {"__key_properties__": ["id"], "id": "'1'"}}, []),
        ({"__else__": "__NULL__", "admins": {}}, []),
        ({"admins": {"id": "id", "__else__": None}}, []),
    ],
)
def test_maps_without_effect_cause_a_warning(
    stream_maps: dict[str, Any], ignored: list[str], sandbox: Sandbox
) -> None:
    run = sync(sandbox, stream_maps=stream_maps)

    prefix = "Ignoring stream maps of unknown streams or columns: "
    warnings = [warning for warning in run.warnings if "stream maps" in warning]
    assert warnings == [f"{prefix}{name}" for name in ignored]


def test_test_mode_maps_streams_that_are_not_selected_by_default(sandbox: Sandbox) -> None:
    run = sync(sandbox, "--test", stream_maps={"*": {"workspace": "'us'"}})

    for stream in STREAMS:
        assert run.column(stream, "workspace") == ["us"]
