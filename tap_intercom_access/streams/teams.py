"""Teams and their members: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/teams/listteams."""

from __future__ import annotations

import logging
from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated

import msgspec
from typing_extensions import override

from tap_intercom_access.intercom import Id, IntercomError, Row, list_of
from tap_intercom_access.intercom.errors import RUN_AGAIN
from tap_intercom_access.streams.base import ACCEPT_ALL, IntercomStream, deselected
from tap_intercom_access.streams.consistency import disagreements
from tap_intercom_access.streams.schema import column, schema_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from singer_sdk import Tap

    from tap_intercom_access.evidence import Evidence
    from tap_intercom_access.intercom import Intercom
    from tap_intercom_access.intercom.decoding import FieldPath
    from tap_intercom_access.streams.admins import AdminsStream
    from tap_intercom_access.streams.consistency import TeamClaims
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


class Membership(msgspec.Struct, gc=False):
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
        self.streams: list[TeamListStream] = []
        self._admins = admins
        self._teams: list[Team] | None = None
        self.members: Mapping[str, Mapping[str, str | None]] = {}
        """Ids of the members by the id of their team, each with their priority level."""

    def read(self, stream: IntercomStream) -> list[Team]:
        """Give all teams, read by the stream that comes first.

        Raises:
            IntercomError: if the list cannot be read to its end, or does not say who is in a team.
        """
        if self._teams is None:
            teams = list(stream.intercom.rows(self.endpoint))
            self.members = levels(teams)
            if stream.ABORT_AT_RECORD_COUNT is None:  # `--test` reads no whole list to compare with
                self._check(stream, teams)
            self._teams = teams
        return self._teams

    def _check(self, stream: IntercomStream, teams: list[Team]) -> None:
        claims = self._admins.team_claims
        accepted = stream.config["max_removed_percent"] == ACCEPT_ALL
        request = stream.intercom.build_request(self.endpoint)
        if not teams and claims and (named := {*claims.members, *claims.with_priority}):
            problem = (
                f"{request} answered with an empty list, but teammates name {len(named)} teams as "
                f"theirs, such as {min(named)}: no row is marked as removed"
            )
            if not accepted:
                raise IntercomError(f"{problem}. {RUN_AGAIN} {ACCEPT}")
            logger.warning("%s: accepted, since max_removed_percent is 100", problem)
        empty: list[str] = []
        unknown: list[str] = []
        unlisted = [team.id for team in teams if team.admin_ids is None]
        if ("rows", "admin_ids") in stream.unread_fields():
            unlisted = []
        for team_id in dict.fromkeys(unlisted):
            proven = claims and claims.is_empty(team_id) and not self.members[team_id]
            (empty if proven else unknown).append(team_id)
        if unknown:
            problem = (
                f"{request} does not list the members of {len(unknown)} teams (admin_ids is null "
                f"or missing), such as team {unknown[0]}, and {_doubt(claims, unknown[0])}"
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
        if claims:
            for finding in disagreements(claims, self.members):
                logger.warning(finding)


def _doubt(claims: TeamClaims | None, team_id: str) -> str:
    """Say why a team whose members are not listed may have some."""
    if claims is None:
        return "no list of teammates was read before, to compare with"
    if claims.names(team_id):
        return "teammates name it as theirs"
    if claims.silent:
        return f"{len(claims.silent)} teammates do not say what teams they are in"
    return "its priority levels name members"


class TeamListStream(IntercomStream):
    """A stream that is made of the list of teams."""

    endpoint = TeamList.endpoint
    full_list = True

    def __init__(
        self,
        tap: Tap,
        intercom: Intercom,
        identity: Identity,
        evidence: Evidence,
        teams: TeamList,
    ) -> None:
        super().__init__(tap, intercom, identity, evidence)
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
    def read_rows(self) -> list[Team]:
        return self._teams.read(self)


class TeamMembershipsStream(TeamListStream):
    """Members of the teams, from the same response as the teams."""

    name = "team_memberships"
    primary_keys = ("team_id", "admin_id")
    distinct_rows = True
    schema = schema_of(
        Membership, "Who is a member of which team: one record per team and teammate."
    )

    @override
    def unread_team_fields(self) -> set[FieldPath]:
        needed = {"id", "admin_ids", "admin_priority_level"} if self.selected else set()
        return {("rows", name) for name in Team.__struct_fields__ if name not in needed}

    @override
    def read_rows(self) -> Iterator[Membership]:
        self._teams.read(self)
        for team_id, members in self._teams.members.items():
            for admin_id, level in members.items():
                yield Membership(team_id, admin_id, level)
