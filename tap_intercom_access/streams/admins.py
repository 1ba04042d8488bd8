"""Teammates: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/listadmins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
from typing_extensions import override

from tap_intercom_access.intercom import Id, IntercomError, Row, list_of
from tap_intercom_access.intercom.errors import counted
from tap_intercom_access.streams.base import IntercomStream
from tap_intercom_access.streams.consistency import TeamClaims
from tap_intercom_access.streams.schema import column, schema_of

TEAM = "team"
"""Type of rows that old API versions list among the teammates."""

PRIORITY_COLUMNS = {
    ("team_priority_level", f"{level}_team_ids") for level in ("primary", "secondary")
}


class Role(msgspec.Struct, gc=False):
    """Role of a teammate in the workspace."""

    id: Annotated[Id | None, column("ID of the role.")] = None
    name: Annotated[str | None, column("Name of the role.")] = None


class TeamPriorityLevel(msgspec.Struct, gc=False):
    """Teams of a teammate by priority."""

    primary_team_ids: Annotated[
        list[Id] | None, column("IDs of the teams that the teammate is a primary member of.")
    ] = None
    secondary_team_ids: Annotated[
        list[Id] | None, column("IDs of the teams that the teammate is a secondary member of.")
    ] = None


class Avatar(msgspec.Struct, gc=False):
    """An avatar as an object. Other responses contain only its URL."""

    image_url: str | None = None


class Admin(Row, gc=False):
    """A teammate of `GET /admins`. Each field is a column."""

    id: Annotated[Id, column("ID of the teammate.")]
    type: Annotated[
        str | None, column("Type as sent by Intercom: `admin`, including for Intercom's bot.")
    ] = None
    name: Annotated[str | None, column("Name of the teammate.")] = None
    email: Annotated[str | None, column("Email address of the teammate.")] = None
    job_title: Annotated[str | None, column("Job title of the teammate.")] = None
    has_inbox_seat: Annotated[bool | None, column("Whether the teammate has an inbox seat.")] = None
    away_mode_enabled: Annotated[bool | None, column("Whether the teammate is set to away.")] = None
    away_mode_reassign: Annotated[
        bool | None, column("Whether conversations of the teammate are reassigned while away.")
    ] = None
    away_status_reason_id: Annotated[Id | None, column("ID of the reason for being away.")] = None
    role: Annotated[
        Role | None,
        column("Role of the teammate; null if no role is assigned (permissions may be custom)."),
    ] = None
    team_ids: Annotated[list[Id] | None, column("IDs of the teams of the teammate.")] = None
    team_priority_level: Annotated[
        TeamPriorityLevel | None,
        column("Teams of the teammate by priority, for teams that balance their load."),
    ] = None
    avatar_url: Annotated[str | Avatar | None, column("URL of the teammate's picture.")] = (
        msgspec.field(name="avatar", default=None)
    )

    def __post_init__(self) -> None:
        """Replace the avatar with its URL."""
        if isinstance(self.avatar_url, Avatar):
            self.avatar_url = self.avatar_url.image_url


class AdminsStream(IntercomStream):
    """Everyone who has access to the workspace."""

    name = "admins"
    primary_keys = ("id",)
    shape = Admin
    endpoint = list_of("admins", Admin, "/admins")
    schema = schema_of(Admin, "Teammates: everyone who has access to the workspace.")
    full_list = True
    untyped = ("type",)  # to skip rows of teams, even if the column is deselected

    team_claims: TeamClaims | None = None
    """Memberships in the complete list. None until it was read, or if a column is deselected."""

    @override
    def read_rows(self) -> Iterator[Admin]:
        claims = TeamClaims()
        skipped = 0
        for admin in self.intercom.rows(self.narrowed_endpoint()):
            if admin.type == TEAM:
                skipped += 1
                continue
            claims.add(admin.id, admin.team_ids)
            if levels := admin.team_priority_level:
                claims.with_priority.update(levels.primary_team_ids or [])
                claims.with_priority.update(levels.secondary_team_ids or [])
            yield admin
        if skipped:
            self.logger.info("Skipped %s of type 'team' (not teammates)", counted(skipped, "row"))
            self.filters["other"] = f"{counted(skipped, 'row')} of type 'team' among the admins"
        if not claims.admin_ids:
            raise IntercomError(
                f"{self.intercom.build_request(self.endpoint)} listed no teammates, but a "
                "workspace always has an admin.",
                "The access token or base_url is wrong. Check both.",
            )
        if {("team_ids",), *PRIORITY_COLUMNS} <= {*self.columns}:
            self.team_claims = claims
