"""Real targets, installed as users install them: each in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from filelock import FileLock
from psycopg import conninfo
from psycopg.rows import dict_row

from tests.tap import BIN, ROOT, TAP, as_variables, environment, files_of

if TYPE_CHECKING:
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Sandbox
    from tests.tap import Content

HOME = ROOT / ".targets"
SCRIPTS = BIN.name  # bin, or Scripts on Windows
PACKAGES = {
    "meltano-map-transform": "meltano-map-transform==0.12.3",
    "moto_server": "moto[server]==5.2.5",
    "pipelinewise/target-postgres": "pipelinewise-target-postgres==2.1.2",
    "plinxore/target-s3": "plinxore-target-s3==0.1.7",
    "singer-check-tap": "singer-tools==0.4.1",
    "target-csv": "meltanolabs-target-csv==0.5.0",
    # With DuckDB 1.1 or newer, 0.8.0 takes the first row of a batch for a header and drops it.
    "target-duckdb": "target-duckdb==0.8.0 duckdb==1.0.0",
    "target-jsonl": "target-jsonl==0.1.4",
    "target-postgres": "meltanolabs-target-postgres==0.8.1",
}


def installed(target: str) -> str:
    """Install a target on first use, and give its command's path.

    Two targets of one name have their variants before it.
    """
    home = HOME / PACKAGES[target].replace(" ", "-")
    HOME.mkdir(exist_ok=True)
    with FileLock(f"{home}.lock"):
        done = home / "installed"
        if not done.exists():
            uv = [str(BIN / "uv"), "--quiet"]  # as Meltano installs: it needs seconds, pip a minute
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
    **settings: Any,  # noqa: ANN401 (as users set them)
) -> tuple[int, int]:
    """Pipe the tap into a target, as a shell does.

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
    """The variables with which PostgreSQL's own tools, and all that use libpq, find a server."""
    known = conninfo.conninfo_to_dict(uri)
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
    return {variable: str(known[name]) for variable, name in names.items() if name in known}


@dataclass
class Postgres:
    """A schema of its own in a real PostgreSQL server."""

    uri: str
    schema: str
    folder: Path

    def config(self, **more: object) -> Path:
        """Write the configuration of target-postgres."""
        path = self.folder / "target-postgres.json"
        url = self.uri.replace("postgresql://", "postgresql+psycopg://")
        config = {"sqlalchemy_url": url, "default_target_schema": self.schema} | more
        path.write_text(json.dumps(config), encoding="utf-8")
        return path

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Read rows back."""
        with psycopg.connect(self.uri, row_factory=dict_row) as connection:
            connection.execute(f"set search_path to {self.schema}")
            return connection.execute(sql.encode()).fetchall()
