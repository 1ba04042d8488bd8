"""Fixtures: projects that were reviewed, a PostgreSQL server, and a browser."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

import world
from browser import launched
from projects import Project, own_database
from tests.targets import running_postgres


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    yield from launched()


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """The URL of a PostgreSQL database whose time zone isn't UTC."""
    with running_postgres() as server:
        yield own_database(server, f"worker_{uuid.uuid4().hex}")


@pytest.fixture
def in_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to an empty folder, because every step runs in the folder of its project."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project without reviews."""
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
