"""Fixtures: projects that were reviewed, a PostgreSQL server, and a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

import world
from browser import launched
from projects import Project
from tests.targets import running_postgres

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
    with running_postgres() as uri:
        with psycopg.connect(uri, autocommit=True) as connection:
            name = connection.info.dbname
            connection.execute(f'alter database "{name}" set timezone to {TIME_ZONE!r}'.encode())
        yield uri


@pytest.fixture
def in_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder, as every step runs in the folder of the project."""
    monkeypatch.chdir(tmp_path)


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
