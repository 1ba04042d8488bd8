"""Create projects with `init`, and run the steps of a review in them."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import psycopg
from filelock import FileLock
from psycopg.rows import dict_row

from tap_intercom_access.sandbox.server import Sandbox
from tests.tap import BIN, TAP, environment
from tests.targets import HOME, SCRIPTS, installed, variables_of

PACKAGE = Path(__file__).parents[1]
NOW = int(time.time())


def day(days_ago: int) -> date:
    return (datetime.fromtimestamp(NOW, timezone.utc) - timedelta(days=days_ago)).date()


def clock(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S}"


@cache
def environment_of_package() -> Path:
    """Install the package on first use, in an environment of its own, as Meltano does."""
    home = HOME / "intercom-access-review"
    HOME.mkdir(exist_ok=True)
    with FileLock(f"{home}.lock"):
        done = home / "installed"
        content = (PACKAGE / "pyproject.toml").read_text(encoding="utf-8")
        if not done.exists() or done.read_text(encoding="utf-8") != content:
            uv = [str(BIN / "uv"), "--quiet"]
            subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, home], check=True)
            pip = [*uv, "pip", "install", "--python", str(home)]
            subprocess.run([*pip, "-e", f"{PACKAGE}[duckdb,postgres]"], check=True)
            done.write_text(content, encoding="utf-8")
    return home / SCRIPTS


def own_database(server: str, name: str) -> str:
    """Create a database that no other test uses, and return its address."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        connection.execute(f"alter database {name} set timezone to 'America/Los_Angeles'".encode())
    return urlsplit(server)._replace(path=f"/{name}").geturl()


@dataclass
class Project:
    """A project. Its steps run without Meltano."""

    folder: Path
    postgres: str | None = None
    """The URL of a PostgreSQL database; empty: DuckDB."""
    variables: dict[str, str] = field(default_factory=dict)

    def init(self) -> Project:
        warehouse = "postgres" if self.postgres else "duckdb"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.run("init", ".", "--warehouse", warehouse)
        return self

    def environment(self, **more: str) -> dict[str, str]:
        variables = variables_of(self.postgres) | {"PGTZ": "UTC"} if self.postgres else {}
        return environment(**({"PYTHONUTF8": "1"} | variables | self.variables | more))

    def finished(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command, and return its result with any exit code."""
        return subprocess.run(
            [environment_of_package() / "intercom-access-review", *arguments],
            capture_output=True,
            check=False,
            cwd=self.folder,
            encoding="utf-8",
            env=self.environment(**more),
        )

    def run(self, *arguments: str, **more: str) -> str:
        """Run a command that succeeds, and return its output."""
        done = self.finished(*arguments, **more)
        assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
        return done.stdout + done.stderr

    def error(self, *arguments: str, **more: str) -> str:
        """Run a command that fails, and return its error."""
        done = self.finished(*arguments, **more)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    def load(self, sandbox: Sandbox, **more: str) -> None:
        """Run the tap and the loader."""
        settings = {
            "EVIDENCE_PATH": "output/intercom",
            "ACTIVITY_TYPES": "[]",
            "START_DATE": str(day(300)),
            "LOGLEVEL": "WARNING",
            "EMIT_ACTIVATE_VERSION_MESSAGES": str(self.postgres is not None).lower(),
        }
        variables = {f"TAP_INTERCOM_ACCESS_{name}": value for name, value in settings.items()}
        variables = self.environment(**(variables | sandbox.settings | more))
        target = "target-postgres" if self.postgres else "target-jsonl"
        config = self.folder / "target.json"
        config.write_text(json.dumps(self._target_config()), encoding="utf-8")
        catalog = self.folder / "catalog.json"
        catalog.write_text(catalog_of_all(), encoding="utf-8")
        command = [TAP, "--config=ENV", f"--catalog={catalog}"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, env=variables, cwd=self.folder
        ) as tap:
            subprocess.run(
                [installed(target), "--config", str(config)],
                check=True,
                cwd=self.folder,
                env=variables,
                stdin=tap.stdout,
                stdout=subprocess.DEVNULL,
            )
        assert tap.returncode == 0

    def _target_config(self) -> dict[str, Any]:
        if self.postgres is None:
            return {"destination_path": "output/load", "do_timestamp_file": False}
        return {
            "sqlalchemy_url": "postgresql+psycopg://",
            "default_target_schema": "intercom",
            "sanitize_null_text_characters": True,
        }

    def sync(self, sandbox: Sandbox, command: str, **more: str) -> str:
        """Run the tap, the loader, and a command."""
        self.run("prepare", **more)
        self.load(sandbox)
        return self.run(command, **more)

    def query(self, sql: str) -> list[dict[str, Any]]:
        if self.postgres:
            with psycopg.connect(self.postgres, row_factory=dict_row) as connection:
                connection.execute("set search_path to access_review")
                return connection.execute(sql.encode()).fetchall()
        path = str(self.folder / "output" / "review.duckdb")
        with duckdb.connect(path, read_only=True) as connection:
            result = connection.execute(sql)
            names = [column[0] for column in result.description or []]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def review(self, name: str) -> dict[str, Any]:
        path = self.folder / "reviews" / name / "review.json"
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return record


@cache
def catalog_of_all() -> str:
    """Return a catalog in which every stream of a review is selected."""
    done = subprocess.run([TAP, "--discover"], capture_output=True, check=True, encoding="utf-8")
    catalog = json.loads(done.stdout)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if stream["tap_stream_id"] != "away_status_reasons":
                entry["metadata"]["selected"] = True
    return json.dumps(catalog)


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: list[dict[str, str]], delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=delimiter, lineterminator=os.linesep)
        writer.writeheader()
        writer.writerows(rows)


def make_writable(folder: Path) -> None:
    """Make the read-only files of a step writable."""
    for path in folder.rglob("*"):
        path.chmod(path.stat().st_mode | 0o600)
