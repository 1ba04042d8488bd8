"""Do the list of teammates and the list of teams say the same about memberships?"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

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
        self._admins: Collection[str] | None = None
        self._claims: Mapping[str, Collection[str]] = {}
        self._members: Mapping[str, Collection[str]] | None = None

    def admins_read(self, admins: Collection[str], claims: Mapping[str, Collection[str]]) -> None:
        """Take the ids of all admins, and by team the ids of those that name it as theirs."""
        self._admins = admins
        self._claims = claims
        self._compare()

    def teams_read(self, members: Mapping[str, Collection[str]]) -> None:
        """Take the ids of all teams, each with its members' ids."""
        self._members = members
        self._compare()

    def _compare(self) -> None:
        if self._admins is None or self._members is None:
            return
        unknown = _beyond(self._members, dict.fromkeys(self._members, self._admins))
        _warn("name a teammate who is not in the list of admins", unknown)
        unlisted = _beyond(self._claims, self._members)
        _warn("stand in a teammate's team_ids, but the team does not list them", unlisted)


def _beyond(
    these: Mapping[str, Collection[str]], those: Mapping[str, Collection[str]]
) -> list[Membership]:
    """Give the memberships that the first lists have and the second have not."""
    return [
        (team_id, admin_id)
        for team_id, admin_ids in these.items()
        for admin_id in dict.fromkeys(admin_ids)
        if admin_id not in those.get(team_id, ())
    ]


def _warn(finding: str, memberships: list[Membership]) -> None:
    if memberships:
        examples = ", ".join(
            f"team {team_id} / admin {admin_id}"
            for team_id, admin_id in sorted(memberships)[:EXAMPLES]
        )
        logger.warning("%d memberships %s: %s", len(memberships), finding, examples)
