"""Events: those of a run, and when the tests' own ones happened."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import jsonschema

from tap_intercom_access.sandbox.models import DAY

if TYPE_CHECKING:
    from tests.runs import Run

SEARCH = "/admins/activity_logs/search"
ALL = {"TAP_INTERCOM_ACCESS_ACTIVITY_TYPES": "[]"}
NOW = int(time.time())
CROWD = NOW - 10 * DAY
"""When many events happen in one second."""
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
"""Details of every form."""


def events(run: Run) -> list[dict[str, Any]]:
    assert run.code == 0, run.stderr
    (schema,) = run.of("SCHEMA", "activity_logs")
    validator = jsonschema.Draft202012Validator(schema["schema"])
    for record in run.records("activity_logs"):
        validator.validate(record)
    return run.records("activity_logs")


def ids(run: Run) -> list[str]:
    return [record["id"] for record in events(run)]


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def bookmark(run: Run) -> dict[str, Any]:
    mark: dict[str, Any] = run.of("STATE")[-1]["value"]["bookmarks"]["activity_logs"]
    return mark
