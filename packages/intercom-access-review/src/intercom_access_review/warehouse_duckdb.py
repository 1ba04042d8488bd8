"""DuckDB as the warehouse: the history is in output/review.duckdb, the rows of a sync in files."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
import duckdb

from intercom_access_review.files import make_folder, write_text
from intercom_access_review.project import LOADED, OUTPUT, Row
from intercom_access_review.warehouse import table_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from intercom_access_review.records import Prepared

DATABASE = OUTPUT / "review.duckdb"
LOGS = LOADED / "activity_logs.jsonl"


class DuckDB:
    """The database in a file of the project."""

    profile: Row = {"type": "duckdb", "path": str(DATABASE), "threads": 1}  # noqa: RUF012

    @contextmanager
    def connected(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Connect to the database.

        Raises:
            click.ClickException: It cannot be opened, for example because another process has it.
        """
        try:
            connection = duckdb.connect(str(DATABASE), read_only=read_only)
        except duckdb.Error as error:
            detail = str(error).partition("See also")[0].strip().rstrip(".")
            raise click.ClickException(
                f"Cannot open {DATABASE}: {detail}. Close the program that uses it, or check the "
                "permissions of the file."
            ) from error
        try:
            yield connection
        finally:
            connection.close()

    def check(self) -> None:
        """Raise an error if it cannot be written to."""
        make_folder(OUTPUT)
        with self.connected() as connection:
            connection.execute("create or replace temp table write_test (id integer)")

    def query(self, sql: str, parameters: Iterable[object] = ()) -> list[Row]:
        """Return the rows of a query."""
        if not DATABASE.exists():
            raise click.ClickException(
                f"{DATABASE} is missing. Run 'meltano run access-sync' first."
            )
        with self.connected(read_only=sql.lstrip().startswith("select")) as connection:
            result = connection.execute(sql, list(parameters))
            names = [column[0] for column in result.description or []]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def write(self, tables: Mapping[str, Iterable[Row]]) -> None:
        """Replace tables: all of them, or none."""
        file = OUTPUT / "rows.jsonl"
        with self.connected() as connection:
            connection.begin()
            for table, rows in tables.items():
                columns = table_columns()[table]
                write_text(file, "".join(f"{line(row, columns)}\n" for row in rows))
                types = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
                connection.execute(
                    f"create or replace table {table} as select * from read_json("  # noqa: S608
                    f"'{file}', format = 'newline_delimited', columns = {{{types}}})"
                )
            connection.commit()
        file.unlink(missing_ok=True)

    def loaded(self, stream: str, columns: list[str]) -> Iterator[Row]:
        """Return the rows of a list as the last sync loaded them."""
        path = LOADED / f"{stream}.jsonl"
        if path.exists():
            with path.open("rb") as file:
                for text in file:
                    row = json.loads(text)
                    yield {name: row.get(name) for name in columns}

    def loaded_events(self, prepared: Prepared, columns: list[str]) -> Iterator[tuple[Row, bool]]:
        """Return log entries, each with whether this sync loaded it."""
        if LOGS.exists():
            with LOGS.open("rb") as file:
                end = 0
                for text in file:
                    row = json.loads(text)
                    yield {name: row.get(name) for name in columns}, end >= prepared.log_bytes
                    end += len(text)

    def holds_events(self) -> bool:
        """Return whether log entries were loaded that no build has seen."""
        return LOGS.exists() and LOGS.stat().st_size > 0


def line(row: Row, columns: dict[str, str]) -> str:
    """Return a row as a line of JSON."""
    return json.dumps({name: row.get(name) for name in columns}, default=str)
