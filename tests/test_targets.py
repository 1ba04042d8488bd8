"""Real targets take what the tap writes, and give it back unchanged."""

from __future__ import annotations

import ast
import csv
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tap_intercom_access.sandbox.demo import advance_quarter
from tests import faults
from tests.tap import ACTIVATE, sync
from tests.targets import installed, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_intercom_access.sandbox.server import Sandbox
    from tests.targets import Postgres

    Rows = list[dict[str, Any]]

pytestmark = pytest.mark.targets

KEYS = {"admins": ("id",), "teams": ("id",), "team_memberships": ("team_id", "admin_id")}
FLAT = {
    "TAP_INTERCOM_ACCESS_FLATTENING_ENABLED": "true",
    "TAP_INTERCOM_ACCESS_FLATTENING_MAX_DEPTH": "2",
}


def expected(sandbox: Sandbox) -> dict[str, Rows]:
    """What the workspace holds: read from its rows, not from the tap."""
    admins, teams, memberships = [], [], []
    for row in sandbox.workspace.admin_rows():
        role = row.get("role")
        level = row.get("team_priority_level")
        admins.append(
            {
                "id": row["id"],
                "type": row["type"],
                "name": row["name"],
                "email": row["email"],
                "job_title": row.get("job_title"),
                "has_inbox_seat": row["has_inbox_seat"],
                "away_mode_enabled": row["away_mode_enabled"],
                "away_mode_reassign": row["away_mode_reassign"],
                "away_status_reason_id": str(row["away_status_reason_id"])
                if "away_status_reason_id" in row
                else None,
                "role": role and {"id": role["id"], "name": role["name"]},
                "team_ids": [str(id_) for id_ in row["team_ids"]],
                "team_priority_level": level
                and {name: [str(id_) for id_ in ids] for name, ids in level.items()},
                "avatar_url": row["avatar"],
            }
        )
    for team in sandbox.workspace.teams:
        primary, secondary = team.primary, team.secondary
        teams.append(
            {
                "id": str(team.id),
                "name": team.name,
                "admin_ids": [str(id_) for id_ in team.members],
                "admin_priority_level": primary
                and {
                    "primary_admin_ids": [str(id_) for id_ in primary],
                    "secondary_admin_ids": [str(id_) for id_ in secondary or []],
                },
                "assignment_limit": team.assignment_limit,
                "distribution_method": "load_balanced" if primary else "manual",
            }
        )
        for id_ in team.members:
            level = "primary" if id_ in (primary or []) else None
            level = "secondary" if id_ in (secondary or []) else level
            memberships.append(
                {"team_id": str(team.id), "admin_id": str(id_), "priority_level": level}
            )
    return {"admins": admins, "teams": teams, "team_memberships": memberships}


def in_order(stream: str, rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: [row[key] for key in KEYS[stream]])


def check_rows(sandbox: Sandbox, read: Callable[[str], Rows]) -> None:
    for stream, rows in expected(sandbox).items():
        assert in_order(stream, read(stream)) == in_order(stream, rows), stream


