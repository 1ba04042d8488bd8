"""Reads the marts, from the warehouse of this environment."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from folders import BUILT, LOADED, OUTPUT, Review, Row, moment, read_json, timestamp
from safe import make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

DATABASE = OUTPUT / "review.duckdb"
IS_POSTGRES = os.environ.get("WAREHOUSE") == "postgres"


def prepare() -> None:
    """Make the database, so that no other program makes it readable by everybody."""
    make_folder(OUTPUT)
    if not IS_POSTGRES and not DATABASE.exists():
        import duckdb  # noqa: PLC0415

        duckdb.connect(str(DATABASE)).close()


def sync_of(read: Row) -> Row:
    """Give which workspace a sync read, through whose access; it ends here if it was not built."""
    if not BUILT.exists() or read_json(BUILT).get("as_of") != read["as_of"]:
        sys.exit(f"The sync of {read['as_of']} was not built: run 'meltano run access-sync' again")
    as_of = timestamp(str(read["as_of"]))
    (sync,) = query(f"select * from syncs where as_of = timestamp '{as_of}'")  # noqa: S608
    return sync


def known_syncs() -> dict[datetime, datetime | None]:
    """Give the times of all syncs that were built, and until when each knew the logs."""
    tables = query(
        "select 1 from information_schema.columns where table_schema in ('access_review', 'main')"
        " and table_name = 'syncs' and column_name = 'logs_read_to'"
    )
    rows = query("select as_of, logs_read_to from syncs") if tables else []
    return {row["as_of"]: row["logs_read_to"] for row in rows}


def pretended_times(known: list[Review]) -> list[datetime]:
    """Give the times of syncs and reviews that are pretended, as only the demo may do."""
    syncs = {row["as_of"] for row in query("select as_of from syncs where is_pretended")}
    of_reviews = {
        moment(review.evidence["as_of"])
        for review in known
        if review.evidence.get("as_of_is_pretended")
    }
    return sorted(syncs | of_reviews)


def loaded_keys(
    stream: str, names: list[str], since: str | None, skip: int
) -> Iterator[tuple[str, ...]]:
    """Give the keys of the rows of a stream as the target loaded them.

    Args:
        stream: The name of the stream.
        names: The names of its keys.
        since: From when on, in a database that keeps what earlier syncs loaded.
        skip: How many bytes of the file are of earlier syncs.
    """
    if IS_POSTGRES:
        yield from _keys_in_database(stream, names, since)
        return
    path = LOADED / f"{stream}.jsonl"
    if path.exists():
        with path.open("rb") as file:
            file.seek(skip)
            for line in file:
                row = json.loads(line)
                yield tuple(str(row.get(name)) for name in names)


def _keys_in_database(
    stream: str, names: list[str], since: str | None
) -> Iterator[tuple[str, ...]]:
    import psycopg  # noqa: PLC0415 (only where it is the warehouse)
    from psycopg import sql  # noqa: PLC0415

    there = sql.SQL("_sdc_received_at >= %s" if since else "_sdc_deleted_at is null")
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    table = sql.Identifier("intercom", stream)
    text = sql.SQL("select {} from {} where {}").format(columns, table, there)
    with psycopg.connect(options="-c timezone=UTC") as postgres, postgres.cursor("keys") as cursor:
        try:
            cursor.execute(text, [since] if since else [])
        except psycopg.errors.UndefinedTable:
            return
        except psycopg.errors.UndefinedColumn as error:
            message = error.diag.message_primary
            sys.exit(f"What was loaded of {stream} cannot be compared: {message}")
        for row in cursor:
            yield tuple(str(value) for value in row)


def query(sql: str) -> list[Row]:
    """Give the rows of a query."""
    if IS_POSTGRES:
        import psycopg  # noqa: PLC0415 (only where it is the warehouse)
        from psycopg.rows import dict_row  # noqa: PLC0415

        # The database is that of PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE.
        with psycopg.connect(
            options="-c search_path=access_review", row_factory=dict_row
        ) as postgres:
            return postgres.execute(sql.encode()).fetchall()
    import duckdb  # noqa: PLC0415

    if not DATABASE.exists():
        sys.exit(f"{DATABASE} is not there: run 'meltano run access-sync' first")
    with duckdb.connect(str(DATABASE), read_only=True) as connection:
        result = connection.execute(sql)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
