"""The access list of a workspace: users and their grants, for governance tools."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from intercom_access_review import texts
from intercom_access_review.evidence import check_columns, read_evidence
from intercom_access_review.project import Row, iso
from intercom_access_review.tables import loaded_tables


class Resource(NamedTuple):
    """The workspace, a team, or a role."""

    kind: str
    id: str
    """Intercom's ID with the kind as a prefix, so that a team 7 and a role 7 differ."""
    name: str


Grant = tuple[Resource, str]
"""A resource, and the level of access to it: `member`, `inbox_seat`, `assigned`, and so on."""


@dataclass
class User:
    """An account. Unknown strings are empty."""

    id: str
    name: str
    grants: list[Grant]
    email: str = ""
    job_title: str = ""
    has_inbox_seat: bool | None = None
    last_login: str = ""
    owner: str = ""
    """Address of the person responsible for a service account."""
    is_person: bool = True
    """Whether the account is neither Intercom's bot nor a service account."""

    def names(self, kind: str) -> list[str]:
        """Return the names of the user's resources of one kind."""
        return list(dict.fromkeys(one.name for one, _ in self.grants if one.kind == kind))


class AccessList(NamedTuple):
    """The users of a workspace with their grants, sorted by ID."""

    workspace: Resource
    resources: list[Resource]
    users: list[User]


def read_access(folder: Path, owners: dict[str, str]) -> AccessList:
    """Read the access list from the evidence of a sync.

    Args:
        folder: The evidence of a sync.
        owners: Owners of service accounts by the account's address.

    Raises:
        click.ClickException: The evidence isn't from one complete sync.
    """
    evidence = read_evidence(folder)
    check_columns(evidence)
    tables = loaded_tables(evidence.rows)
    (row,) = evidence.rows["workspaces"].values()
    workspace = Resource("workspace", f"workspace-{row['id']}", name_of(row["name"], row["id"]))
    admins, logins = tables["loaded_admins"], last_logins(tables["loaded_events"])
    teams = resources("team", {row["team_id"]: row["team_name"] for row in tables["loaded_teams"]})
    roles = resources("role", {row["role_id"]: row["role_name"] for row in admins})
    users = {row["admin_id"]: user_of(row, workspace, roles, owners) for row in admins}
    for row in sorted(tables["loaded_memberships"], key=lambda row: str(row["team_id"])):
        user = users.setdefault(row["admin_id"], User(row["admin_id"], "", []))
        levels = filter(None, ("member", row["priority_level"]))
        user.grants += [(teams[row["team_id"]], level) for level in levels]
    for user in users.values():
        where = ", ".join(user.names("team"))
        user.name = user.name or f"{user.id} (in {where}, not in the list of teammates)"
        user.last_login = logins.get(user.id, "")
    everything = [workspace, *teams.values(), *roles.values()]
    return AccessList(workspace, everything, [users[id_] for id_ in sorted(users)])


def user_of(
    admin: Row, workspace: Resource, roles: dict[str, Resource], owners: dict[str, str]
) -> User:
    """Return a teammate with all grants except those of teams."""
    grants = [(workspace, "member")]
    if admin["has_inbox_seat"]:
        grants.append((workspace, "inbox_seat"))
    if admin["role_id"]:
        grants.append((roles[admin["role_id"]], "assigned"))
    email = admin["email"] or ""
    owner = owners.get(email, "")
    return User(
        id=admin["admin_id"],
        name=name_of(admin["name"], admin["admin_id"]),
        grants=grants,
        email=email,
        job_title=texts.single_line(admin["job_title"]),
        has_inbox_seat=admin["has_inbox_seat"],
        owner=owner,
        is_person=not owner and not texts.is_bot_address(email),
    )


def name_of(name: str | None, id_: str) -> str:
    """Return a name, or the ID if the name is empty or invisible."""
    return texts.visible_name(name) or id_


def resources(kind: str, names: dict[str, str]) -> dict[str, Resource]:
    """Return resources by Intercom's ID, with names that differ visibly."""
    distinct = texts.distinct_names({id_: names[id_] for id_ in sorted(filter(None, names))})
    return {id_: Resource(kind, f"{kind}-{id_}", name) for id_, name in distinct.items()}


def last_logins(events: list[Row]) -> dict[str, str]:
    """Return the time of the last sign-in by the ID of the teammate."""
    logins = [event for event in events if event["activity_type"] == "admin_login_success"]
    logins.sort(key=lambda event: event["happened_at"])
    return {event["performed_by_id"]: iso(event["happened_at"]) or "" for event in logins}