def written(path: Path, /, **config: object) -> Path:
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def test_jsonl_takes_it_and_appends(sandbox: Sandbox, tmp_path: Path) -> None:
    config = written(tmp_path / "c.json", destination_path=str(tmp_path), do_timestamp_file=False)

    def read(stream: str) -> Rows:
        lines = (tmp_path / f"{stream}.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    assert load(sandbox, "target-jsonl", config) == (0, 0)
    check_rows(sandbox, read)
    assert load(sandbox, "target-jsonl", config, **ACTIVATE) == (0, 0)
    assert len(read("admins")) == 2 * 13


def test_csv_takes_it_and_replaces(sandbox: Sandbox, tmp_path: Path) -> None:
    config = written(tmp_path / "c.json", output_path=str(tmp_path))

    def read(stream: str) -> Rows:
        with (tmp_path / f"{stream}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return [{name: parsed(name, text) for name, text in row.items()} for row in rows]

    def parsed(name: str, text: str) -> object:
        python = name == "assignment_limit" or text[:1] in "[{" or text in ("True", "False")
        return ast.literal_eval(text or "None") if python else (text or None)

    for _ in range(2):
        assert load(sandbox, "target-csv", config) == (0, 0)
        check_rows(sandbox, read)


def duck(path: Path, stream: str) -> Rows:
    with duckdb.connect(str(path), read_only=True) as connection:
        relation = connection.sql(f'select * from intercom."{stream}"')
        rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
        json_columns = {
            name
            for name, type_ in zip(relation.columns, relation.types, strict=True)
            if str(type_) == "JSON"
        }
    return [
        {
            name: json.loads(value) if name in json_columns and value is not None else value
            for name, value in row.items()
            if not name.startswith("_sdc")
        }
        for row in rows
    ]


def duck_config(tmp_path: Path) -> Path:
    return written(
        tmp_path / "c.json", path=str(tmp_path / "i.duckdb"), default_target_schema="intercom"
    )


def test_duckdb_takes_it_and_updates(sandbox: Sandbox, tmp_path: Path) -> None:
    for _ in range(2):
        assert load(sandbox, "target-duckdb", duck_config(tmp_path)) == (0, 0)
        check_rows(sandbox, lambda stream: duck(tmp_path / "i.duckdb", stream))


def test_duckdb_takes_objects_as_columns(sandbox: Sandbox, tmp_path: Path) -> None:
    assert load(sandbox, "target-duckdb", duck_config(tmp_path), **FLAT) == (0, 0)

    admins = {row["id"]: row for row in duck(tmp_path / "i.duckdb", "admins")}
    assert admins["1001"]["role__name"] == "Workspace admin"
    assert admins["1007"]["role__name"] is None


def test_duckdb_keeps_leavers_as_the_readme_says(sandbox: Sandbox, tmp_path: Path) -> None:
    assert load(sandbox, "target-duckdb", duck_config(tmp_path), **ACTIVATE) == (0, 0)
    sandbox.workspace.leave(1010)
    assert load(sandbox, "target-duckdb", duck_config(tmp_path), **ACTIVATE) == (0, 0)
    assert "1010" in {row["id"] for row in duck(tmp_path / "i.duckdb", "admins")}

    (tmp_path / "i.duckdb").unlink()
    assert load(sandbox, "target-duckdb", duck_config(tmp_path)) == (0, 0)
    check_rows(sandbox, lambda stream: duck(tmp_path / "i.duckdb", stream))


def test_parquet_is_made_by_duckdb(sandbox: Sandbox, tmp_path: Path) -> None:
    assert load(sandbox, "target-duckdb", duck_config(tmp_path)) == (0, 0)
    with duckdb.connect(str(tmp_path / "i.duckdb")) as connection:
        connection.execute(f"copy intercom.admins to '{tmp_path}/admins.parquet'")

        rows = connection.execute(
            f"from '{tmp_path}/admins.parquet' select id, name, role->>'name'"
        ).fetchall()
    assert sorted(rows) == [
        (row["id"], row["name"], row["role"] and row["role"]["name"])
        for row in expected(sandbox)["admins"]
    ]


def test_postgres_takes_it_and_updates(sandbox: Sandbox, postgres: Postgres) -> None:
    def read(stream: str) -> Rows:
        return [
            {name: value for name, value in row.items() if not name.startswith("_sdc")}
            for row in postgres.query(f"select * from {stream}")
        ]

    for _ in range(2):
        assert load(sandbox, "target-postgres", postgres.config()) == (0, 0)
        check_rows(sandbox, read)
    sandbox.workspace.admins[0].name = "Aoife O'Brien"
    assert load(sandbox, "target-postgres", postgres.config()) == (0, 0)
    check_rows(sandbox, read)


def test_postgres_takes_objects_as_columns(sandbox: Sandbox, postgres: Postgres) -> None:
    assert load(sandbox, "target-postgres", postgres.config(), **FLAT) == (0, 0)

    rows = postgres.query("select id, role__name from admins order by id")
    assert rows[0] == {"id": "1001", "role__name": "Workspace admin"}
    assert rows[6] == {"id": "1007", "role__name": None}


def test_changes_of_every_kind_arrive_in_postgres(sandbox: Sandbox, postgres: Postgres) -> None:
    def here(stream: str) -> Rows:
        sql = f"select * from {stream} where _sdc_deleted_at is null"
        return [
            {name: value for name, value in row.items() if not name.startswith("_sdc")}
            for row in postgres.query(sql)
        ]

    assert load(sandbox, "target-postgres", postgres.config(), **ACTIVATE) == (0, 0)
    advance_quarter(sandbox.workspace)
    assert load(sandbox, "target-postgres", postgres.config(), **ACTIVATE) == (0, 0)

    check_rows(sandbox, here)
    gone = postgres.query("select id from admins where _sdc_deleted_at is not null")
    assert [row["id"] for row in gone] == ["1010"]


def test_the_singer_projects_validator_agrees(sandbox: Sandbox, tmp_path: Path) -> None:
    output = sync(sandbox, **ACTIVATE).stdout
    lines = [line for line in output.splitlines() if "ACTIVATE_VERSION" not in line]
    validator = installed("singer-check-tap")

    done = subprocess.run(
        [str(Path(validator).parent / "python"), validator],  # its first line takes no blanks
        capture_output=True,
        check=False,
        cwd=tmp_path,
        encoding="utf-8",
        input="\n".join(lines),
    )

    assert done.returncode == 0, done.stderr
    assert "The output is valid" in done.stdout + done.stderr
    assert "30 record messages" in done.stdout + done.stderr


def test_a_failed_page_is_no_success_for_any_target(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.fail("/teams", faults.refuse(403, "forbidden"))

    assert load(sandbox, "target-duckdb", duck_config(tmp_path))[0] == 1
