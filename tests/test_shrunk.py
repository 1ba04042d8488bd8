"""A complete list that lost too much reports to no target who left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_intercom_access.sandbox.demo import generate_workspace
from tap_intercom_access.sandbox.server import Sandbox
from tests.meltano import meltano
from tests.tap import ACTIVATE, Result, catalog_of, run_tap, sync
from tests.targets import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.targets import Postgres

pytestmark = pytest.mark.slow

ACCEPT = {"TAP_INTERCOM_ACCESS_MAX_REMOVED_PERCENT": "100"}


@pytest.fixture
def company() -> Iterator[Sandbox]:
    """A workspace of 200 in two teams."""
    with Sandbox(generate_workspace(200, 2)) as server:
        yield server


def shrink(sandbox: Sandbox, to: int) -> None:
    for admin in sandbox.workspace.admins[to:]:
        sandbox.workspace.leave(admin.id)


def saved(run: Result, tmp_path: Path) -> Path:
    assert run.code == 0, run.stderr
    path = tmp_path / "state.json"
    path.write_text(json.dumps(run.of("STATE")[-1]["value"]), encoding="utf-8")
    return path


def bookmarks(run: Result) -> dict[str, Any]:
    marks: dict[str, Any] = run.of("STATE")[-1]["value"]["bookmarks"]
    return marks


def test_the_state_keeps_the_number_of_rows_of_each_full_list(company: Sandbox) -> None:
    marks = bookmarks(sync(company))

    assert {stream: mark["rows"] for stream, mark in marks.items()} == {
        "admins": 200,
        "team_memberships": 200,
        "teams": 2,
    }
    assert all(mark["rows_read_at"].endswith("+00:00") for mark in marks.values())


def test_a_row_that_is_listed_twice_counts_once(company: Sandbox) -> None:
    rows = company.workspace.admin_rows()
    company.respond("/admins", {"admins": [*rows, rows[0] | {"name": "Other"}]})
    teams = company.workspace.team_rows()
    company.respond("/teams", {"teams": [*teams, teams[0] | {"name": "Other"}]})

    marks = bookmarks(sync(company))

    assert [marks[stream]["rows"] for stream in sorted(marks)] == [200, 200, 2]


def test_a_list_that_lost_too_much_fails_and_keeps_the_old_number(
    company: Sandbox, tmp_path: Path
) -> None:
    state = saved(sync(company, **ACTIVATE), tmp_path)
    read_at = json.loads(state.read_text())["bookmarks"]["admins"]["rows_read_at"]
    shrink(company, 120)

    run = sync(company, state=state, **ACTIVATE)

    assert run.error.startswith(
        "admins: Intercom listed 120 rows, 80 fewer than in the last complete sync (200 rows, "
        f"{read_at}): more than max_removed_percent allows."
    )
    for words in ("permission", "plan", "another workspace", "PERCENT=100", "--full-refresh"):
        assert words in run.error
    assert run.of("ACTIVATE_VERSION") == []
    assert {mark["rows"] for mark in (bookmarks(run)["admins"], bookmarks(run)["teams"])} == {
        200,
        2,
    }


def test_it_can_be_accepted_for_one_run_or_from_the_beginning(
    company: Sandbox, tmp_path: Path
) -> None:
    state = saved(sync(company), tmp_path)
    shrink(company, 120)

    accepted = sync(company, state=state, **ACCEPT, **ACTIVATE)
    anew = sync(company, **ACTIVATE)

    for run in (accepted, anew):
        assert run.code == 0, run.stderr
        assert len(run.of("ACTIVATE_VERSION")) == 3
        assert bookmarks(run)["admins"]["rows"] == 120


@pytest.mark.parametrize(
    ("before", "now", "percent", "fails"),
    [
        (200, 160, "20", False),
        (200, 159, "20", True),
        (12, 2, "20", False),
        (12, 1, "20", True),
        (50, 40, "0", False),
        (50, 39, "0", True),
        (1000, 995, "0.1", False),
        (200, 0 + 1, "100", False),
        (12, 200, "0", False),
        (200, 150, "25", False),
        (200, 149, "24.9", True),
    ],
)
def test_the_share_and_a_few_rows_are_the_bounds(  # noqa: PLR0913, PLR0917 (a table)
    before: int,
    now: int,
    percent: str,
    fails: bool,  # noqa: FBT001
    company: Sandbox,
    tmp_path: Path,
) -> None:
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"bookmarks": {"admins": {"rows": before}}}))
    company.respond("/admins", {"admins": [{"id": str(number)} for number in range(now)]})
    catalog = catalog_of("admins")

    run = sync(
        company,
        catalog=catalog,
        state=state,
        max_removed_percent=percent,
    )

    assert run.code == int(fails), run.stderr
    assert ("time unknown" in run.stderr) == fails


def test_memberships_have_their_own_number(company: Sandbox, tmp_path: Path) -> None:
    state = saved(sync(company), tmp_path)
    for team in company.workspace.teams:
        del team.members[10:]

    run = sync(company, state=state, **ACTIVATE)

    assert run.error.startswith("team_memberships: Intercom listed 20 rows, 180 fewer")
    assert [message["stream"] for message in run.of("ACTIVATE_VERSION")] == ["admins"]


@pytest.mark.parametrize("rows", ["200", -1, 1.5, True, [200]])
def test_a_number_of_rows_that_is_none_is_refused(
    rows: object, company: Sandbox, tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"bookmarks": {"admins": {"rows": rows}}}))

    run = sync(company, state=state, **ACTIVATE)

    assert "which is no number of rows" in run.error
    assert run.of("ACTIVATE_VERSION") == []


@pytest.mark.parametrize("value", [-1, 100.5, "half", "nan", "inf", True, [20], "NaN"])
def test_a_share_that_is_none_is_refused(value: object, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"access_token": "x", "max_removed_percent": value}))

    error = run_tap("--config", path).error

    assert error.startswith("The configuration cannot be used: max_removed_percent: ")


def test_a_share_that_is_nan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"access_token": "x", "max_removed_percent": NaN}')
    assert "NaN is no value of JSON" in run_tap("--config", path).error

    path.write_text('{"access_token": "x", "max_removed_percent": "nan", "request_timeout": "inf"}')
    error = run_tap("--config", path).error
    assert "max_removed_percent: nan is not a number" in error
    assert "request_timeout: " in error


def test_the_test_mode_compares_nothing(company: Sandbox) -> None:
    assert sync(company, "--test").code == 0


@pytest.mark.targets
def test_nobody_is_marked_in_postgres_until_the_list_is_whole_again(
    company: Sandbox, postgres: Postgres, tmp_path: Path
) -> None:
    config = postgres.config()
    current = "select count(*) as n from admins where _sdc_deleted_at is null"
    assert load(company, "target-postgres", config, **ACTIVATE) == (0, 0)
    state = saved(sync(company), tmp_path)
    everybody = list(company.workspace.admins)
    company.workspace.admins = everybody[:120]

    assert load(company, "target-postgres", config, state=state, **ACTIVATE) == (1, 0)
    assert postgres.query(current) == [{"n": 200}]

    company.workspace.admins = everybody[:199]
    assert load(company, "target-postgres", config, state=state, **ACTIVATE) == (0, 0)
    assert postgres.query(current) == [{"n": 199}]


@pytest.mark.targets
@pytest.mark.xdist_group("meltano")
def test_meltanos_own_state_keeps_the_number(company: Sandbox, project: Path) -> None:
    def run(**variables: str) -> int:
        command = ("run", "--state-id-suffix=shrunk", "tap-intercom-access", "target-jsonl")
        variables |= {"TARGET_JSONL_DESTINATION_PATH": str(project)}
        return meltano(project, *command, **company.settings, **variables).returncode

    assert run() == 0
    shrink(company, 120)

    assert run() == 1
    assert run() == 1
    assert run(**ACCEPT) == 0
    assert run() == 0
