"""Reads the marts, from the warehouse of this environment."""

from __future__ import annotations

import os

from folders import OUTPUT, Row


def last_sync() -> Row:
    """Give which workspace the last complete sync read, through whose access, and how much."""
    (sync,) = query("select * from syncs order by as_of desc limit 1")
    return sync


def query(sql: str) -> list[Row]:
    """Give the rows of a query."""
    if os.environ.get("WAREHOUSE") == "postgres":
        import psycopg  # noqa: PLC0415 (only where it is the warehouse)
        from psycopg.rows import dict_row  # noqa: PLC0415

        # The database is that of PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE.
        with psycopg.connect(
            options="-c search_path=access_review", row_factory=dict_row
        ) as postgres:
            return postgres.execute(sql.encode()).fetchall()
    import duckdb  # noqa: PLC0415

    with duckdb.connect(str(OUTPUT / "review.duckdb"), read_only=True) as connection:
        result = connection.execute(sql)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
