"""The rows that Intercom sent, read from its responses as the tap kept them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from intercom_access_review.project import Row

LISTS = ("workspaces", "admins", "teams", "team_memberships")
OPTIONAL_LISTS = ("roles",)
LOGS = "activity_logs"
KEYS = {
    "workspaces": ("id",),
    "admins": ("id",),
    "teams": ("id",),
    "team_memberships": ("team_id", "admin_id"),
    "roles": ("id",),
    LOGS: ("id",),
}
LISTED = {"admins": "admins", "teams": "teams", "team_memberships": "teams", LOGS: LOGS}
"""The key of the rows in the body of a response, by the stream that asked for it."""

Key = tuple[str, ...]
Rows = dict[str, dict[Key, "Row"]]
"""Rows by stream and key."""


def text_of(id_: object) -> str | None:
    """Return an ID, which Intercom sends as a string or as a number, as a string."""
    if id_ is None:
        return None
    return str(int(id_)) if isinstance(id_, float) else str(id_)


def sent_rows(responses: Iterable[tuple[str, Any]], window: Row | None) -> Rows:
    """Return the rows in the bodies of responses, in the columns of the tap.

    Args:
        responses: The stream that sent each request, and the body that answered it.
        window: The time span of the log entries, if they were read.
    """
    listed: dict[str, list[Row]] = {"admins": [], "teams": [], LOGS: []}
    rows: Rows = {stream: {} for stream in LISTS}
    for stream, body in responses:
        if stream == "workspaces":
            me = workspace_row(body)
            rows[stream][(me["id"],)] = me
        elif stream == "roles":
            found = body.get("data", body.get("roles")) or []
            rows.setdefault(stream, {}).update(by_key(stream, map(role_row, found)))
        elif stream in LISTED:
            key = LISTED[stream]
            listed[key] += body if isinstance(body, list) else body.get(key) or []
    people = (row for row in listed["admins"] if row.get("type") != "team")
    rows["admins"] = by_key("admins", map(admin_row, people))
    rows["teams"] = by_key("teams", map(team_row, listed["teams"]))
    rows["team_memberships"] = by_key("team_memberships", membership_rows(listed["teams"]))
    if window:
        begin, end = (datetime.fromisoformat(window[name]).timestamp() for name in ("from", "to"))
        entries = (row for row in listed[LOGS] if begin <= int(row["created_at"]) < end)
        rows[LOGS] = by_key(LOGS, map(log_row, entries))
    return rows


def by_key(stream: str, rows: Iterable[Row]) -> dict[Key, Row]:
    """Return rows by their key. Of those with the same key, the last one counts."""
    return {tuple(str(row[name]) for name in KEYS[stream]): row for row in rows}


def workspace_row(me: Row) -> Row:
    """Return the workspace, and the owner of the token."""
    app = me["app"]
    return {
        "id": text_of(app["id_code"]),
        "name": app.get("name"),
        "region": app.get("region"),
        "token_admin_id": text_of(me.get("id")),
        "token_admin_name": me.get("name"),
        "token_admin_email": me.get("email"),
    }


def admin_row(row: Row) -> Row:
    """Return a teammate."""
    role = row.get("role") or {}
    return {
        "id": text_of(row["id"]),
        "name": row.get("name"),
        "email": row.get("email"),
        "job_title": row.get("job_title"),
        "has_inbox_seat": row.get("has_inbox_seat"),
        "role": {"id": text_of(role.get("id")), "name": role.get("name")},
    }


def team_row(row: Row) -> Row:
    """Return a team."""
    return {"id": text_of(row["id"]), "name": row.get("name")}


def role_row(row: Row) -> Row:
    """Return a role."""
    return {
        "id": text_of(row["id"]),
        "name": row.get("name"),
        "description": row.get("description"),
    }


def membership_rows(teams: list[Row]) -> list[Row]:
    """Return who is a member of which team. Of two levels, primary counts."""
    rows: dict[Key, Row] = {}
    for team in teams:
        priority = team.get("admin_priority_level") or {}
        for level in (None, "secondary", "primary"):
            members = priority.get(f"{level}_admin_ids") if level else team.get("admin_ids")
            for admin in members or ():
                row = {"team_id": text_of(team["id"]), "admin_id": text_of(admin)}
                rows[(str(row["team_id"]), str(row["admin_id"]))] = row | {"priority_level": level}
    return list(rows.values())


def log_row(row: Row) -> Row:
    """Return a log entry."""
    by = row.get("performed_by") or {}
    return {
        "id": text_of(row["id"]),
        "created_at": datetime.fromtimestamp(int(row["created_at"]), timezone.utc).isoformat(),
        "activity_type": row.get("activity_type"),
        "activity_description": row.get("activity_description"),
        "performed_by": {"id": text_of(by.get("id")), "email": by.get("email")},
    }
