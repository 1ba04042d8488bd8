"""Teams and their members: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/teams/listteams."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec
from singer_sdk import Tap
from typing_extensions import override

from tap_intercom_access.intercom import Id, IntercomError, Row, list_of
from tap_intercom_access.intercom.errors import RUN_AGAIN
from tap_intercom_access.streams.admins import AdminsStream
from tap_intercom_access.streams.base import IntercomStream
from tap_intercom_access.streams.consistency import disagreements
from tap_intercom_access.streams.run import Run
from tap_intercom_access.streams.schema import FieldPath, column, narrow, schema_of

logger = logging.getLogger("tap-intercom-access")


class AdminPriorityLevel(msgspec.Struct, gc=False):
    """Members of a team by priority."""

    primary_admin_ids: Annotated[list[Id] | None, column("IDs of the team's primary members.")] = (
        None
    )
    secondary_admin_ids: Annotated[
        list[Id] | None, column("IDs of the team's secondary members.")
    ] = None


class Team(Row, gc=False):
    """A team, as `GET /teams` lists it, and a column of the stream for each field."""

    id: Annotated[Id, column("ID of the team.")]
    name: Annotated[str | None, column("Name of the team.")] = None
    admin_ids: Annotated[list[Id] | None, column("IDs of the members of the team.")] = None
    admin_priority_level: Annotated[
        AdminPriorityLevel | None,
        column("Members of the team by priority, if the team balances its load."),
    ] = None
    assignment_limit: Annotated[
        int | None,
        column("Maximum number of conversations assigned to a member at once; null if unlimited."),
    ] = None
    distribution_method: Annotated[
        str | None, column("How the team distributes conversations among its members.")
    ] = None


class Membership(msgspec.Struct, gc=False):
    """A column of the stream of memberships for each field."""

    team_id: Annotated[str, column("ID of the team.")]
    admin_id: Annotated[str, column("ID of the teammate.")]
    priority_level: Annotated[
        str | None,
        column("`primary` or `secondary`; null if the team doesn't balance its load."),
    ] = None


def levels(teams: list[Team]) -> dict[str, dict[str, str | None]]:
    """Return the IDs of the members of each team, with their priority level. Primary wins.

    A team that Intercom listed twice with different members has all of them: an access list shows
    too much rather than too little.
    """
    result: dict[str, dict[str, str | None]] = {}
    for team in teams:
        members = result.setdefault(team.id, {})
        members |= dict.fromkeys(team.admin_ids or [])
        if priority := team.admin_priority_level:
            members |= dict.fromkeys(priority.secondary_admin_ids or [], "secondary")
            members |= dict.fromkeys(priority.primary_admin_ids or [], "primary")
    return result


ACCEPT_ALL = 100
"""The max_removed_percent that accepts every loss."""

ACCEPT = "If that is right, accept it with TAP_INTERCOM_ACCESS_MAX_REMOVED_PERCENT=100 for one run."


class TeamList:
    """The list of teams, read once for the two streams that are made from it."""

    endpoint = list_of("teams", Team, "/teams")

    def __init__(self, admins: AdminsStream) -> None:
        self.streams: list[TeamListStream] = []
        self._admins = admins
        self._teams: list[Team] | None = None
        self.members: Mapping[str, Mapping[str, str | None]] = {}
        """IDs of the members by the ID of their team, with their priority level."""

    def read(self, stream: IntercomStream) -> list[Team]:
        """Return all teams. The first stream that calls it reads them.

        Raises:
            IntercomError: if the list can't be read completely, or lacks the members of a team.
        """
        if self._teams is None:
            columns = {path for one in self.streams if one.selected for path in one.team_columns}
            endpoint = self.endpoint.with_rows(narrow(Team, {("id",), *columns}))
            teams = list(stream.intercom.rows(endpoint))
            self.members = levels(teams)
            if not stream.is_test:  # it doesn't read whole lists to compare
                self._check(stream, teams, knows_members=("admin_ids",) in columns)
            self._teams = teams
        return self._teams

    def _check(self, stream: IntercomStream, teams: list[Team], *, knows_members: bool) -> None:
        """Compare the teams with what the teammates' records say."""
        claims = self._admins.team_claims
        request = stream.intercom.build_request(self.endpoint)
        accepts_all = stream.config["max_removed_percent"] == ACCEPT_ALL
        if not teams and claims and (named := {*claims.members, *claims.with_priority}):
            _refuse(
                f"{request} returned no teams, but teammates belong to {len(named)}, such as "
                f"{min(named)}. No rows were marked as removed.",
                accepts_all=accepts_all,
            )
        unlisted = dict.fromkeys(team.id for team in teams if team.admin_ids is None)
        if unlisted and knows_members:
            self._check_unlisted(f"{request} doesn't list", list(unlisted), accepts_all=accepts_all)
        for difference in disagreements(claims, self.members) if claims else ():
            logger.warning(difference)

    def _check_unlisted(self, problem: str, unlisted: list[str], *, accepts_all: bool) -> None:
        """Make sure that teams without a list of members are empty."""
        claims = self._admins.team_claims
        unknown = [
            team_id
            for team_id in unlisted
            if not (claims and claims.is_empty(team_id) and not self.members[team_id])
        ]
        if unknown:
            _refuse(
                f"{problem} the members of {_some(unknown)} (admin_ids is null or missing), and "
                "the teammates don't show that they are empty. No rows were marked as removed.",
                accepts_all=accepts_all,
            )
        if empty := [team_id for team_id in unlisted if team_id not in unknown]:
            logger.warning(
                "%s the members of %s (admin_ids is null or missing). No teammate lists them, so "
                "they are empty",
                problem,
                _some(empty),
            )


def _refuse(problem: str, *, accepts_all: bool) -> None:
    if not accepts_all:
        raise IntercomError(problem, f"{RUN_AGAIN} {ACCEPT}")
    logger.warning("%s Accepted because max_removed_percent is 100", problem)


def _some(team_ids: list[str]) -> str:
    return f"{len(team_ids)} team{'s' * (len(team_ids) > 1)}, such as {team_ids[0]}"


class TeamListStream(IntercomStream):
    """A stream that is made from the list of teams."""

    shape = Team
    endpoint = TeamList.endpoint
    full_list = True

    def __init__(self, tap: Tap, run: Run, teams: TeamList) -> None:
        super().__init__(tap, run)
        self._teams = teams
        teams.streams.append(self)

    @property
    def team_columns(self) -> list[FieldPath]:
        """The fields of a team that this stream needs."""
        return self.columns


class TeamsStream(TeamListStream):
    """The teams themselves."""

    name = "teams"
    primary_keys = ("id",)
    schema = schema_of(Team, "Teams of the workspace.")

    @override
    def read_rows(self) -> list[Team]:
        return self._teams.read(self)


class TeamMembershipsStream(TeamListStream):
    """Members of the teams, from the same response as the teams."""

    name = "team_memberships"
    primary_keys = ("team_id", "admin_id")
    has_distinct_rows = True
    schema = schema_of(
        Membership, "Who is a member of which team: one record per team and teammate."
    )

    @property
    @override
    def team_columns(self) -> list[FieldPath]:
        return [("admin_ids",), ("admin_priority_level",)]

    @override
    def read_rows(self) -> Iterator[Membership]:
        self._teams.read(self)
        for team_id, members in self._teams.members.items():
            for admin_id, level in members.items():
                yield Membership(team_id, admin_id, level)
