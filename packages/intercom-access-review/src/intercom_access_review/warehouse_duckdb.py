"""DuckDB as the warehouse: the history is in output/review.duckdb, loaded rows are in files."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import click
import duckdb

from intercom_access_review.files import make_folder
from intercom_access_review.project import LOADED, OUTPUT, Row
from intercom_access_review.warehouse import table_columns

DATABASE = OUTPUT / "review.duckdb"


class DuckDB:
    """The database in a file of the project."""

    profile: Row = {"type": "duckdb", "path": str(DATABASE), "threads": 1}  # noqa: RUF012

    @contextmanager
    def connected(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Connect to the database.

        Raises:
            click.ClickException: It can't be opened, for example because another process uses it.
        """
        try:
            connection = duckdb.connect(str(DATABASE), read_only=read_only)
        except duckdb.Error as error:
            detail = str(error).partition("See also")[0].strip().rstrip(".")
            raise click.ClickException(
                f"Cannot open {DATABASE}: {detail}. Close the program that uses it, or check the "
                "permissions of the file."
            ) from error
        with connection:
            yield connection

    def check(self) -> None:
        """Raise an error if the database isn't writable."""
        make_folder(OUTPUT)
        with self.connected() as connection:
            connection.execute("create or replace temp table write_test (id integer)")

    def query(self, sql: str, parameters: Iterable[object] = ()) -> list[Row]:
        """Return the rows of a query. Parameters are written as `?`."""
        with self.connected(read_only=True) as connection:
            result = connection.execute(sql, list(parameters))
            names = [column[0] for column in result.description or []]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def write(self, tables: Mapping[str, Iterable[Row]]) -> None:
        """Replace tables in one transaction."""
        with self.connected() as connection:
            connection.begin()
            for table, rows in tables.items():
                columns = table_columns()[table]
                listed = [{name: row.get(name) for name in columns} for row in rows]
                types = json.dumps([columns])
                connection.execute(
                    f"create or replace table {table} as"
                    f" select unnest(from_json(?, '{types}'), recursive := true)",
                    [json.dumps(listed, default=str)],
                )
            connection.commit()

    def loaded(self, stream: str) -> Iterator[Row]:
        """Return the rows of a stream as the loader wrote them."""
        path = LOADED / f"{stream}.jsonl"
        if path.exists():
            with path.open("rb") as file:
                yield from map(json.loads, file)
