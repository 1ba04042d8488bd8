"""Fixtures, and the number of workers."""

import shutil
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.server import Behaviour, Sandbox
from tests.tap import ROOT, Result, sync
from tests.targets import DuckDB, Postgres, running_postgres


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--histories", type=int, default=20, help="number of random histories")


def pytest_configure() -> None:
    """Restore default handling of signals. Shells ignore Ctrl-C for background jobs."""
    for number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return 5, because slow tests mostly wait; 2 without slow tests; 0 for named files or tests.

    Starting a worker takes longer than most files. `-n2` starts workers anyway.
    """
    if any(".py" in argument for argument in config.args):
        return 0
    return 2 if "not slow" in config.option.markexpr else 5


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take minutes, so that they don't run alone at the end."""
    longest = ("test_wheels.py", "test_story.py", "test_demo.py")
    items.sort(key=lambda item: item.path.name not in longest)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(demo()) as server:
        yield server


@pytest.fixture
def paged() -> Iterator[Sandbox]:
    """A sandbox with three pages of admins, and one page of teams."""
    with Sandbox(demo(), Behaviour(page_size=5)) as server:
        yield server


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The evidence of a sync of the demo in pages, and the sync."""
    folder = tmp_path_factory.mktemp("recorded") / "evidence"
    with Sandbox(demo(), Behaviour(page_size=5)) as server:
        run = sync(server, evidence_path=folder)
    assert run.code == 0, run.stderr
    return folder, run


@pytest.fixture
def copied(recorded: tuple[Path, Result], tmp_path: Path) -> Path:
    """A copy of the evidence to change."""
    return shutil.copytree(recorded[0], tmp_path / "copied")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server that runs until the tests end."""
    with running_postgres() as address:
        yield address


@pytest.fixture
def postgres(postgres_server: str, tmp_path: Path) -> Postgres:
    return Postgres(postgres_server, f"s{uuid.uuid4().hex}", tmp_path)


@pytest.fixture
def duck(tmp_path: Path) -> DuckDB:
    return DuckDB(tmp_path)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository's files, without the results of earlier runs."""
    path = tmp_path_factory.mktemp("clone") / "tap-intercom-access"
    ignored = shutil.ignore_patterns(".*", "output", "*.egg-info", "__pycache__", "tests")
    shutil.copytree(ROOT, path, ignore=ignored)
    return path
