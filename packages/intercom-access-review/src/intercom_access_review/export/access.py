"""Who has which access to a workspace, according to one complete sync."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import click

from intercom_access_review import texts
from intercom_access_review.export.records import Reference, read_records
from intercom_access_review.spreadsheets import read_table

if TYPE_CHECKING:
    from pathlib import Path

    from intercom_access_review.export.records import Admin, LogEntry


class Resource(NamedTuple):
    """The workspace, a team, or a role."""

    kind: str
    id: str
    """Intercom's ID with the kind as a prefix, so that a team 7 and a role 7 differ."""
    name: str


Grant = tuple[Resource, str]
"""A resource, and what somebody has of it: `member`, `inbox_seat`, `assigned`, or a level."""


@dataclass
class User:
    """An account and what is known about it; strings that are not known are empty."""

    id: str
    name: str
    grants: list[Grant]
    last_login: str
    email: str = ""
    key: str = ""
    """The address in the form in which addresses are compared."""
    job_title: str = ""
    has_inbox_seat: bool | None = None
    owner: str = ""
    """Address of the person responsible for a service account."""
    is_person: bool = True
    """Whether the account is neither Intercom's bot nor a service account."""

    def names(self, kind: str) -> list[str]:
        """Return the names of the user's resources of one kind."""
        return list(dict.fromkeys(one.name for one, _ in self.grants if one.kind == kind))


class Access(NamedTuple):
    """Who has which access, in the order of IDs."""

    workspace: Resource
    resources: list[Resource]
    users: list[User]


def read_access(source: Path, owners: dict[str, str]) -> Access:
    """Read who has which access.

    Args:
        source: The output of the tap.
        owners: Owners of service accounts by the comparison key of the account's address.

    Raises:
        click.ClickException: The output cannot be read, or is not that of one complete sync.
    """
    records = read_records(source)
    (row,) = records.workspaces
    workspace = Resource("workspace", f"workspace-{row.id}", texts.visible_name(row.name) or row.id)
    teams = _resources("team", {row.id: texts.visible_name(row.name) for row in records.teams})
    roles = _resources("role", dict(map(_role, records.admins)))
    admins = {admin.id: admin for admin in records.admins}  # the last record of an ID counts
    grants = {id_: _grants(admin, workspace, roles) for id_, admin in admins.items()}
    for membership in sorted(records.team_memberships, key=lambda row: row.team_id):
        team = teams[membership.team_id]
        levels = [membership.priority_level] if membership.priority_level else []
        granted = grants.setdefault(membership.admin_id, [])
        granted += [(team, level) for level in ("member", *levels)]
    logins = _last_logins(records.activity_logs)
    users = []
    for id_ in sorted(grants):
        user = User(id_, id_, grants[id_], logins.get(id_, ""))
        if admin := admins.get(id_):
            user.name = texts.visible_name(admin.name) or id_
            user.email = texts.single_line(admin.email)
            user.job_title = texts.single_line(admin.job_title)
            user.has_inbox_seat = admin.has_inbox_seat
            user.key = texts.comparison_key(admin.email)
            user.owner = owners.get(user.key, "")
            user.is_person = not user.owner and not texts.is_bot_address(admin.email)
        else:
            where = ", ".join(user.names("team"))
            user.name = f"{id_} (in {where}, not in the list of teammates)"
        users.append(user)
    return Access(workspace, [workspace, *teams.values(), *roles.values()], users)


def read_service_accounts(path: Path) -> dict[str, str]:
    """Return the owners of service accounts by the comparison key of the account's address.

    Raises:
        click.ClickException: The file cannot be read, or a line of it is wrong.
    """
    rows = read_table(path, ("email", "owner")).rows
    keys = [texts.comparison_key(row["email"]) for _, row in rows]
    for (number, row), key in zip(rows, keys, strict=True):
        problem = ""
        if "@" not in key or "@" not in row["owner"]:
            problem = f"'{key}' and '{row['owner']}' must both be email addresses"
        elif keys.count(key) > 1:
            problem = f"{key} is listed twice. Remove one of the lines"
        elif texts.comparison_key(row["owner"]) in keys:
            problem = f"the owner {row['owner']} is a service account. Enter a person's address"
        if problem:
            raise click.ClickException(f"{path}, line {number}: {problem}.")
    return {key: row["owner"] for (_, row), key in zip(rows, keys, strict=True)}


def _resources(kind: str, names: dict[str, str]) -> dict[str, Resource]:
    """Return resources by Intercom's ID, with names that differ visibly."""
    named = {id_: names[id_] or id_ for id_ in sorted(names) if id_}
    distinct = texts.distinct_names(named)
    return {id_: Resource(kind, f"{kind}-{id_}", name) for id_, name in distinct.items()}


def _role(admin: Admin) -> tuple[str, str]:
    """Return the ID of a role, or its name if it has no ID, and its name; both may be empty."""
    role = admin.role or Reference()
    name = texts.visible_name(role.name)
    return role.id or name, name


def _grants(admin: Admin, workspace: Resource, roles: dict[str, Resource]) -> list[Grant]:
    grants = [(workspace, "member")]
    if admin.has_inbox_seat:
        grants.append((workspace, "inbox_seat"))
    if role := roles.get(_role(admin)[0]):
        grants.append((role, "assigned"))
    return grants


def _last_logins(entries: list[LogEntry]) -> dict[str, str]:
    return {
        entry.performed_by.id: entry.created_at.isoformat()
        for entry in sorted(entries, key=lambda entry: entry.created_at)
        if entry.activity_type == "admin_login_success"
        if entry.performed_by and entry.performed_by.id
    }
