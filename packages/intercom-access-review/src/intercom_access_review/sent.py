"""The rows that Intercom sent, read from its responses as the tap kept them."""

from __future__ import annotations

from datetime import datetime
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
LISTED = {stream: stream for stream in ("admins", "teams", "roles", LOGS)}
LISTED["team_memberships"] = "teams"
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
    """Return the rows in the bodies of responses.

    Args:
        responses: The stream that sent each request, and the body that answered it.
        window: The time span of the log entries, if they were read.
    """
    listed: dict[str, list[Row]] = {"admins": [], "teams": []}
    rows: Rows = {}
    for stream, body in responses:
        if stream == "workspaces":
            rows[stream] = by_key(stream, [workspace_row(body)])
        elif key := LISTED.get(stream):
            found = body if isinstance(body, list) else body.get(key, body.get("data")) or []
            listed.setdefault(key, []).extend(found)
    people = (row for row in listed["admins"] if row.get("type") != "team")
    rows["admins"] = by_key("admins", people)
    rows["teams"] = by_key("teams", listed["teams"])
    rows["team_memberships"] = memberships(listed["teams"])
    if "roles" in listed:
        rows["roles"] = by_key("roles", listed["roles"])
    if window:
        begin, end = (datetime.fromisoformat(window[name]).timestamp() for name in ("from", "to"))
        entries = (row for row in listed.get(LOGS, []) if begin <= int(row["created_at"]) < end)
        rows[LOGS] = by_key(LOGS, entries)
    return rows


def by_key(stream: str, rows: Iterable[Row]) -> dict[Key, Row]:
    """Return rows by their key. Of those with the same key, the last one counts."""
    return {tuple(str(text_of(row[name])) for name in KEYS[stream]): row for row in rows}


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


def memberships(teams: list[Row]) -> dict[Key, Row]:
    """Return who is a member of which team. Of two levels, primary counts."""
    rows: dict[Key, Row] = {}
    for team in teams:
        priority = team.get("admin_priority_level") or {}
        for level in (None, "secondary", "primary"):
            members = priority.get(f"{level}_admin_ids") if level else team.get("admin_ids")
            for admin in members or ():
                key = (str(text_of(team["id"])), str(text_of(admin)))
                rows[key] = {"team_id": key[0], "admin_id": key[1], "priority_level": level}
    return rows
