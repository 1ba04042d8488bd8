"""The warehouse of a project: DuckDB in a file, or PostgreSQL."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from intercom_access_review.project import Row
    from intercom_access_review.records import Prepared
    from intercom_access_review.settings import Settings

SOURCES = Path(__file__).parent / "dbt" / "models" / "sources.yml"
"""The tables that the package writes for dbt and for others, with the types of their columns."""


class Warehouse(Protocol):
    """What a review needs of a warehouse."""

    profile: Row
    """How dbt connects."""

    def check(self) -> None:
        """Raise an error if it cannot be written to."""

    def query(self, sql: str, parameters: Iterable[object] = ()) -> list[Row]:
        """Return the rows of a query. Parameters are written as `?`."""

    def write(self, tables: Mapping[str, Iterable[Row]]) -> None:
        """Replace tables: all of them, or none."""

    def loaded(self, stream: str, columns: list[str]) -> Iterator[Row]:
        """Return the rows of a list as the last sync loaded them."""

    def loaded_events(self, prepared: Prepared, columns: list[str]) -> Iterator[tuple[Row, bool]]:
        """Return log entries, each with whether this sync loaded it."""

    def holds_events(self) -> bool:
        """Return whether log entries were loaded that no build has seen."""


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
    """Return the times of all syncs in the warehouse, and up to when each knew the log entries."""
    if not has_table(warehouse, "syncs"):
        return {}
    return {row["as_of"]: row["logs_read_to"] for row in warehouse.query("select * from syncs")}


def rename_old_columns(warehouse: Warehouse) -> None:
    """Rename the columns of tables that versions before this package created."""
    old = known_syncs(warehouse) and warehouse.query(
        "select 1 from information_schema.columns where table_name = 'syncs'"
        " and table_schema in ('access_review', 'main') and column_name = 'is_pretended'"
    )
    if old:
        warehouse.query("alter table syncs rename column is_pretended to is_simulated")
