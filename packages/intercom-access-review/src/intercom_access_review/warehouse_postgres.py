"""PostgreSQL as the warehouse: the database that PGHOST, PGPORT, PGUSER, and so on name."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from intercom_access_review.warehouse import table_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from intercom_access_review.project import Row
    from intercom_access_review.records import Prepared

SCHEMA, LOADED = "access_review", "intercom"


class Postgres:
    """The database that libpq's variables name."""

    profile: Row = {  # noqa: RUF012
        "type": "postgres",
        "host": "{{ env_var('PGHOST', '') }}",
        "port": "{{ env_var('PGPORT', '5432') | as_number }}",
        "user": "{{ env_var('PGUSER', '') }}",
        "password": "{{ env_var('PGPASSWORD', '') }}",
        "dbname": "{{ env_var('PGDATABASE', '') }}",
        "schema": SCHEMA,
        "threads": 1,
    }

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection[Row]]:
        """Connect to the database, in one transaction.

        The schema is set in the transaction, because connection poolers reject startup options.

        Raises:
            click.ClickException: It cannot be reached, or refuses a statement.
        """
        try:
            with psycopg.connect(row_factory=dict_row) as connection:
                connection.execute(f"set local search_path to {SCHEMA}")
                yield connection
        except psycopg.Error as error:
            detail = " ".join(str(error).split())
            raise click.ClickException(
                f"PostgreSQL: {detail}. Check PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, and "
                "the permissions of the user."
            ) from error

    def check(self) -> None:
        """Raise an error if it cannot be written to."""
        with self.connected() as connection:
            for schema in (SCHEMA, LOADED):
                connection.execute(f"create schema if not exists {schema}")
                connection.execute(f"create table {schema}.write_test (id integer)")
                connection.execute(f"drop table {schema}.write_test")

    def query(self, sql: str, parameters: Iterable[object] = ()) -> list[Row]:
        """Return the rows of a query."""
        with self.connected() as connection:
            done = connection.execute(sql.replace("?", "%s").encode(), list(parameters))
            return done.fetchall() if done.description else []

    def write(self, tables: Mapping[str, Iterable[Row]]) -> None:
        """Replace tables: all of them, or none."""
        with self.connected() as connection, connection.cursor() as cursor:
            for table, rows in tables.items():
                columns = table_columns()[table]
                cursor.execute(f"drop table if exists {table} cascade")
                types = ", ".join(f"{name} {kind}" for name, kind in columns.items())
                cursor.execute(f"create table {table} ({types})".encode())
                with cursor.copy(
                    f"copy {table} ({', '.join(columns)}) from stdin".encode()
                ) as copy:
                    for row in rows:
                        copy.write_row([row.get(name) for name in columns])

    def loaded(self, stream: str, columns: list[str]) -> Iterator[Row]:
        """Return the rows of a list as the last sync loaded them."""
        yield from self._rows(stream, columns, sql.SQL("_sdc_deleted_at is null"))

    def loaded_events(self, prepared: Prepared, columns: list[str]) -> Iterator[tuple[Row, bool]]:
        """Return log entries, each with whether this sync loaded it.

        The target stores times without a zone, in the zone of its session, which is also ours.
        """
        is_new = sql.SQL("cast(_sdc_received_at as timestamptz) >= {}").format(prepared.began_at)
        more = [
            sql.SQL("cast(created_at as timestamptz) as created_at"),
            is_new + sql.SQL(" as is_new"),
        ]
        names = [name for name in columns if name != "created_at"]
        for row in self._rows("activity_logs", names, sql.SQL("true"), more):
            yield row, row.pop("is_new")

    def holds_events(self) -> bool:
        """Return whether log entries were loaded that no build has seen."""
        return any(True for _ in self._rows("activity_logs", ["id"], sql.SQL("true limit 1")))

    def _rows(
        self,
        stream: str,
        columns: list[str],
        where: sql.Composable,
        more: Iterable[sql.Composable] = (),
    ) -> Iterator[Row]:
        table = sql.Identifier(LOADED, stream)
        listed = sql.SQL(", ").join([*map(sql.Identifier, columns), *more])
        text = sql.SQL("select {} from {} where {}").format(listed, table, where)
        with self.connected() as connection:
            if connection.execute(
                "select to_regclass(%s) as found", [f"{LOADED}.{stream}"]
            ).fetchone() == {"found": None}:
                return  # the target creates no table for a stream without rows
            with connection.cursor("rows") as cursor:
                cursor.execute(text)
                yield from cursor
