"""The demo workspace with its events, and workspaces of any size."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tap_intercom_access.sandbox.history import event, sign_in
from tap_intercom_access.sandbox.models import DAY, Admin, Event, Team
from tap_intercom_access.sandbox.workspace import Workspace

SIGN_IN_WEEKS: dict[int, list[int]] = {1008: [11], 1012: [], 1014: []}
"""Teammates who don't sign in every week, with the weeks of their sign-ins, counted backward."""


def demo(now: int | None = None) -> Workspace:
    """Return the workspace of a small company at a time (Unix seconds).

    It has an owner and a lead, agents in one and in several teams, a contractor without a role or
    team, a shared mailbox, a read-only auditor, a teammate who is away, Intercom's bot, and an
    empty team.
    """
    story, now = _story(), now or int(time.time())
    admins = [Admin(**admin) for admin in story["admins"]]
    workspace = Workspace(admins, [Team(**team) for team in story["teams"]])
    workspace.history = _sign_ins(now, range(1, 12), admins, apart=600)
    workspace.history += _events(now, story["first_quarter"], admins)
    return workspace


def advance_quarter(workspace: Workspace, since: int | None = None) -> None:
    """Change the demo as if a quarter passed: a leaver, a joiner, other teams, roles, and seats.

    Args:
        workspace: The demo as it was a quarter ago.
        since: Unix seconds. From this time until now, teammates sign in once a week.
    """
    admins = {admin.id: admin for admin in workspace.admins}
    story, now = _story(), int(time.time())
    joiner = Admin(**story["joiner"])
    weeks = range(1, (now - (since or now)) // (7 * DAY))
    regular = [admin for admin in workspace.admins if admin.id not in SIGN_IN_WEEKS]
    workspace.history += _sign_ins(now, weeks, regular)
    workspace.history += _events(now, story["second_quarter"], [*workspace.admins, joiner])
    teams = {team.id: team for team in workspace.teams}
    workspace.leave(1010)  # Marcus
    workspace.admins.append(joiner)
    teams[501].members.append(1013)
    teams[504].members += [1004, 1013]  # the night shift begins
    teams[501].members.remove(1003)  # 陈伟 stays in Billing only
    admins[1004].role = "2"  # Zoë is promoted
    admins[1005].away = False
    admins[1006].seat = False
    admins[1012].seat = True


def _story() -> dict[str, Any]:
    """Return the demo's teammates, teams, and events. Times are relative to now, in seconds."""
    text = Path(__file__).with_name("demo.json").read_text(encoding="utf-8")
    story: dict[str, Any] = json.loads(text)
    return story


def _events(now: int, rows: list[dict[str, Any]], admins: Iterable[Admin]) -> list[Event]:
    by_id = {admin.id: admin for admin in admins}
    return [
        event(now + row["at"], row["type"], by_id.get(row["by"]), row["text"], **row["metadata"])
        for row in rows
    ]


def _sign_ins(now: int, weeks: range, admins: Iterable[Admin], *, apart: int = 0) -> list[Event]:
    """Return weekly sign-ins of each teammate, some seconds apart, except for `SIGN_IN_WEEKS`."""
    return [
        sign_in(now - week * 7 * DAY + number * apart, admin)
        for number, admin in enumerate(admins)
        for week in SIGN_IN_WEEKS.get(admin.id, weeks)
    ]


def generate_workspace(admins: int, teams: int) -> Workspace:
    """Return a workspace of a given size. Each teammate is in one team, if there are teams."""
    everybody = [
        Admin(10_000 + number, f"Teammate {number}", f"teammate{number}@example.com", role="3")
        for number in range(admins)
    ]
    everyone = [admin.id for admin in everybody]
    return Workspace(
        everybody,
        [Team(500 + n, f"Team {n}", everyone[n::teams]) for n in range(teams)],
    )
