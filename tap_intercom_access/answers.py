"""What Intercom sends, as far as this tap uses it; every field but the ids may be left out.

Decoding an answer into these shapes is what checks it. Ids, which Intercom sends as strings in some
places and as integers in others, are strings in all of them, so that the streams join.

Source: https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

from sys import intern  # one object per id, however many lists name it
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    Id = str  # what an id is in every row
else:
    Id = Annotated[str, msgspec.Meta(min_length=1)] | int  # what Intercom sends, by the place


class Row(msgspec.Struct, gc=False):
    """An object of a list."""

    id: Id

    def __post_init__(self) -> None:
        """Turn the id into a string."""
        self.id = intern(str(self.id))


RowT = TypeVar("RowT", bound=Row)


class Answer(msgspec.Struct, Generic[RowT]):
    """A page of a list; each list's subclass says under which key its rows are."""

    rows: list[RowT]
    type: str | None = None
    total_count: int | None = None


def _strings(ids: list[str] | None) -> list[str] | None:
    return None if ids is None else [intern(str(id_)) for id_ in ids]


class Role(msgspec.Struct, gc=False):
    """Role of a teammate in the workspace."""

    id: Id | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        """Turn the id into a string."""
        self.id = None if self.id is None else str(self.id)


class Avatar(msgspec.Struct, gc=False):
    """The longer of the two forms of an avatar."""

    image_url: str | None = None


class TeamPriorityLevel(msgspec.Struct, gc=False):
    """Teams of a teammate by priority."""

    primary_team_ids: list[Id] | None = None
    secondary_team_ids: list[Id] | None = None

    def __post_init__(self) -> None:
        """Turn the ids into strings."""
        self.primary_team_ids = _strings(self.primary_team_ids)
        self.secondary_team_ids = _strings(self.secondary_team_ids)


class AdminPriorityLevel(msgspec.Struct, gc=False):
    """Members of a team by priority."""

    primary_admin_ids: list[Id] | None = None
    secondary_admin_ids: list[Id] | None = None

    def __post_init__(self) -> None:
        """Turn the ids into strings."""
        self.primary_admin_ids = _strings(self.primary_admin_ids)
        self.secondary_admin_ids = _strings(self.secondary_admin_ids)


class Admin(Row):
    """A teammate, as `GET /admins` lists it."""

    name: str | None = None
    email: str | None = None
    job_title: str | None = None
    has_inbox_seat: bool | None = None
    away_mode_enabled: bool | None = None
    away_mode_reassign: bool | None = None
    away_status_reason_id: Id | None = None
    role: Role | None = None
    team_ids: list[Id] | None = None
    team_priority_level: TeamPriorityLevel | None = None
    avatar: str | Avatar | None = None

    def __post_init__(self) -> None:
        """Turn all ids into strings."""
        super().__post_init__()
        self.team_ids = _strings(self.team_ids)
        if self.away_status_reason_id is not None:
            self.away_status_reason_id = str(self.away_status_reason_id)


class Team(Row):
    """A team, as `GET /teams` lists it."""

    name: str | None = None
    admin_ids: list[Id] | None = None
    admin_priority_level: AdminPriorityLevel | None = None
    assignment_limit: int | None = None
    distribution_method: str | None = None

    def __post_init__(self) -> None:
        """Turn all ids into strings."""
        super().__post_init__()
        self.admin_ids = _strings(self.admin_ids)

    def levels(self) -> dict[str, str | None]:
        """Give the members' ids, each with its priority level; primary wins."""
        levels: dict[str, str | None] = dict.fromkeys(self.admin_ids or [])
        if priority := self.admin_priority_level:
            levels.update(dict.fromkeys(priority.secondary_admin_ids or [], "secondary"))
            levels.update(dict.fromkeys(priority.primary_admin_ids or [], "primary"))
        return levels


class AdminList(Answer[Admin]):
    """Answer of `GET /admins`."""

    rows: list[Admin] = msgspec.field(name="admins")


class TeamList(Answer[Team]):
    """Answer of `GET /teams`."""

    rows: list[Team] = msgspec.field(name="teams")


class Performer(msgspec.Struct, gc=False):
    """Who did what an activity log tells."""

    id: Id | None = None
    type: str | None = None
    email: str | None = None
    ip: str | None = None

    def __post_init__(self) -> None:
        """Turn the id into a string."""
        self.id = None if self.id is None else str(self.id)


class ActivityLog(Row):
    """An event, as `POST /admins/activity_logs/search` lists it; its time is in Unix seconds."""

    created_at: int
    activity_type: str | None = None
    activity_description: str | None = None
    performed_by: Performer | None = None
    metadata: dict[str, Any] | None = None


class ActivityLogList(Answer[ActivityLog]):
    """Answer of `POST /admins/activity_logs/search`."""

    rows: list[ActivityLog] = msgspec.field(name="activity_logs")


class ActivityTypes(msgspec.Struct, gc=False):
    """Answer of `GET /admins/activity_log_event_types`."""

    event_types: list[str]


def members(teams: list[Team]) -> dict[str, dict[str, str | None]]:
    """Give the members of each team with their priority level.

    A team that Intercom listed twice, with different members, has all of them: an access list errs
    on the side of showing.
    """
    result: dict[str, dict[str, str | None]] = {}
    for team in teams:
        result.setdefault(team.id, {}).update(team.levels())
    return result
