"""Teams and their members: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/teams/listteams."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from typing_extensions import override

from tap_intercom_access.intercom import Id, Row, list_of
from tap_intercom_access.intercom.responses import as_texts
from tap_intercom_access.streams.base import IntercomStream, Reading
from tap_intercom_access.streams.consistency import disagreements
from tap_intercom_access.streams.schema import column, schema_of

if TYPE_CHECKING:
    from singer_sdk import Tap

    from tap_intercom_access.intercom import Intercom
    from tap_intercom_access.streams.admins import AdminsStream
    from tap_intercom_access.streams.identity import Identity

logger = logging.getLogger("tap-intercom-access")


class AdminPriorityLevel(msgspec.Struct, gc=False):
    """Members of a team by priority."""

    primary_admin_ids: Annotated[list[Id] | None, column("Ids of the team's primary members.")] = (
        None
    )
    secondary_admin_ids: Annotated[
        list[Id] | None, column("Ids of the team's secondary members.")
    ] = None

    def __post_init__(self) -> None:
        """Turn the ids into strings."""
        self.primary_admin_ids = as_texts(self.primary_admin_ids)
        self.secondary_admin_ids = as_texts(self.secondary_admin_ids)


class Team(Row, gc=False):
    """A team, as `GET /teams` lists it, and a column of the stream for each field."""

    id: Annotated[Id, column("Id of the team.")]
    name: Annotated[str | None, column("Name of the team.")] = None
    admin_ids: Annotated[list[Id] | None, column("Ids of the members of the team.")] = None
    admin_priority_level: Annotated[
        AdminPriorityLevel | None,
        column("Members of the team by priority, where the team balances its load."),
    ] = None
    assignment_limit: Annotated[
        int | None,
        column("How many conversations a member gets at once, where the team has a limit."),
    ] = None
    distribution_method: Annotated[
        str | None, column("How the team distributes conversations among its members.")
    ] = None

    @override
    def __post_init__(self) -> None:
        """Turn all ids into strings."""
        super().__post_init__()
        self.admin_ids = as_texts(self.admin_ids)


class Membership(msgspec.Struct):
    """A column of the stream of memberships for each field."""

    team_id: Annotated[str, column("Id of the team.")]
    admin_id: Annotated[str, column("Id of the teammate.")]
    priority_level: Annotated[
        str | None,
        column("`primary` or `secondary`; null where the team does not balance its load."),
    ] = None


def levels(teams: list[Team]) -> dict[str, dict[str, str | None]]:
    """Give the ids of the members of each team, each with their priority level; primary wins.

    A team that Intercom listed twice, with different members, has all of them: an access list errs
    on the side of showing.
    """
    result: dict[str, dict[str, str | None]] = {}
    for team in teams:
        members = result.setdefault(team.id, {})
        members |= dict.fromkeys(team.admin_ids or [])
        if priority := team.admin_priority_level:
            members |= dict.fromkeys(priority.secondary_admin_ids or [], "secondary")
            members |= dict.fromkeys(priority.primary_admin_ids or [], "primary")
    return result


class TeamList:
    """The list of teams, read once for the two streams that are made of it."""

    endpoint = list_of("teams", Team, "/teams")

    def __init__(self, admins: AdminsStream) -> None:
        """Take the list of teammates to compare with; the SDK syncs it first, by its name."""
        self._admins = admins
        self._teams: list[Team] | None = None

    def read(self, stream: IntercomStream) -> list[Team]:
        """Give all teams, asked for by the stream that comes first.

        Raises:
            IntercomError: if the list cannot be read to its end.
        """
        if self._teams is None:
            self._teams = list(stream.intercom.rows(self.endpoint))
            if self._admins.memberships:
                for finding in disagreements(self._admins.memberships, levels(self._teams)):
                    logger.warning(finding)
        return self._teams


class TeamsStream(IntercomStream):
    """The teams themselves."""

    name = "teams"
    primary_keys = ("id",)
    endpoint: Any = TeamList.endpoint
    schema = schema_of(Team, "Teams of the workspace.")

    def __init__(self, tap: Tap, intercom: Intercom, identity: Identity, teams: TeamList) -> None:
        """Take the list that memberships are made of, too."""
        super().__init__(tap, intercom, identity)
        self._teams = teams

    @override
    def read_from_intercom(self) -> Reading:
        teams = self._teams.read(self)
        yield from map(msgspec.to_builtins, teams)
        return len({team.id for team in teams})


class TeamMembershipsStream(IntercomStream):
    """Members of the teams, from the same response as the teams."""

    name = "team_memberships"
    primary_keys = ("team_id", "admin_id")
    endpoint: Any = TeamList.endpoint
    schema = schema_of(
        Membership, "Who is a member of which team: one record per team and teammate."
    )

    def __init__(self, tap: Tap, intercom: Intercom, identity: Identity, teams: TeamList) -> None:
        """Take the list that the teams are made of, too."""
        super().__init__(tap, intercom, identity)
        self._teams = teams

    @override
    def read_from_intercom(self) -> Reading:
        by_team = levels(self._teams.read(self))
        for team_id, members in by_team.items():
            for admin_id, level in members.items():
                yield {"team_id": team_id, "admin_id": admin_id, "priority_level": level}
        return sum(map(len, by_team.values()))
