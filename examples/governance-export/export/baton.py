"""The file of ConductorOne's baton-file: users, resources, entitlements and grants."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from accounts import display_name, role_id
from files import Row, fail
from texts import clean, name_of

if TYPE_CHECKING:
    from access import Access


def baton_file(access: Access) -> dict[str, list[Row]]:
    """Make the content of the file, by section."""
    app = f"workspace-{access.workspace['id']}"
    title = name_of(access.workspace["name"]) or app
    resources = [resource("workspace", "app", app, title)]
    entitlements = [
        entitlement(app, "member", f"Member of {title}"),
        entitlement(app, "inbox_seat", f"Inbox seat in {title}"),
    ]
    for team_id, team_name in access.teams.items():
        team = f"team-{team_id}"
        resources.append(resource("team", "group", team, team_name, app))
        entitlements += [
            entitlement(team, level, f"{level.capitalize()} of {team_name}")
            for level in ("member", "primary", "secondary")
        ]
    for id_, name in sorted(access.roles.items()):
        resources.append(resource("role", "role", id_, name, app))
        entitlements.append(entitlement(id_, "assigned", f"Role {name}"))
    users = [baton_user(access, user) for user in access.users]
    refuse_shared_ids(users + resources)
    return {
        "users": users,
        "resources": resources,
        "entitlements": entitlements,
        "direct_user_grants": [
            {"principal_id": user["id"], "resource_id": id_, "entitlement_slug": slug}
            for user in access.users
            for id_, slug in grants(user, app, access.memberships.get(user["id"], []))
        ],
    }


def baton_user(access: Access, user: Row) -> Row:
    """Make a user with all that is known, and nothing else."""
    email = clean(user.get("email"))
    profile = {
        "job_title": clean(user.get("job_title")),
        "has_inbox_seat": user.get("has_inbox_seat"),
        "role": access.role_of(user),
        "owner": access.owner_of(user),
    }
    record = {
        "email": email,
        "login": email,
        "type": None if access.is_person(user) else "service",
        "last_login": access.sign_ins.get(user["id"]),
        "profile": {name: value for name, value in profile.items() if value not in (None, "")},
    }
    return {"id": user["id"], "display_name": display_name(user)} | {
        name: value for name, value in record.items() if value
    }


def resource(kind: str, trait: str, id_: str, name: str, parent: str | None = None) -> Row:
    """Make a resource."""
    row = {"resource_type": kind, "trait": trait, "id": id_, "display_name": name}
    return row | ({"parent_resource": parent} if parent else {})


def entitlement(resource_id: str, slug: str, name: str) -> Row:
    """Make an entitlement."""
    return {"resource_id": resource_id, "entitlement_slug": slug, "display_name": name}


def grants(user: Row, app: str, teams: list[tuple[str, str | None]]) -> list[tuple[str, str]]:
    """Give resource and entitlement of everything that a user has."""
    granted = [] if "unlisted" in user else [(app, "member")]
    if user.get("has_inbox_seat"):
        granted.append((app, "inbox_seat"))
    if role := role_id(user):
        granted.append((role, "assigned"))
    for team_id, level in teams:
        granted += [(f"team-{team_id}", slug) for slug in ("member", level) if slug]
    return granted


def refuse_shared_ids(rows: list[Row]) -> None:
    """End the run if two users or resources share an id."""
    count = Counter(row["id"] for row in rows)
    if shared := [id_ for id_, times in count.items() if times > 1]:
        fail(f"these ids stand for two things, which baton-file refuses: {', '.join(shared)}")
