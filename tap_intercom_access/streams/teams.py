"""Teams and their members: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/teams/listteams."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any

import msgspec
from singer_sdk import Tap
from typing_extensions import override

from tap_intercom_access.intercom import Id, IntercomError, Row, list_of
from tap_intercom_access.intercom.endpoints import Request
from tap_intercom_access.intercom.errors import RUN_AGAIN
from tap_intercom_access.streams.admins import AdminsStream
from tap_intercom_access.streams.base import IntercomStream
from tap_intercom_access.streams.consistency import disagreements
from tap_intercom_access.streams.run import Run
from tap_intercom_access.streams.schema import column, narrow, schema_of


class AdminPriorityLevel(msgspec.Struct, gc=False):
    """Members of a team by priority."""

    primary_admin_ids: Annotated[list[Id] | None, column("IDs of the team's primary members.")] = (
        None
    )
    secondary_admin_ids: Annotated[
        list[Id] | None, column("IDs of the team's secondary members.")
    ] = None


class Team(Row, gc=False):
    """A team of `GET /teams`. Each field is a column."""

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
    """A membership. Each field is a column."""

    team_id: Annotated[str, column("ID of the team.")]
    admin_id: Annotated[str, column("ID of the teammate.")]
    priority_level: Annotated[
        str | None,
        column("`primary` or `secondary`; null if the team doesn't balance its load."),
    ] = None


def members_by_team(teams: list[Team]) -> dict[str, dict[str, str | None]]:
    """Return the priority level of each member by ID, by the ID of the team. Primary wins.

    If Intercom listed a team twice with different members, include all of them: an access list
    should contain too many entries rather than too few.
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
"""Value of max_removed_percent that accepts every loss."""

ACCEPT = "If it is right, accept it with TAP_INTERCOM_ACCESS_MAX_REMOVED_PERCENT=100 for one run."


MEMBERS = {("admin_ids",), ("admin_priority_level",)}
"""The fields of a team that contain its members."""


class TeamsStream(IntercomStream):
    """The teams. One request reads the list for this stream and for the memberships."""

    name = "teams"
    primary_keys = ("id",)
    shape = Team
    endpoint = list_of("teams", Team, "/teams")
    schema = schema_of(Team, "Teams of the workspace.")
    full_list = True

    members: Mapping[str, Mapping[str, str | None]]
    """The result of `members_by_team`."""
    memberships: TeamMembershipsStream

    def __init__(self, tap: Tap, run: Run, admins: AdminsStream) -> None:
        super().__init__(tap, run)
        self._admins = admins
        self._teams: list[Team] = []
        self._unread: set[str] = set()
        """The streams that can use the last response. If a program reads again, none can."""

    @override
    def read_rows(self) -> list[Team]:
        return self.read_teams(self)

    def read_teams(self, stream: IntercomStream) -> list[Team]:
        """Return all teams for one of the two streams, and set `members`.

        Raises:
            IntercomError: if the list can't be read completely, or lacks the members of a team.
        """
        if stream.name not in self._unread:
            columns = {("id",), *(self.columns if self.selected else ())}
            columns |= MEMBERS if self.memberships.selected else set()
            teams = list(stream.intercom.rows(self.endpoint.with_rows(narrow(Team, columns))))
            self.members = members_by_team(teams)
            if not self.is_test:  # it doesn't read complete lists
                self._check(teams, knows_members=("admin_ids",) in columns)
            self._teams, self._unread = teams, {self.name, self.memberships.name}
        self._unread.remove(stream.name)
        return self._teams

    def _check(self, teams: list[Team], *, knows_members: bool) -> None:
        """Compare the teams with the memberships in the list of teammates."""
        claims = self._admins.team_claims
        request = self.intercom.build_request(self.endpoint)
        if not teams and claims and (named := {*claims.members, *claims.with_priority}):
            self._refuse(
                f"{request} returned no teams, but teammates belong to "
                f"{_describe_teams(sorted(named))}. No rows were marked as removed."
            )
        if knows_members:
            self._check_unlisted(request, [team.id for team in teams if team.admin_ids is None])
        for difference in disagreements(claims, self.members) if claims else ():
            self.logger.warning(difference)

    def _check_unlisted(self, request: Request[Any], unlisted: list[str]) -> None:
        """Refuse teams without a list of members, unless they are certainly empty."""
        claims = self._admins.team_claims
        empty: dict[str, None] = {}
        unknown: dict[str, None] = {}
        for team_id in unlisted:
            is_empty = claims and claims.is_empty(team_id) and not self.members[team_id]
            (empty if is_empty else unknown)[team_id] = None
        if unknown:
            self._refuse(
                f"{request} doesn't list the members of {_describe_teams(unknown)} (admin_ids is "
                "null or missing), and teammates may belong to them. No rows were marked as "
                "removed."
            )
        if empty:
            self.logger.warning(
                "%s doesn't list the members of %s (admin_ids is null or missing). Treating these "
                "teams as empty, because no teammate belongs to them",
                request,
                _describe_teams(empty),
            )

    def _refuse(self, problem: str) -> None:
        if self.config["max_removed_percent"] != ACCEPT_ALL:
            raise IntercomError(problem, f"{RUN_AGAIN} {ACCEPT}")
        self.logger.warning("%s Accepted because max_removed_percent is 100", problem)


def _describe_teams(team_ids: Collection[str]) -> str:
    return f"{len(team_ids)} team{'s' * (len(team_ids) > 1)}, such as {next(iter(team_ids))}"


class TeamMembershipsStream(IntercomStream):
    """Members of the teams, from the response with the teams."""

    name = "team_memberships"
    primary_keys = ("team_id", "admin_id")
    shape = Team
    endpoint = TeamsStream.endpoint
    schema = schema_of(Membership, "Members of the teams: one record for each team and teammate.")
    full_list = True
    has_distinct_rows = True

    def __init__(self, tap: Tap, run: Run, teams: TeamsStream) -> None:
        super().__init__(tap, run)
        self._teams = teams
        teams.memberships = self

    @override
    def read_rows(self) -> Iterator[Membership]:
        self._teams.read_teams(self)
        for team_id, members in self._teams.members.items():
            for admin_id, level in members.items():
                yield Membership(team_id, admin_id, level)
