"""The records of one complete sync, in a file with the output of the tap."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import click
import msgspec

if TYPE_CHECKING:
    from pathlib import Path

Id = Annotated[str, msgspec.Meta(min_length=1)]
# The export adds these prefixes to other IDs, so that all of them stay distinct.
UserId = Annotated[Id, msgspec.Meta(pattern="^(?!workspace-|team-|role-)")]
Time = Annotated[datetime, msgspec.Meta(tz=True)]


class Named(msgspec.Struct):
    """A record of `workspaces` or `teams`."""

    id: Id
    name: str | None


class Reference(msgspec.Struct):
    """The role of a teammate, or the author of a log entry."""

    id: str | None = None
    name: str | None = None


class Admin(msgspec.Struct):
    """A record of `admins`."""

    id: UserId
    name: str | None
    email: str | None
    has_inbox_seat: bool | None
    role: Reference | None
    team_ids: list[str] | None
    job_title: str | None = None


class Membership(msgspec.Struct):
    """A record of `team_memberships`."""

    team_id: Id
    admin_id: UserId
    priority_level: Literal["primary", "secondary"] | None


class LogEntry(msgspec.Struct):
    """A record of `activity_logs`."""

    activity_type: str | None
    created_at: Time
    performed_by: Reference | None


class Records(msgspec.Struct):
    """The records of a sync, by stream."""

    workspaces: list[Named] = []
    admins: list[Admin] = []
    teams: list[Named] = []
    team_memberships: list[Membership] = []
    activity_logs: list[LogEntry] = []


class Message(msgspec.Struct):
    """A Singer message."""

    type: str
    stream: str = ""
    record: msgspec.Raw = msgspec.Raw(b"null")


SHAPES = {field.name: get_args(field.type)[0] for field in msgspec.structs.fields(Records)}


def read_records(source: Path) -> Records:
    """Read the records of one complete sync.

    Raises:
        click.ClickException: The file is not the output of the tap for one complete sync.
        OSError: The file cannot be read.
    """
    records, number = Records(), 0
    try:
        with source.open("rb") as file:
            for number, line in enumerate(file, start=1):  # noqa: B007 (for the error)
                message = msgspec.json.decode(line, type=Message)
                if message.type == "RECORD" and (shape := SHAPES.get(message.stream)):
                    record = msgspec.json.decode(message.record, type=shape)
                    getattr(records, message.stream).append(record)
    except (msgspec.DecodeError, RecursionError) as error:
        raise click.ClickException(
            f"{source}, line {number} is not complete output of the tap ({error}). Run the tap "
            "again with all columns selected, without flattening and stream maps."
        ) from error
    if problem := _incompleteness(records):
        raise click.ClickException(f"{source} has {problem}.")
    return records


def _incompleteness(records: Records) -> str:
    """Return why the records are not those of one complete sync, or an empty string."""
    members = {(row.team_id, row.admin_id) for row in records.team_memberships}
    teams = {team.id for team in records.teams}
    if not records.workspaces:
        return "no record of the workspace. Select workspaces, and export only complete syncs"
    if not records.admins:
        return "no records of teammates. Select admins"
    if len(records.workspaces) > 1 or len(members) < len(records.team_memberships):
        return "records of several syncs. Write each sync to a new file"
    has_members = any(admin.team_ids for admin in records.admins)
    if not teams.issuperset(team_id for team_id, _ in members) or (has_members and not members):
        return "teammates in teams that it lacks. Select teams and team_memberships"
    return ""
