"""The last sign-in of each teammate, kept from run to run: each run reads only what is new.

`sign-ins.json` holds them by workspace: a run that failed after it read the logs may not have got
as far as the workspace, and its sign-ins stand under "" until the next complete run. The tap itself
refuses to go on from the state of one workspace in another.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from files import fail, output_workspace_id, write_json
from rows import parse_rows, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from files import Row

SIGN_INS = Path("sign-ins.json")
UNCONFIRMED = ""


def keep_of_unfinished_run() -> None:
    """Keep the sign-ins of a run after which no file was written, but not of another workspace."""
    latest = latest_sign_ins(row for row in parse_rows("activity_logs") if row)
    if not latest:
        return
    workspaces = {row["id"] for row in parse_rows("workspaces") if row}
    workspace = workspaces.pop() if workspaces else UNCONFIRMED
    if workspaces or (workspace and output_workspace_id() not in (None, workspace)):
        print("The last run was of another workspace: its sign-ins are not kept")
        return
    known = read_known()
    known[workspace] = merge(known.get(workspace, {}), latest)
    write_json(SIGN_INS, known)


def read_sign_ins(workspace_id: str) -> dict[str, str]:
    """Read the last known sign-ins after a complete run, by teammate."""
    known = read_known()
    kept = merge(known.get(workspace_id, {}), known.get(UNCONFIRMED, {}))
    return merge(kept, latest_sign_ins(read_rows("activity_logs")))


def keep(workspace_id: str, latest: dict[str, str]) -> None:
    """Keep the sign-ins of a complete run, and no other workspace's."""
    if latest or SIGN_INS.exists():
        write_json(SIGN_INS, {workspace_id: latest})


def read_known() -> dict[str, dict[str, str]]:
    """Read what earlier runs kept, by workspace."""
    if not SIGN_INS.exists():
        return {}
    try:
        known = json.loads(SIGN_INS.read_text(encoding="utf-8"))
        if all(isinstance(time, str) for time in known.values()):
            return {output_workspace_id() or UNCONFIRMED: known}  # as version 0.1.0 wrote it
        return {workspace: dict(latest) for workspace, latest in known.items()}
    except (ValueError, AttributeError):
        fail(f"{SIGN_INS} was changed: remove it, and read the logs anew with --full-refresh")


def latest_sign_ins(events: Iterable[Row]) -> dict[str, str]:
    """Give the last sign-in of each teammate among events."""
    latest: dict[str, str] = {}
    for event in events:
        admin_id = (event.get("performed_by") or {}).get("id")
        if admin_id and event.get("activity_type") == "admin_login_success":
            latest[admin_id] = max(latest.get(admin_id, ""), event["created_at"])
    return latest


def merge(earlier: dict[str, str], later: dict[str, str]) -> dict[str, str]:
    """Give the later sign-in of each teammate."""
    return {id_: max(earlier.get(id_, ""), later.get(id_, "")) for id_ in earlier | later}
