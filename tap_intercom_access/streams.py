"""What Intercom calls things: the lists that this tap reads, and the records it makes of them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
import singer_sdk.typing as th

from tap_intercom_access.answers import Admin, AdminList, Team, TeamList, members
from tap_intercom_access.client import IntercomStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Record

    from tap_intercom_access.tap import TapIntercomAccess


IDS = th.ArrayType(th.StringType(nullable=False))


class AdminsStream(IntercomStream[Admin]):
    """Teammates: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/listadmins."""

    name = "admins"
    path = "/admins"
    primary_keys = ("id",)
    answer = AdminList
    may_be_empty = False

    schema = th.PropertiesList(
        th.Property("id", th.StringType, required=True, description="Id of the teammate."),
        th.Property("name", th.StringType, description="Name of the teammate."),
        th.Property("email", th.StringType, description="E-mail address that the teammate has."),
        th.Property("job_title", th.StringType, description="Job title of the teammate."),
        th.Property(
            "has_inbox_seat", th.BooleanType, description="Whether the teammate has an inbox seat."
        ),
        th.Property(
            "away_mode_enabled", th.BooleanType, description="Whether the teammate is set to away."
        ),
        th.Property(
            "away_mode_reassign",
            th.BooleanType,
            description="Whether conversations of the teammate are reassigned while away.",
        ),
        th.Property(
            "away_status_reason_id", th.StringType, description="Id of the reason for being away."
        ),
        th.Property(
            "role",
            th.ObjectType(
                th.Property("id", th.StringType, description="Id of the role."),
                th.Property("name", th.StringType, description="Name of the role."),
            ),
            description="Role that says what the teammate may do; null without one.",
        ),
        th.Property("team_ids", IDS, description="Ids of the teams of the teammate."),
        th.Property(
            "team_priority_level",
            th.ObjectType(
                th.Property(
                    "primary_team_ids",
                    IDS,
                    description="Ids of the teams that the teammate is a primary member of.",
                ),
                th.Property(
                    "secondary_team_ids",
                    IDS,
                    description="Ids of the teams that the teammate is a secondary member of.",
                ),
            ),
            description="Teams of the teammate by priority, where teams balance their load.",
        ),
        th.Property("avatar_url", th.StringType, description="URL of the teammate's picture."),
    ).to_dict() | {"description": "Teammates: everybody who has access to the workspace."}

    def records(self) -> Iterator[Record]:
        """Give one record per teammate."""
        claims: dict[str, list[str]] = {}
        for admin in self.read():
            for team_id in admin.team_ids or []:
                claims.setdefault(team_id, []).append(admin.id)
            record = msgspec.to_builtins(admin)
            avatar = record.pop("avatar")
            record["avatar_url"] = avatar["image_url"] if isinstance(avatar, dict) else avatar
            yield record
        self.tap.consistency.admins_read(self.seen, claims)


class TeamsStream(IntercomStream[Team]):
    """Teams: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/teams/listteams."""

    name = "teams"
    path = "/teams"
    primary_keys = ("id",)
    answer = TeamList

    schema = th.PropertiesList(
        th.Property("id", th.StringType, required=True, description="Id of the team."),
        th.Property("name", th.StringType, description="Name of the team."),
        th.Property("admin_ids", IDS, description="Ids of the members of the team."),
        th.Property(
            "admin_priority_level",
            th.ObjectType(
                th.Property(
                    "primary_admin_ids", IDS, description="Ids of the team's primary members."
                ),
                th.Property(
                    "secondary_admin_ids", IDS, description="Ids of the team's secondary members."
                ),
            ),
            description="Members of the team by priority, where the team balances its load.",
        ),
        th.Property(
            "assignment_limit",
            th.IntegerType,
            description="How many conversations a member gets at once, where the team has a limit.",
        ),
        th.Property(
            "distribution_method",
            th.StringType,
            description="How the team distributes conversations among its members.",
        ),
    ).to_dict() | {"description": "Teams of the workspace."}

    @cached_property
    def rows(self) -> list[Team]:
        """The list of teams, read once for this stream and for the memberships."""
        return list(self.read())

    @cached_property
    def members(self) -> dict[str, dict[str, str | None]]:
        """The members of each team, with their priority level."""
        found = members(self.rows)
        self.tap.consistency.teams_read(found)
        return found

    def records(self) -> Iterator[Record]:
        """Give one record per team."""
        yield from map(msgspec.to_builtins, self.rows)
        _ = self.members  # read by now, so that they are compared without the other stream, too


class TeamMembershipsStream(IntercomStream[Team]):
    """Members of the teams, from the same answer as the teams."""

    name = "team_memberships"
    path = TeamsStream.path
    primary_keys = ("team_id", "admin_id")
    answer = TeamList

    schema = th.PropertiesList(
        th.Property("team_id", th.StringType, required=True, description="Id of the team."),
        th.Property("admin_id", th.StringType, required=True, description="Id of the teammate."),
        th.Property(
            "priority_level",
            th.StringType,
            description="`primary` or `secondary`; null where the team does not balance its load.",
        ),
    ).to_dict() | {
        "description": "Who is a member of which team: one record per team and teammate."
    }

    def __init__(self, tap: TapIntercomAccess, teams: TeamsStream) -> None:
        """Take the stream whose answer holds the members."""
        super().__init__(tap)
        self._teams = teams

    def records(self) -> Iterator[Record]:
        """Give one record per team and member."""
        for team_id, levels in self._teams.members.items():
            for admin_id, level in levels.items():
                yield {"team_id": team_id, "admin_id": admin_id, "priority_level": level}
