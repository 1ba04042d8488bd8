"""Events arrive in targets as they were, and answer the questions of the documentation."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tap_intercom_access.sandbox.demo import advance_quarter, demo
from tap_intercom_access.sandbox.history import event
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.streams.activity_types import ACCESS_TYPES, DEFAULT_TYPES
from tests.docs import blocks, row
from tests.events import ALL, METADATA, NOW
from tests.runs import catalog_selecting
from tests.targets import load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.targets import Postgres


def loaded(sandbox: Sandbox, catalog: Path, target: str, config: Path, **settings: str) -> None:
    arguments = ("--catalog", str(catalog))
    assert load(sandbox, target, config, *arguments, **(ALL | settings)) == (0, 0)


def every_type() -> list[dict[str, Any]]:
    """One event of each type and one for each detail, and one with all details at once."""
    rows = [event(NOW - 90, type_, None, type_, **METADATA) for type_ in DEFAULT_TYPES]
    rows += [event(NOW - 80, "x", None, name, **{name: METADATA[name]}) for name in METADATA]
    return rows


@pytest.mark.targets
def test_every_type_and_detail_arrives_in_postgres(
    sandbox: Sandbox, events_only: Path, postgres: Postgres
) -> None:
    sandbox.workspace.history = every_type()

    loaded(sandbox, events_only, "target-postgres", postgres.config())

    rows = postgres.query("select * from activity_logs")
    assert {row["id"]: row["metadata"] for row in rows} == {
        row["id"]: row["metadata"] for row in sandbox.workspace.history
    }
    assert {row["created_at"].timestamp() for row in rows} <= {NOW - 90, NOW - 80}


@pytest.mark.targets
def test_texts_that_postgres_refuses_arrive_without_the_characters_at_fault(
    sandbox: Sandbox, events_only: Path, postgres: Postgres
) -> None:
    details = {"a\x00": [{"b": "\ud800x"}], "c": "\x00"}
    row = event(NOW - 90, "x", None, "A\x00B", **details)
    sandbox.respond("/admins/activity_logs/search", json.dumps({"activity_logs": [row]}).encode())

    loaded(sandbox, events_only, "target-postgres", postgres.config())

    (row,) = postgres.query("select activity_description, metadata from activity_logs")
    assert row["activity_description"] == "A\ufffdB"
    assert row["metadata"] == {"a\ufffd": [{"b": "\ufffdx"}], "c": "\ufffd"}


@pytest.mark.targets
@pytest.mark.parametrize("flattened", ["false", "true"])
def test_every_type_and_detail_arrives_in_duckdb(
    flattened: str, sandbox: Sandbox, events_only: Path, tmp_path: Path
) -> None:
    sandbox.workspace.history = every_type()
    config = tmp_path / "target.json"
    path = tmp_path / "i.duckdb"
    config.write_text(json.dumps({"path": str(path), "default_target_schema": "intercom"}))

    loaded(
        sandbox,
        events_only,
        "target-duckdb",
        config,
        TAP_INTERCOM_ACCESS_FLATTENING_ENABLED=flattened,
        TAP_INTERCOM_ACCESS_FLATTENING_MAX_DEPTH="2",
    )

    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute("select id, metadata from intercom.activity_logs").fetchall()
    assert {id_: json.loads(metadata) for id_, metadata in rows} == {
        row["id"]: row["metadata"] for row in sandbox.workspace.history
    }


@pytest.mark.targets
def test_the_questions_of_the_documentation_are_answered(tmp_path: Path) -> None:
    workspace = demo()
    advance_quarter(workspace)
    workspace.history.append(event(NOW - 60, "admin_login_success", None, "By nobody known"))
    config = tmp_path / "target.json"
    path = tmp_path / "i.duckdb"
    config.write_text(json.dumps({"path": str(path), "default_target_schema": "intercom"}))
    catalog = catalog_selecting(tmp_path, "admins", "activity_logs")
    with Sandbox(workspace) as sandbox:
        loaded(sandbox, catalog, "target-duckdb", config)
    questions = [text for text in blocks("sql") if text.startswith("-- ")]

    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set search_path = 'intercom'")
        answers = [connection.execute(question).fetchall() for question in questions]

    assert [row[0] for row in answers[0]] == ["Dana Levi"]
    assert {(row[1], row[2]) for row in answers[1]} >= {
        ("aoife@example.com", "Aoife Ní Bhriain removed Marcus Webb"),
        ("tomas@example.com", "Tomás Herrera invited lina@example.com"),
    }
    assert [row[1] for row in answers[2]] == ["support@example.com"] * 3


def test_the_types_in_the_documentation_are_the_taps_own() -> None:
    for reason, types in ACCESS_TYPES.items():
        assert re.findall(r"`(\w+)`", row(reason)[1]) == types.split()
