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
from tests.responses import METADATA, NOW
from tests.tap import catalog_of
from tests.targets import load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.targets import Postgres


def load_events(sandbox: Sandbox, target: str, config: Path, **settings: Any) -> None:  # noqa: ANN401
    catalog = settings.pop("catalog", catalog_of("activity_logs"))
    assert load(sandbox, target, config, catalog=catalog, activity_types=[], **settings) == (0, 0)


def every_type() -> list[dict[str, Any]]:
    """One event of each type and one for each detail, and one with all details at once."""
    rows = [event(NOW - 90, type_, None, type_, **METADATA) for type_ in DEFAULT_TYPES]
    rows += [event(NOW - 80, "x", None, name, **{name: METADATA[name]}) for name in METADATA]
    return rows


@pytest.mark.targets
def test_every_type_and_detail_arrives_in_postgres(sandbox: Sandbox, postgres: Postgres) -> None:
    sandbox.workspace.history = every_type()

    load_events(sandbox, "target-postgres", postgres.config())

    rows = postgres.query("select * from activity_logs")
    assert {row["id"]: row["metadata"] for row in rows} == {
        row["id"]: row["metadata"] for row in sandbox.workspace.history
    }
    assert {row["created_at"].timestamp() for row in rows} <= {NOW - 90, NOW - 80}


@pytest.mark.targets
def test_texts_that_postgres_refuses_arrive_without_the_characters_at_fault(
    sandbox: Sandbox, postgres: Postgres
) -> None:
    details = {"a\x00": [{"b": "\ud800x"}], "c": "\x00"}
    row = event(NOW - 90, "x", None, "A\x00B", **details)
    sandbox.respond("/admins/activity_logs/search", json.dumps({"activity_logs": [row]}).encode())

    load_events(sandbox, "target-postgres", postgres.config())

    (row,) = postgres.query("select activity_description, metadata from activity_logs")
    assert row["activity_description"] == "A\ufffdB"
    assert row["metadata"] == {"a\ufffd": [{"b": "\ufffdx"}], "c": "\ufffd"}


@pytest.mark.targets
@pytest.mark.parametrize("flattened", [False, True])
def test_every_type_and_detail_arrives_in_duckdb(
    sandbox: Sandbox, tmp_path: Path, *, flattened: bool
) -> None:
    sandbox.workspace.history = every_type()
    config = tmp_path / "target.json"
    path = tmp_path / "i.duckdb"
    config.write_text(json.dumps({"path": str(path), "default_target_schema": "intercom"}))

    load_events(
        sandbox,
        "target-duckdb",
        config,
        flattening_enabled=flattened,
        flattening_max_depth=2,
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
    catalog = catalog_of("admins", "activity_logs")
    with Sandbox(workspace) as sandbox:
        load_events(sandbox, "target-duckdb", config, catalog=catalog)
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
