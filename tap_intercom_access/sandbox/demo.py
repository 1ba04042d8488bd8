"""The demo workspace with its story, and workspaces of any size."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tap_intercom_access.sandbox.history import event, joined, sign_in
from tap_intercom_access.sandbox.models import DAY, Admin, Team
from tap_intercom_access.sandbox.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_intercom_access.sandbox.models import Event

SIGN_IN_WEEKS: dict[int, list[int]] = {1008: [11], 1012: [], 1014: []}
"""How many weeks ago teammates signed in who don't do so every week."""


def demo(now: int | None = None) -> Workspace:
    """Return the workspace of a small company at a time in Unix seconds.

    It has an owner and a lead, agents in one and in several teams, a contractor without a role or
    team, a shared mailbox, a read-only auditor, a teammate who is away, Intercom's bot, and an
    empty team.
    """
    workspace = Workspace(
        admins=[
            Admin(1001, "Aoife Ní Bhriain", "aoife@example.com", "Head of Support", role="1"),
            Admin(1002, "Tomás Herrera", "tomas@example.com", "Team lead", role="2"),
            Admin(1003, "陈伟", "chen.wei@example.com", "Support agent", role="3"),
            Admin(1004, "Zoë Müller", "zoe@example.com", "Support agent", role="3"),
            Admin(1005, "Ibrahim al-Sayed", "ibrahim@example.com", role="3", away=True),
            Admin(1006, "Priya Raman", "priya@example.com", "Billing specialist", role="3"),
            Admin(1007, "Søren Kjær", "soren@contractor.example"),
            Admin(1008, "Олена Шевченко", "olena@example.com", "Auditor", seat=False, role="4"),
            Admin(1009, "Support mailbox", "support@example.com", role="3"),
            Admin(1010, "Marcus Webb", "marcus@example.com", "Support agent", role="3"),
            Admin(1011, "Grace 🌍 Okafor", "grace@example.com", "CFO", seat=False, role="4"),
            Admin(1012, "Dana Levi", "dana.levi@gmail.com", seat=False),
            # Intercom lists its own bot as a teammate with an address of this form.
            Admin(1014, "Fin", "operator+sandbox@intercom.io", seat=False),
        ],
        teams=[
            Team(501, "Support", [1002, 1003, 1004, 1005, 1009, 1010]),
            Team(502, "Escalations ⚡", [1001, 1002, 1004, 1010], [1001, 1002], [1004, 1010], 10),
            Team(503, "Billing", [1003, 1006, 1011], primary=[1006], secondary=[1003]),
            Team(504, "Night shift"),
        ],
    )
    admins = {admin.id: admin for admin in workspace.admins}
    now = now or int(time.time())
    workspace.history = _sign_ins(now, range(1, 12), workspace.admins, apart=600)
    workspace.history += _first_quarter(now, admins)
    return workspace


