"""Intercom's responses (pages of a list, and events), and syncs of the activity logs."""

import time
from datetime import datetime
from typing import Any

from tap_intercom_access.sandbox.history import event
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.streams.activity_types import DEFAULT_TYPES
from tests.tap import Content, Result, catalog_of, sync

HTML = b"<html><head><title>Sign in</title></head>\n<body>Welcome</body></html>"

SEARCH = "/admins/activity_logs/search"
NOW = int(time.time())
METADATA = {
    "sign_in_method": "google",
    "external_id": "f3b8",
    "away_mode": True,
    "away_status_reason": "😌 On a break",
    "update_by": 93,
    "last_activity_at": 1671028894,
    "changes": {"window": {"before": 15, "after": 30.5}, "other": {"before": None, "after": []}},
    "team": {"id": 123, "name": "Süpport"},
    "expired_at": "2025-12-04T09:31:57.000Z",
    "before": {"a": [1, {"b": None}]},
    "after": "text instead of an object",
    "big": 2**60,
    "": "an empty name",
    'a "quoted" name.with dots': {"nested": {"deeply": [[1], [2]]}},
}
"""Metadata of an event with values of every type."""


def page(*ids: int, **more: object) -> dict[str, Any]:
    """Return a page of admins."""
    return {"type": "admin.list", "admins": [{"id": str(id_)} for id_ in ids], **more}


def with_next(next_page: object) -> dict[str, Any]:
    """Return the part of a page that contains `pages.next`."""
    return {"pages": {"type": "pages", "next": next_page}}


def after(cursor: str) -> dict[str, Any]:
    """Return the part of a page that contains a cursor in `pages.next`."""
    return with_next({"starting_after": cursor})


def sync_events(sandbox: Sandbox, state: Content | None = None, **settings: Any) -> Result:
    """Sync only the activity logs."""
    return sync(sandbox, catalog=catalog_of("activity_logs"), state=state, **settings)


def state_of(**bookmark: object) -> dict[str, Any]:
    """Return a state with a bookmark of the activity logs."""
    known = {"replication_key": "created_at", "activity_types": DEFAULT_TYPES}
    return {"bookmarks": {"activity_logs": known | bookmark}}


def export_at(at: float, description: str) -> dict[str, Any]:
    """Return an event."""
    return event(int(at), "bulk_export", None, description)


def events(run: Result) -> list[dict[str, Any]]:
    """Return the events of a run that succeeded."""
    assert run.error == ""
    return run.records("activity_logs")


def ids(run: Result) -> list[str]:
    return [record["id"] for record in events(run)]


def texts_of(run: Result) -> list[str]:
    return [record["activity_description"] for record in events(run)]


def bookmark_of(run: Result) -> dict[str, Any]:
    return run.bookmark("activity_logs")


def bookmark_time(run: Result) -> int:
    """Return the bookmark of a run in Unix seconds."""
    return seconds(bookmark_of(run)["replication_key_value"])


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
