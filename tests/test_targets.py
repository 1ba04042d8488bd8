"""Real targets take what the tap writes, and give it back unchanged."""

import ast
import csv
import json
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tap_intercom_access.sandbox.server import Sandbox
from tests.tap import ACTIVATE, sync, write
from tests.targets import DuckDB, Postgres, Rows, check_rows, installed, load

pytestmark = pytest.mark.targets

FLAT: dict[str, Any] = {"flattening_enabled": True, "flattening_max_depth": 2}


def test_jsonl_takes_it_and_appends(sandbox: Sandbox, tmp_path: Path) -> None:
    where = {"destination_path": str(tmp_path), "do_timestamp_file": False}
    config = write(tmp_path / "c.json", where)

    def read(stream: str) -> Rows:
        lines = (tmp_path / f"{stream}.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    assert load(sandbox, "target-jsonl", config) == (0, 0)
    check_rows(sandbox, read)
    assert load(sandbox, "target-jsonl", config, **ACTIVATE) == (0, 0)
    assert len(read("admins")) == 2 * 13


def test_csv_takes_it_and_replaces(sandbox: Sandbox, tmp_path: Path) -> None:
    config = write(tmp_path / "c.json", {"output_path": str(tmp_path)})

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


def test_duckdb_takes_it_and_updates(sandbox: Sandbox, duck: DuckDB) -> None:
    for _ in range(2):
        assert load(sandbox, "target-duckdb", duck.config) == (0, 0)
        check_rows(sandbox, duck.read)


def test_duckdb_keeps_leavers_as_the_readme_says(sandbox: Sandbox, duck: DuckDB) -> None:
    assert load(sandbox, "target-duckdb", duck.config, **ACTIVATE) == (0, 0)
    sandbox.workspace.leave(1010)
    assert load(sandbox, "target-duckdb", duck.config, **ACTIVATE) == (0, 0)
    assert "1010" in {row["id"] for row in duck.read("admins")}

    duck.path.unlink()
    assert load(sandbox, "target-duckdb", duck.config) == (0, 0)
    check_rows(sandbox, duck.read)


def test_parquet_is_made_by_duckdb(sandbox: Sandbox, duck: DuckDB, tmp_path: Path) -> None:
    assert load(sandbox, "target-duckdb", duck.config) == (0, 0)
    file = f"'{tmp_path}/admins.parquet'"
    with duckdb.connect(str(duck.path)) as connection:
        connection.execute(f"copy intercom.admins to {file}")
        rows = connection.execute(f"from {file} select id, name, role->>'name'").fetchall()

    assert len(rows) == 13
    assert ("1003", "陈伟", "Support agent") in rows
    assert [role for id_, _, role in rows if id_ == "1007"] == [None]


def test_postgres_takes_it_and_updates(sandbox: Sandbox, postgres: Postgres) -> None:
    def read(stream: str) -> Rows:
        return postgres.query(f"select * from {stream}")

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
