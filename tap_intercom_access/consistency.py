"""Do the list of teammates and the list of teams say the same about memberships?"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

logger = logging.getLogger("tap-intercom-access")

EXAMPLES = 5

Membership = tuple[str, str]
"""Id of the team, id of the teammate."""


class Consistency:
    """Compares admins and teams once both were read to their end in one run.

    What it finds is either a change between the two requests or a finding for an auditor; records
    are never changed.
    """

    def __init__(self) -> None:
        """Start with neither list read."""
        self._admin_ids: set[str] | None = None
        self._claims: dict[str, list[str]] = {}
        self._members: dict[str, set[str]] | None = None

    def admins_read(self, team_ids: dict[str, list[str]]) -> None:
        """Take the ids of all teammates, each with the teams that it names."""
        self._admin_ids = set(team_ids)
        for admin_id, teams in team_ids.items():
            for team_id in teams:
                self._claims.setdefault(team_id, []).append(admin_id)
        self._compare()

    def teams_read(self, members: Mapping[str, Iterable[str]]) -> None:
        """Take the ids of all teams, each with its members' ids."""
        self._members = {team_id: set(admin_ids) for team_id, admin_ids in members.items()}
        self._compare()

    def _compare(self) -> None:
        if self._admin_ids is None or self._members is None:
            return
        unknown = [
            (team_id, admin_id)
            for team_id, members in self._members.items()
            for admin_id in members - self._admin_ids
        ]
        _warn("name a teammate who is not in the list of admins", unknown)
        unlisted = [
            (team_id, admin_id)
            for team_id, admin_ids in self._claims.items()
            for admin_id in set(admin_ids) - self._members.get(team_id, set())
        ]
        _warn("stand in a teammate's team_ids, but the team does not list them", unlisted)


def _warn(finding: str, memberships: list[Membership]) -> None:
    if memberships:
        examples = ", ".join(
            f"team {team_id} / admin {admin_id}"
            for team_id, admin_id in sorted(memberships)[:EXAMPLES]
        )
        logger.warning("%d memberships %s: %s", len(memberships), finding, examples)
