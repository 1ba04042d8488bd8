"""Differences between the lists of teams and teammates, and teams with unknown members."""

from collections.abc import Callable
from typing import Any

import pytest

from tap_intercom_access.sandbox.server import Sandbox
from tests.tap import ACTIVATE, DEFAULT_STREAMS, catalog_of, sync

ALL, MEMBERSHIPS, TEAMS = DEFAULT_STREAMS, DEFAULT_STREAMS[:2], DEFAULT_STREAMS[::2]
"""The streams whose members are compared with the list of teammates."""
ACCEPT = ACTIVATE | {"max_removed_percent": 100}


def serve_team(sandbox: Sandbox, id_: str, **change: object) -> None:
    """Change a row of the list of teams. A column with the value ... is left out."""
    rows = sandbox.workspace.team_rows()
    for row in rows:
        if row["id"] == id_:
            row.update(change)
            for name in [name for name, value in row.items() if value is ...]:
                del row[name]
    sandbox.respond("/teams", {"type": "team.list", "teams": rows})


def test_lists_that_agree_cause_no_warning(sandbox: Sandbox) -> None:
    assert sync(sandbox).warnings == []


def test_a_warning_names_members_who_are_not_teammates(sandbox: Sandbox) -> None:
    sandbox.workspace.teams[3].members += range(1, 8)

    run = sync(sandbox)

    (warning,) = run.warnings
    assert "a teammate who isn't in the list of admins (7)" in warning
    assert warning.endswith(": " + ", ".join(f"team 504 / admin {n}" for n in range(1, 6)))
    assert len(run.records("team_memberships")) == 13 + 7


def test_a_warning_names_teams_that_lack_a_teammate(sandbox: Sandbox) -> None:
    rows = sandbox.workspace.admin_rows()
    rows[0]["team_ids"] += [504, 999]
    sandbox.respond("/admins", {"type": "admin.list", "admins": rows})

    run = sync(sandbox)

    (warning,) = run.warnings
    assert "in a teammate's team_ids but not in the team's member list (2)" in warning
    assert warning.endswith(": team 504 / admin 1001, team 999 / admin 1001")
    assert run.records("admins")[0]["team_ids"] == ["502", "504", "999"]


@pytest.mark.parametrize(
    ("streams", "warnings"),
    [(("admins",), 0), (("teams", "team_memberships"), 0), (MEMBERSHIPS, 1), (TEAMS, 1)],
)
def test_both_lists_are_compared(streams: tuple[str, ...], warnings: int, sandbox: Sandbox) -> None:
    sandbox.workspace.teams[3].members.append(7)

    assert len(sync(sandbox, catalog=catalog_of(*streams)).warnings) == warnings


def unknown_members(sandbox: Sandbox) -> None:
    serve_team(sandbox, "501", admin_ids=None)


def no_members(sandbox: Sandbox) -> None:
    serve_team(sandbox, "501", admin_ids=...)


def no_teams(sandbox: Sandbox) -> None:
    sandbox.respond("/teams", {"type": "team.list", "teams": []})


@pytest.mark.parametrize(
    ("serve", "problem"),
    [
        (unknown_members, "doesn't list the members of 1 team, such as 501"),
        (no_members, "doesn't list the members of 1 team, such as 501"),
        (no_teams, "no teams, but teammates belong to 3"),
    ],
)
@pytest.mark.parametrize("streams", [ALL, MEMBERSHIPS, TEAMS])
def test_unknown_members_are_refused_unless_accepted(
    streams: tuple[str, ...],
    serve: Callable[[Sandbox], None],
    problem: str,
    sandbox: Sandbox,
) -> None:
    serve(sandbox)

    refused = sync(sandbox, catalog=catalog_of(*streams), **ACTIVATE)
    accepted = sync(sandbox, catalog=catalog_of(*streams), **ACCEPT)

    assert refused.error.startswith(f"{streams[1]}: ")
    assert problem in refused.error
    assert "MAX_REMOVED_PERCENT=100" in refused.error
    assert refused.activated == ["admins"]
    assert len(refused.of("RECORD")) == 13
    assert accepted.activated == list(streams)
    assert "Accepted" in accepted.warnings[0]


@pytest.mark.parametrize("members", [None, ...])
def test_a_team_without_teammates_is_treated_as_empty(members: object, sandbox: Sandbox) -> None:
    serve_team(sandbox, "504", admin_ids=members)

    run = sync(sandbox, **ACTIVATE)

    assert run.activated == list(ALL)
    assert len(run.records("team_memberships")) == 13
    (warning,) = run.warnings
    assert "Treating these teams as empty" in warning


@pytest.mark.parametrize("streams", [("teams",), ("team_memberships",), ALL[1:]])
def test_without_the_list_of_teammates_unknown_members_are_refused(
    streams: tuple[str, ...], sandbox: Sandbox
) -> None:
    serve_team(sandbox, "504", admin_ids=None)

    run = sync(sandbox, catalog=catalog_of(*streams), **ACTIVATE)

    assert "doesn't list the members of 1 team, such as 504" in run.error
    assert run.activated == []


@pytest.mark.parametrize(
    "change", [{"team_priority_level": {"secondary_team_ids": [504]}}, {"team_ids": None}]
)
def test_a_team_with_a_possible_member_is_not_empty(
    change: dict[str, Any], sandbox: Sandbox
) -> None:
    first, *others = sandbox.workspace.admin_rows()
    sandbox.respond("/admins", {"admins": [first | change, *others]})
    serve_team(sandbox, "504", admin_ids=None)

    assert "the members of 1 team, such as 504" in sync(sandbox).error


def test_a_team_whose_priority_levels_name_members_is_not_empty(sandbox: Sandbox) -> None:
    level = {"primary_admin_ids": [1001]}
    serve_team(sandbox, "504", admin_ids=None, admin_priority_level=level)

    assert "the members of 1 team, such as 504" in sync(sandbox).error
    membership = {"team_id": "504", "admin_id": "1001", "priority_level": "primary"}
    assert membership in sync(sandbox, **ACCEPT).records("team_memberships")
