"""Choose the warehouse of a project (DuckDB or PostgreSQL), and build its tables with dbt.

dbt writes only to the warehouse and to output/dbt.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click
import yaml

from intercom_access_review.files import make_folder, write_text
from intercom_access_review.project import OUTPUT

if TYPE_CHECKING:
    from datetime import datetime

    from intercom_access_review.settings import Settings
    from intercom_access_review.warehouse_duckdb import DuckDB
    from intercom_access_review.warehouse_postgres import Postgres

Warehouse: TypeAlias = "DuckDB | Postgres"

PROJECT = Path(__file__).parent / "dbt"
FOLDER = OUTPUT / "dbt"
RUN_DBT = "from dbt.cli.main import cli; cli()"
SOURCES = PROJECT / "models" / "sources.yml"
"""The tables that the package writes for dbt and for others, with the types of their columns."""


def open_warehouse(settings: Settings) -> Warehouse:
    """Return the warehouse of a project, without connecting to it."""
    if settings.warehouse == "postgres":
        from intercom_access_review.warehouse_postgres import Postgres  # noqa: PLC0415

        return Postgres()
    from intercom_access_review.warehouse_duckdb import DuckDB  # noqa: PLC0415

    return DuckDB()


@cache
def table_columns() -> dict[str, dict[str, str]]:
    """Return the tables that the package writes, with the types of their columns."""
    (source,) = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"]
    return {
        table["name"]: {column["name"]: column["data_type"] for column in table["columns"]}
        for table in source["tables"]
    }


def has_table(warehouse: Warehouse, name: str) -> bool:
    """Return whether a table exists."""
    return bool(
        warehouse.query(
            "select 1 from information_schema.tables"
            " where table_schema in ('access_review', 'main') and table_name = ?",
            [name],
        )
    )


def known_syncs(warehouse: Warehouse) -> dict[datetime, datetime | None]:
    """Return the time of each sync in the warehouse, and the time until which it read the logs."""
    if not has_table(warehouse, "syncs"):
        return {}
    return {row["as_of"]: row["logs_read_to"] for row in warehouse.query("select * from syncs")}


def build(warehouse: Warehouse) -> None:
    """Build and test all models.

    Raises:
        click.ClickException: dbt fails.
    """
    make_folder(FOLDER)
    profile = {"target": "review", "outputs": {"review": warehouse.profile}}
    write_text(FOLDER / "profiles.yml", json.dumps({"access_review": profile}))
    # The variables of another dbt project would change where dbt writes, and what it builds.
    environment = {name: text for name, text in os.environ.items() if not name.startswith("DBT_")}
    arguments = [
        *("--quiet", "--no-use-colors", "--log-path", str(FOLDER), "--log-level-file", "none"),
        *("build", "--project-dir", str(PROJECT), "--profiles-dir", str(FOLDER)),
        *("--target", "review", "--target-path", str(FOLDER.absolute())),
    ]
    done = subprocess.run([sys.executable, "-c", RUN_DBT, *arguments], check=False, env=environment)  # noqa: S603
    if done.returncode:
        raise click.ClickException("dbt failed. See its messages above.")
