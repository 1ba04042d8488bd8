"""Compares memberships in the list of teammates with those in the list of teams."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

EXAMPLES = 5

Members = dict[str, list[str]]
"""IDs of admins by the ID of their team."""


@dataclass
class TeamClaims:
    """Memberships in the list of teammates."""

    admin_ids: set[str] = field(default_factory=set)
    """IDs of all teammates."""
    members: Members = field(default_factory=dict)
    """The teammates with a team in their `team_ids`, by team."""
    with_priority: set[str] = field(default_factory=set)
    """IDs of all teams in `team_priority_level`."""
    without_teams: set[str] = field(default_factory=set)
    """IDs of the teammates without `team_ids`. Their teams are unknown."""

    def add(self, admin_id: str, team_ids: Iterable[str] | None) -> None:
        """Add a teammate.

        Args:
            admin_id: ID of the teammate.
            team_ids: IDs of their teams, None if Intercom didn't send them.
        """
        self.admin_ids.add(admin_id)
        for team_id in team_ids or []:
            self.members.setdefault(team_id, []).append(admin_id)
        if team_ids is None:
            self.without_teams.add(admin_id)

    def is_empty(self, team_id: str) -> bool:
        """Return whether it is certain that a team has no members."""
        is_named = team_id in self.members or team_id in self.with_priority
        return not self.without_teams and not is_named


def disagreements(claims: TeamClaims, members: Mapping[str, Collection[str]]) -> list[str]:
    """Compare two complete lists of one run.

    A difference is either a change between the two requests or an inconsistency at Intercom.

    Args:
        claims: Memberships in the list of teammates.
        members: Memberships in the list of teams: IDs of admins by the ID of their team.

    Returns:
        A sentence for each kind of difference, with up to five examples.
    """
    everyone = dict.fromkeys(members, claims.admin_ids)
    by_kind = {
        "refer to a teammate who isn't in the list of admins": _missing(members, everyone),
        "appear in a teammate's team_ids but not in the team's member list": _missing(
            claims.members, members
        ),
    }
    return [
        f"Memberships that {kind} ({len(memberships)}): {_examples(memberships)}"
        for kind, memberships in by_kind.items()
        if memberships
    ]


def _missing(
    these: Mapping[str, Collection[str]], those: Mapping[str, Collection[str]]
) -> list[tuple[str, str]]:
    """Return team and admin of the memberships that only the first list contains."""
    return [
        (team_id, admin_id)
        for team_id, admin_ids in these.items()
        for admin_id in dict.fromkeys(admin_ids)
        if admin_id not in those.get(team_id, ())
    ]


def _examples(memberships: list[tuple[str, str]]) -> str:
    first = sorted(memberships)[:EXAMPLES]
    return ", ".join(f"team {team_id} / admin {admin_id}" for team_id, admin_id in first)
