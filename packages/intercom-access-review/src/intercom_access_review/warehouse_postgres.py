"""PostgreSQL as the warehouse: the database in PGHOST, PGPORT, PGUSER, and so on."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import click
import psycopg
from psycopg.rows import dict_row

from intercom_access_review.evidence import LOGS
from intercom_access_review.project import Row
from intercom_access_review.warehouse import table_columns

SCHEMA, LOADED = "access_review", "intercom"


class Postgres:
    """The database in libpq's environment variables."""

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
            click.ClickException: The database can't be reached, or rejects a statement.
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
        """Raise an error if the database isn't writable."""
        with self.connected() as connection:
            for schema in (SCHEMA, LOADED):
                connection.execute(f"create schema if not exists {schema}")
                connection.execute(f"create table {schema}.write_test (id integer)")
                connection.execute(f"drop table {schema}.write_test")

    def query(self, sql: str, parameters: Iterable[object] = ()) -> list[Row]:
        """Return the rows of a query. Parameters are written as `?`."""
        with self.connected() as connection:
            return connection.execute(sql.replace("?", "%s").encode(), list(parameters)).fetchall()

    def write(self, tables: Mapping[str, Iterable[Row]]) -> None:
        """Replace tables in one transaction."""
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

    def loaded(self, stream: str) -> Iterator[Row]:
        """Return the rows of a stream as the loader wrote them.

        The loader stores times without a time zone. Its session and ours have the same one.
        """
        time = ", cast(created_at as timestamptz) as created_at" if stream == LOGS else ""
        table = f"{LOADED}.{stream}"
        with self.connected() as connection:
            found = connection.execute("select to_regclass(%s) as found", [table]).fetchone()
            if found == {"found": None}:
                return  # the loader creates no table for a stream without rows
            with connection.cursor("rows") as cursor:
                text = f"select *{time} from {table} where _sdc_deleted_at is null"  # noqa: S608
                cursor.execute(text.encode())
                yield from cursor
