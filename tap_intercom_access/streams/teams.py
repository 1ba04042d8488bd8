"""Teams and their members: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/teams/listteams."""

from __future__ import annotations

import logging
from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from typing_extensions import override

from tap_intercom_access.intercom import Id, IntercomError, Row, list_of
from tap_intercom_access.intercom.errors import RUN_AGAIN
from tap_intercom_access.intercom.responses import as_texts
from tap_intercom_access.streams.base import ACCEPT_ALL, IntercomStream, Reading, deselected
from tap_intercom_access.streams.consistency import disagreements
from tap_intercom_access.streams.schema import column, schema_of

if TYPE_CHECKING:
    from singer_sdk import Tap

    from tap_intercom_access.intercom import Intercom
    from tap_intercom_access.intercom.decoding import FieldPath
    from tap_intercom_access.streams.admins import AdminsStream
    from tap_intercom_access.streams.consistency import AdminsView
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


ACCEPT = "If that is right, accept it with TAP_INTERCOM_ACCESS_MAX_REMOVED_PERCENT=100 for one run."


class TeamList:
    """The list of teams, read once for the two streams that are made of it."""

    endpoint = list_of("teams", Team, "/teams")

    def __init__(self, admins: AdminsStream) -> None:
        """Take the list of teammates to compare with; the SDK syncs it first, by its name."""
        self.streams: list[TeamListStream] = []
        self._admins = admins
        self._teams: list[Team] | None = None

    def read(self, stream: IntercomStream) -> list[Team]:
        """Give all teams, asked for by the stream that comes first.

        Raises:
            IntercomError: if the list cannot be read to its end, or does not say who is in a team.
        """
        if self._teams is None:
            teams = list(stream.intercom.rows(self.endpoint))
            if stream.ABORT_AT_RECORD_COUNT is None:  # `--test` reads no whole list to compare with
                self._check(stream, teams)
            self._teams = teams
        return self._teams

    def _check(self, stream: IntercomStream, teams: list[Team]) -> None:
        admins = self._admins.memberships
        accepted = stream.config["max_removed_percent"] == ACCEPT_ALL
        request = stream.intercom.request(self.endpoint)
        if not teams and admins and (named := {*admins.members, *admins.with_priority}):
            problem = (
                f"{request} answered with an empty list, but teammates name {len(named)} teams as "
                f"theirs, such as {min(named)}: no row is marked as removed"
            )
            if not accepted:
                raise IntercomError(f"{problem}. {RUN_AGAIN} {ACCEPT}")
            logger.warning("%s: accepted, since max_removed_percent is 100", problem)
        members = levels(teams)
        empty: list[str] = []
        unknown: list[str] = []
        unlisted = [team.id for team in teams if team.admin_ids is None]
        if ("rows", "admin_ids") in stream.unread_fields():
            unlisted = []
        for team_id in dict.fromkeys(unlisted):
            proven = admins and admins.is_empty(team_id) and not members[team_id]
            (empty if proven else unknown).append(team_id)
        if unknown:
            problem = (
                f"{request} does not list the members of {len(unknown)} teams (admin_ids is null "
                f"or missing), such as team {unknown[0]}, and {_doubt(admins, unknown[0])}"
            )
            if not accepted:
                raise IntercomError(
                    f"{problem}: who is in them is not known, and no row is marked as removed. "
                    f"{RUN_AGAIN} {ACCEPT}"
                )
            logger.warning("%s: accepted, since max_removed_percent is 100", problem)
        if empty:
            logger.warning(
                "%s does not list the members of %d teams (admin_ids is null or missing), such as "
                "team %s; no teammate names them, so they are empty",
                request,
                len(empty),
                empty[0],
            )
        if admins:
            for finding in disagreements(admins, members):
                logger.warning(finding)


def _doubt(admins: AdminsView | None, team_id: str) -> str:
    """Say why a team whose members are not listed may have some."""
    if admins is None:
        return "no list of teammates was read before, to compare with"
    if admins.names(team_id):
        return "teammates name it as theirs"
    if admins.silent:
        return f"{len(admins.silent)} teammates do not say what teams they are in"
    return "its priority levels name members"


class TeamListStream(IntercomStream):
    """A stream that is made of the list of teams."""

    endpoint: Any = TeamList.endpoint

    def __init__(self, tap: Tap, intercom: Intercom, identity: Identity, teams: TeamList) -> None:
        """Take the list, which the other such stream is made of, too."""
        super().__init__(tap, intercom, identity)
        self._teams = teams
        teams.streams.append(self)

    @abstractmethod
    def unread_team_fields(self) -> set[FieldPath]:
        """Give the fields of a team that this stream does not need."""

    @override
    def unread_fields(self) -> set[FieldPath]:
        return set.intersection(*(stream.unread_team_fields() for stream in self._teams.streams))


class TeamsStream(TeamListStream):
    """The teams themselves."""

    name = "teams"
    primary_keys = ("id",)
    schema = schema_of(Team, "Teams of the workspace.")

    @override
    def unread_team_fields(self) -> set[FieldPath]:
        return {*deselected(self.schema, self.mask)}

    @override
    def read_from_intercom(self) -> Reading:
        teams = self._teams.read(self)
        yield from map(msgspec.to_builtins, teams)
        return len({team.id for team in teams})


class TeamMembershipsStream(TeamListStream):
    """Members of the teams, from the same response as the teams."""

    name = "team_memberships"
    primary_keys = ("team_id", "admin_id")
    schema = schema_of(
        Membership, "Who is a member of which team: one record per team and teammate."
    )

    @override
    def unread_team_fields(self) -> set[FieldPath]:
        needed = {"id", "admin_ids", "admin_priority_level"} if self.selected else set()
        return {("rows", name) for name in Team.__struct_fields__ if name not in needed}

    @override
    def read_from_intercom(self) -> Reading:
        by_team = levels(self._teams.read(self))
        for team_id, members in by_team.items():
            for admin_id, level in members.items():
                yield {"team_id": team_id, "admin_id": admin_id, "priority_level": level}
        return sum(map(len, by_team.values()))
