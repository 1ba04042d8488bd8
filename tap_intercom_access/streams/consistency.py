"""Do the list of teammates and the list of teams say the same about memberships?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

EXAMPLES = 5

Members = dict[str, list[str]]
"""Ids of admins by the id of their team."""


@dataclass
class TeamClaims:
    """What the list of teammates says about teams: who there is, and who names a team as theirs.

    Attributes:
        admin_ids: Who there is.
        members: Who names a team in their `team_ids`.
        with_priority: Ids of the teams that stand in a teammate's `team_priority_level`.
        silent: Who does not say what teams they are in.
    """

    admin_ids: set[str] = field(default_factory=set)
    members: Members = field(default_factory=dict)
    with_priority: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)

    def add(self, admin_id: str, team_ids: Iterable[str] | None) -> None:
        """Add what a teammate says.

        Args:
            admin_id: Id of the teammate.
            team_ids: Ids of their teams; None where they do not say.
        """
        self.admin_ids.add(admin_id)
        for team_id in team_ids or []:
            self.members.setdefault(team_id, []).append(admin_id)
        if team_ids is None:
            self.silent.add(admin_id)

    def names(self, team_id: str) -> bool:
        """Tell whether a teammate names a team as theirs."""
        return team_id in self.members or team_id in self.with_priority

    def is_empty(self, team_id: str) -> bool:
        """Tell whether it is certain that nobody is in a team."""
        return not self.silent and not self.names(team_id)


def disagreements(claims: TeamClaims, members: Mapping[str, Collection[str]]) -> list[str]:
    """Compare both lists, each read to its end in one run.

    What it finds is either a change between the two requests or a finding for an auditor.

    Args:
        claims: What the list of teammates says.
        members: What the list of teams says: ids of admins by the id of their team.

    Returns:
        A sentence for each kind of disagreement, with up to five examples; none where they agree.
    """
    everybody = dict.fromkeys(members, claims.admin_ids)
    by_finding = {
        "name a teammate who is not in the list of admins": _beyond(members, everybody),
        "stand in a teammate's team_ids, but the team does not list them": _beyond(
            claims.members, members
        ),
    }
    return [
        f"{len(memberships)} memberships {finding}: {_examples(memberships)}"
        for finding, memberships in by_finding.items()
        if memberships
    ]


def _beyond(
    these: Mapping[str, Collection[str]], those: Mapping[str, Collection[str]]
) -> list[tuple[str, str]]:
    """Give team and admin of the memberships that the first list has and the second has not."""
    return [
        (team_id, admin_id)
        for team_id, admin_ids in these.items()
        for admin_id in dict.fromkeys(admin_ids)
        if admin_id not in those.get(team_id, ())
    ]


def _examples(memberships: list[tuple[str, str]]) -> str:
    first = sorted(memberships)[:EXAMPLES]
    return ", ".join(f"team {team_id} / admin {admin_id}" for team_id, admin_id in first)