def advance_quarter(workspace: Workspace, since: int | None = None) -> None:
    """Change the demo as in a quarter: a leaver, a joiner, other teams, roles, and seats.

    Args:
        workspace: The demo, a quarter ago.
        since: Unix seconds after which teammates sign in once a week until now.
    """
    admins = {admin.id: admin for admin in workspace.admins}
    joiner = Admin(1013, "Lina Haddad", "lina@example.com", "Support agent", role="3")
    now = int(time.time())
    weeks = range(1, (now - (since or now)) // (7 * DAY))
    regular = [admin for admin in workspace.admins if admin.id not in SIGN_IN_WEEKS]
    workspace.history += _sign_ins(now, weeks, regular)
    workspace.history += _second_quarter(now, admins, joiner)
    teams = {team.id: team for team in workspace.teams}
    workspace.leave(1010)  # Marcus
    workspace.admins.append(joiner)
    teams[501].members.append(1013)
    teams[504].members += [1004, 1013]  # the night shift begins
    teams[501].members.remove(1003)  # 陈伟 is in Billing only
    admins[1004].role = "2"  # Zoë is promoted
    admins[1005].away = False
    admins[1006].seat = False
    admins[1012].seat = True


def _did(time: int, type_: str, admin: Admin, what: str, **metadata: object) -> Event:
    """Return the event of what a teammate did."""
    return event(time, type_, admin, f"{admin.name} {what}", **metadata)


def _sign_ins(now: int, weeks: range, admins: Iterable[Admin], *, apart: int = 0) -> list[Event]:
    """Return a sign-in a week for each teammate, some seconds apart, or as in `SIGN_IN_WEEKS`."""
    return [
        sign_in(now - week * 7 * DAY + number * apart, admin)
        for number, admin in enumerate(admins)
        for week in SIGN_IN_WEEKS.get(admin.id, weeks)
    ]


def _first_quarter(now: int, admins: dict[int, Admin]) -> list[Event]:
    """Return the other events of the demo's last eighty days."""
    owner, lead, away, mailbox = (admins[id_] for id_ in (1001, 1002, 1005, 1009))
    failure, how = "admin_login_failure", {"sign_in_method": "email_password"}
    failed = "failed to sign in"
    members = [1001, 1002, 1004, 1010]
    team = "changed the members of Escalations ⚡"
    team_change = {"before": {"admin_ids": members[:3]}, "after": {"admin_ids": members}}
    holiday = {"away_status_reason": "🌴 Holiday", "reassign_conversations": True}
    impersonation = "Intercom support began to impersonate Aoife Ní Bhriain"
    two_factor = "made two-factor authentication mandatory"
    off_to_on = {"before": False, "after": True}
    return [
        *joined(now - 75 * DAY, admins[1007], owner),
        *joined(now - 60 * DAY, admins[1012], lead),
        *(_did(now - day * DAY, failure, mailbox, failed, **how) for day in (40, 39, 3)),
        _did(now - 50 * DAY, "app_team_membership_modification", lead, team, **team_change),
        _did(
            now - 45 * DAY, "admin_away_mode_change", away, "went away", away_mode=True, **holiday
        ),
        event(now - 30 * DAY, "admin_impersonation_start", None, impersonation, consent_id=149673),
        _did(now - 20 * DAY, "admin_two_factor_auth_change", owner, two_factor, **off_to_on),
    ]


def _second_quarter(now: int, admins: dict[int, Admin], joiner: Admin) -> list[Event]:
    """Return the events behind the changes of `advance_quarter`, within the last two days."""
    owner, lead, promoted, billing, leaver = (admins[id_] for id_ in (1001, 1002, 1004, 1006, 1010))
    start = now - 2 * DAY
    removed = f"removed {leaver.name}"
    roles = {"before": {"role": "Support agent"}, "after": {"role": "Support lead"}}
    promotion = f"changed the role of {promoted.name}"
    seats = {"before": {"has_inbox_seat": True}, "after": {"has_inbox_seat": False}}
    seat = f"took the inbox seat of {billing.name}"
    members = {"before": {"admin_ids": []}, "after": {"admin_ids": [1004, joiner.id]}}
    team = "changed the members of Night shift"
    return [
        *joined(start, joiner, lead),
        _did(start + 60, "admin_deletion", owner, removed, email=leaver.email),
        _did(start + 120, "role_change", owner, promotion, **roles),
        _did(start + 180, "seat_revoke", owner, seat, **seats),
        _did(start + 240, "app_team_membership_modification", lead, team, **members),
        sign_in(now - DAY // 2, joiner),
    ]


def generate_workspace(admins: int, teams: int) -> Workspace:
    """Return a workspace of a given size. With teams, each teammate is in one of them."""
    everybody = [
        Admin(10_000 + number, f"Teammate {number}", f"teammate{number}@example.com", role="3")
        for number in range(admins)
    ]
    everyone = [admin.id for admin in everybody]
    return Workspace(
        everybody,
        [Team(500 + n, f"Team {n}", everyone[n::teams]) for n in range(teams)],
    )
