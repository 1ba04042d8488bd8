"""Teammates: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/listadmins."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Annotated

import msgspec
from typing_extensions import override

from tap_intercom_access.intercom import Id, IntercomError, Row, list_of
from tap_intercom_access.streams.base import IntercomStream
from tap_intercom_access.streams.consistency import TeamClaims
from tap_intercom_access.streams.schema import column, schema_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk import Tap

    from tap_intercom_access.evidence import Evidence
    from tap_intercom_access.intercom import Intercom
    from tap_intercom_access.streams.identity import Identity

TEAM = "team"
"""Type of the rows that old versions of the API list among the teammates."""


class Role(msgspec.Struct, gc=False):
    """Role of a teammate in the workspace."""

    id: Annotated[Id | None, column("Id of the role.")] = None
    name: Annotated[str | None, column("Name of the role.")] = None


class TeamPriorityLevel(msgspec.Struct, gc=False):
    """Teams of a teammate by priority."""

    primary_team_ids: Annotated[
        list[Id] | None, column("Ids of the teams that the teammate is a primary member of.")
    ] = None
    secondary_team_ids: Annotated[
        list[Id] | None, column("Ids of the teams that the teammate is a secondary member of.")
    ] = None


class Avatar(msgspec.Struct, gc=False):
    """The longer of the two forms of an avatar."""

    image_url: str | None = None


class Admin(Row, gc=False):
    """A teammate, as `GET /admins` lists it, and a column of the stream for each field."""

    id: Annotated[Id, column("Id of the teammate.")]
    type: Annotated[
        str | None, column("Type, as Intercom sends it: `admin`, also for Intercom's own bot.")
    ] = None
    name: Annotated[str | None, column("Name of the teammate.")] = None
    email: Annotated[str | None, column("E-mail address that the teammate has.")] = None
    job_title: Annotated[str | None, column("Job title of the teammate.")] = None
    has_inbox_seat: Annotated[bool | None, column("Whether the teammate has an inbox seat.")] = None
    away_mode_enabled: Annotated[bool | None, column("Whether the teammate is set to away.")] = None
    away_mode_reassign: Annotated[
        bool | None, column("Whether conversations of the teammate are reassigned while away.")
    ] = None
    away_status_reason_id: Annotated[Id | None, column("Id of the reason for being away.")] = None
    role: Annotated[
        Role | None, column("Role that says what the teammate may do; null without one.")
    ] = None
    team_ids: Annotated[list[Id] | None, column("Ids of the teams of the teammate.")] = None
    team_priority_level: Annotated[
        TeamPriorityLevel | None,
        column("Teams of the teammate by priority, where teams balance their load."),
    ] = None
    avatar_url: Annotated[str | Avatar | None, column("URL of the teammate's picture.")] = (
        msgspec.field(name="avatar", default=None)
    )

    def __post_init__(self) -> None:
        """Give the avatar as its URL, and the type as one object for all teammates."""
        if self.type is not None:
            self.type = intern(self.type)
        if isinstance(self.avatar_url, Avatar):
            self.avatar_url = self.avatar_url.image_url


class AdminsStream(IntercomStream):
    """Everybody who has access to the workspace."""

    name = "admins"
    primary_keys = ("id",)
    endpoint = list_of("admins", Admin, "/admins")
    schema = schema_of(Admin, "Teammates: everybody who has access to the workspace.")
    full_list = True

    team_claims: TeamClaims | None = None
    """What the teammates say of their teams; None before all of them were read."""

    def __init__(
        self,
        tap: Tap,
        intercom: Intercom,
        identity: Identity,
        evidence: Evidence,
        reads_teams: Callable[[], bool],
    ) -> None:
        super().__init__(tap, intercom, identity, evidence)
        self._reads_teams = reads_teams

    @override
    def read_rows(self) -> Iterator[Admin]:
        claims = TeamClaims() if self._reads_teams() else None
        admins = teams = 0
        for admin in self.intercom.rows(self.endpoint):
            if admin.type == TEAM:
                teams += 1
                continue
            admins += 1
            if claims:
                claims.add(admin.id, admin.team_ids)
                if levels := admin.team_priority_level:
                    claims.with_priority.update(levels.primary_team_ids or [])
                    claims.with_priority.update(levels.secondary_team_ids or [])
            yield admin
        if teams:
            self.logger.info("%s: left out %d rows of type 'team': no teammates", self.name, teams)
            self.evidence.filters["other"] = f"{teams} rows of type 'team' among the admins"
        if not admins:
            raise IntercomError(
                f"{self.intercom.build_request(self.endpoint)} answered with an empty list, but a "
                "workspace always has an admin: the access token or base_url is wrong. Check both."
            )
        self.team_claims = claims
