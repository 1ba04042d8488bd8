"""A list that lost too many rows never reports to a target who left."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tap_intercom_access.sandbox.demo import generate_workspace
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.streams.size import is_shrunk
from tests.meltano import meltano
from tests.tap import ACTIVATE, DEFAULT_STREAMS, catalog_of, sync

pytestmark = pytest.mark.slow

ACCEPT: dict[str, Any] = ACTIVATE | {"max_removed_percent": 100}


@pytest.fixture
def company() -> Iterator[Sandbox]:
    """A workspace of 200 in two teams."""
    with Sandbox(generate_workspace(200, 2)) as server:
        yield server


def rows_of(state: dict[str, Any]) -> dict[str, int]:
    return {stream: bookmark["rows"] for stream, bookmark in state["bookmarks"].items()}


def state_of(**rows: object) -> dict[str, Any]:
    return {"bookmarks": {stream: {"rows": number} for stream, number in rows.items()}}


def shrink(sandbox: Sandbox, to: int) -> None:
    for admin in sandbox.workspace.admins[to:]:
        sandbox.workspace.leave(admin.id)


@pytest.mark.parametrize(
    ("before", "now", "percent", "shrunk"),
    [
        (200, 160, 20, False),
        (200, 159, 20, True),
        (12, 2, 20, False),
        (12, 1, 20, True),
        (1, 0, 20, True),
        (50, 40, 0, False),
        (50, 39, 0, True),
        (1000, 995, 0.1, False),
    ],
)
def test_a_list_may_lose_a_few_rows(before: int, now: int, percent: float, *, shrunk: bool) -> None:
    assert is_shrunk(before, now, percent) == shrunk


def test_the_state_keeps_the_number_of_rows_of_each_full_list(company: Sandbox) -> None:
    state = sync(company).state

    assert rows_of(state) == {"admins": 200, "team_memberships": 200, "teams": 2}
    for bookmark in state["bookmarks"].values():
        assert bookmark["rows_read_at"].endswith("+00:00")


def test_a_row_that_is_listed_twice_counts_once(company: Sandbox) -> None:
    rows = company.workspace.admin_rows()
    company.respond("/admins", {"admins": [*rows, rows[0] | {"name": "Other"}]})
    teams = company.workspace.team_rows()
    company.respond("/teams", {"teams": [*teams, teams[0] | {"name": "Other"}]})

    assert rows_of(sync(company).state) == {"admins": 200, "team_memberships": 200, "teams": 2}


def test_a_list_that_lost_too_much_fails_and_keeps_the_old_number(company: Sandbox) -> None:
    state = sync(company).state
    shrink(company, 120)

    run = sync(company, state=state, **ACTIVATE)

    assert run.error.startswith("admins: Intercom returned 120 rows, 80 fewer")
    assert f"(200 rows, {state['bookmarks']['admins']['rows_read_at']})" in run.error
    for words in ("permission", "plan", "another workspace", "PERCENT=100", "--full-refresh"):
        assert words in run.error
    assert run.activated == []
    assert rows_of(run.state) == rows_of(state)


def test_a_loss_can_be_accepted_for_one_run_or_from_the_beginning(company: Sandbox) -> None:
    state = sync(company).state
    shrink(company, 120)

    for run in (sync(company, state=state, **ACCEPT), sync(company, **ACTIVATE)):
        assert run.error == ""
        assert run.activated == list(DEFAULT_STREAMS)
        assert rows_of(run.state)["admins"] == 120


def test_memberships_have_their_own_number(company: Sandbox) -> None:
    state = sync(company).state
    for team in company.workspace.teams:
        del team.members[10:]

    run = sync(company, state=state, **ACTIVATE)

    assert run.error.startswith("team_memberships: Intercom returned 20 rows, 180 fewer")
    assert run.activated == ["admins"]


@pytest.mark.parametrize("stream", ["teams", "team_memberships"])
def test_a_list_that_had_rows_and_has_none_has_lost_too_much(stream: str, company: Sandbox) -> None:
    company.respond("/teams", {"type": "team.list", "teams": []})
    catalog = catalog_of(stream)

    refused = sync(company, state=state_of(**{stream: 1}), catalog=catalog, **ACTIVATE)
    accepted = sync(company, state=state_of(**{stream: 1}), catalog=catalog, **ACCEPT)

    assert "returned 0 rows, 1 fewer" in refused.error
    assert "time unknown" in refused.error
    assert refused.activated == []
    assert accepted.activated == [stream]


@pytest.mark.parametrize("rows", ["200", -1, 1.5, True, [200], None])
def test_a_number_of_rows_that_cannot_be_one_is_refused(rows: object, company: Sandbox) -> None:
    run = sync(company, state=state_of(admins=rows), **ACTIVATE)

    assert "invalid row count" in run.error
    assert run.activated == []


def test_the_test_mode_compares_nothing(company: Sandbox) -> None:
    assert sync(company, "--test", state=state_of(admins=200)).error == ""


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
    assert run(TAP_INTERCOM_ACCESS_MAX_REMOVED_PERCENT="100") == 0
    assert run() == 0
