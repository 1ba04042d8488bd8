"""Targets store events unchanged, and the example queries of the documentation work."""

import json
import re
from typing import Any

import duckdb
import pytest

from tap_intercom_access.sandbox.demo import advance_quarter, demo
from tap_intercom_access.sandbox.history import event
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.streams.activity_types import ACCESS_TYPES, DEFAULT_TYPES
from tests.docs import blocks, row
from tests.responses import METADATA, NOW, SEARCH
from tests.tap import catalog_of
from tests.targets import DuckDB, Postgres, load

EVENTS: dict[str, Any] = {"catalog": catalog_of("activity_logs"), "activity_types": []}


@pytest.fixture
def sample(sandbox: Sandbox) -> Sandbox:
    """A sandbox with an event of each type, and events with one key or all keys of `METADATA`."""
    rows = [event(NOW - 90, type_, None, type_, **METADATA) for type_ in DEFAULT_TYPES]
    rows += [event(NOW - 80, "x", None, name, **{name: METADATA[name]}) for name in METADATA]
    sandbox.workspace.history = rows
    return sandbox


def details_of(sandbox: Sandbox) -> dict[str, Any]:
    return {row["id"]: row["metadata"] for row in sandbox.workspace.history}


@pytest.mark.targets
def test_every_event_arrives_in_postgres(sample: Sandbox, postgres: Postgres) -> None:
    assert load(sample, "target-postgres", postgres.config(), **EVENTS) == (0, 0)

    rows = postgres.query("select * from activity_logs")
    assert {row["id"]: row["metadata"] for row in rows} == details_of(sample)
    assert {row["created_at"].timestamp() for row in rows} == {NOW - 90, NOW - 80}


@pytest.mark.targets
def test_postgres_gets_strings_without_the_characters_it_refuses(
    sandbox: Sandbox, postgres: Postgres
) -> None:
    details = {"a\x00": [{"b": "\ud800x"}], "c": "\x00"}
    row = event(NOW - 90, "x", None, "A\x00B", **details)
    sandbox.respond(SEARCH, json.dumps({"activity_logs": [row]}).encode())

    assert load(sandbox, "target-postgres", postgres.config(), **EVENTS) == (0, 0)

    (row,) = postgres.query("select activity_description, metadata from activity_logs")
    assert row["activity_description"] == "A\ufffdB"
    assert row["metadata"] == {"a\ufffd": [{"b": "\ufffdx"}], "c": "\ufffd"}


@pytest.mark.targets
@pytest.mark.parametrize("flat", [{}, {"flattening_enabled": True, "flattening_max_depth": 2}])
def test_every_event_arrives_in_duckdb(flat: dict[str, Any], sample: Sandbox, duck: DuckDB) -> None:
    assert load(sample, "target-duckdb", duck.config, **EVENTS, **flat) == (0, 0)

    rows = {row["id"]: row["metadata"] for row in duck.read("activity_logs")}
    if flat:  # the target makes a string of it
        rows = {id_: json.loads(metadata) for id_, metadata in rows.items()}
    assert rows == details_of(sample)


@pytest.mark.targets
def test_the_documented_queries_return_the_expected_rows(duck: DuckDB) -> None:
    workspace = demo()
    advance_quarter(workspace)
    workspace.history.append(event(NOW - 60, "admin_login_success", None, "By an unknown person"))
    selected = EVENTS | {"catalog": catalog_of("admins", "activity_logs")}
    with Sandbox(workspace) as sandbox:
        assert load(sandbox, "target-duckdb", duck.config, **selected) == (0, 0)

    with duckdb.connect(str(duck.path), read_only=True) as connection:
        connection.execute("set search_path = 'intercom'")
        questions = [text for text in blocks("sql") if text.startswith("-- ")]
        answers = [connection.execute(question).fetchall() for question in questions]

    assert [row[0] for row in answers[0]] == ["Dana Levi"]
    assert {(row[1], row[2]) for row in answers[1]} >= {
        ("aoife@example.com", "Aoife Ní Bhriain removed Marcus Webb"),
        ("tomas@example.com", "Tomás Herrera invited lina@example.com"),
    }
    assert [row[1] for row in answers[2]] == ["support@example.com"] * 3


def test_the_documented_types_match_the_tap() -> None:
    for reason, types in ACCESS_TYPES.items():
        assert re.findall(r"`(\w+)`", row(reason)[1]) == types.split()
