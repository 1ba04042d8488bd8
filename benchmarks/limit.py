"""A minimal script, the limit of speed: it fetches lists with requests, and prints records."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import requests

URL = os.environ["TAP_INTERCOM_ACCESS_BASE_URL"]
SESSION = requests.Session()
SESSION.headers["Authorization"] = f"Bearer {os.environ['TAP_INTERCOM_ACCESS_ACCESS_TOKEN']}"


def write(stream: str, record: dict[str, Any]) -> None:
    """Print a record."""
    sys.stdout.write(json.dumps({"type": "RECORD", "stream": stream, "record": record}) + "\n")


def rows(key: str) -> list[dict[str, Any]]:
    """Fetch a list, page after page."""
    result: list[dict[str, Any]] = []
    params: dict[str, str] | None = {}
    while params is not None:
        answer = SESSION.get(f"{URL}/{key}", params=params, timeout=60).json()
        after = (answer.get("pages") or {}).get("next")
        params = {"starting_after": after["starting_after"]} if after else None
        result += answer[key]
    return result


def access() -> None:
    """Print admins, teams and memberships."""
    for admin in rows("admins"):
        write("admins", admin)
    for team in rows("teams"):
        write("teams", team)
        for admin_id in team["admin_ids"]:
            write("team_memberships", {"team_id": team["id"], "admin_id": str(admin_id)})


def activity_logs() -> None:
    """Print all events, read in pages of 250."""
    page, pages = 1, 1
    while page <= pages:
        body = {"created_at_after": 0, "per_page": 250, "page": page}
        answer = SESSION.post(f"{URL}/admins/activity_logs/search", json=body, timeout=60).json()
        for event in answer["activity_logs"]:
            write("activity_logs", event)
        page, pages = page + 1, answer["pages"]["total_pages"]


if __name__ == "__main__":
    {"access": access, "activity_logs": activity_logs}[sys.argv[1]]()
