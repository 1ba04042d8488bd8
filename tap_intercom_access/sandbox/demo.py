"""The demo's story, and workspaces of any size."""

from __future__ import annotations

import time

from tap_intercom_access.sandbox.history import event, joined, sign_in
from tap_intercom_access.sandbox.models import DAY, Admin, Event, Team
from tap_intercom_access.sandbox.workspace import Workspace

SELDOM: dict[int, list[int]] = {1008: [11], 1012: [], 1014: []}
"""Weeks ago in which those signed in who do not do so every week."""


def demo(now: int | None = None) -> Workspace:
    """Make the workspace of a small company with a story, as it is at a time in Unix seconds.

    An owner and a lead, agents on one team and on several, a contractor without role and team, a
    shared mailbox, somebody who only reads, somebody away, Intercom's bot, and a team that nobody
    is in.
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
            # Intercom lists its own bot like a teammate, with an address of this form.
            Admin(1014, "Fin", "operator+sandbox@intercom.io", seat=False),
        ],
        teams=[
            Team(501, "Support", [1002, 1003, 1004, 1005, 1009, 1010]),
            Team(
                502,
                "Escalations ⚡",
                [1001, 1002, 1004, 1010],
                primary=[1001, 1002],
                secondary=[1004, 1010],
                assignment_limit=10,
            ),
            Team(503, "Billing", [1003, 1006, 1011], primary=[1006], secondary=[1003]),
            Team(504, "Night shift"),
        ],
    )
    admins = {admin.id: admin for admin in workspace.admins}
    workspace.history = _first_quarter(now or int(time.time()), admins)
    return workspace


def advance_quarter(workspace: Workspace, since: int | None = None) -> None:
    """Let a quarter pass in the demo: one leaves, one joins, others change team, role, seat.

    Args:
        workspace: The demo, a quarter ago.
        since: Unix seconds from which on everybody signs in once a week until now.
    """
    admins = {admin.id: admin for admin in workspace.admins}
    joiner = Admin(1013, "Lina Haddad", "lina@example.com", "Support agent", role="3")
    workspace.history += _second_quarter(since, int(time.time()), admins, joiner, admins[1010])
    teams = {team.id: team for team in workspace.teams}
    workspace.leave(1010)  # Marcus
    workspace.admins.append(joiner)
    teams[501].members.append(1013)
    teams[504].members += [1004, 1013]  # the night shift begins
    teams[501].members.remove(1003)  # 陈伟 now is in Billing only
    admins[1004].role = "2"  # Zoë is promoted
    admins[1005].away = False
    admins[1006].seat = False
    admins[1012].seat = True


def _first_quarter(now: int, admins: dict[int, Admin]) -> list[Event]:
    """Give the events of the demo's last eighty days.

    Everybody signs in once a week but for Olena, who did so once, and Dana and the bot, who never
    did; from the shared mailbox somebody fails to.
    """
    owner = admins[1001]
    events = []
    for number, admin in enumerate(admins.values()):
        weeks = SELDOM.get(admin.id, range(1, 12))
        events += [sign_in(now - week * 7 * DAY + number * 600, admin) for week in weeks]
    events += joined(now - 75 * DAY, admins[1007], owner)
    events += joined(now - 60 * DAY, admins[1012], admins[1002])
    events += [
        event(
            now - day * DAY,
            "admin_login_failure",
            admins[1009],
            "Support mailbox failed to sign in",
            sign_in_method="email_password",
        )
        for day in (40, 39, 3)
    ]
    events += [
        event(
            now - 50 * DAY,
            "app_team_membership_modification",
            admins[1002],
            "Tomás Herrera changed the members of Escalations ⚡",
            before={"admin_ids": [1001, 1002, 1004]},
            after={"admin_ids": [1001, 1002, 1004, 1010]},
        ),
        event(
            now - 45 * DAY,
            "admin_away_mode_change",
            admins[1005],
            "Ibrahim al-Sayed went away",
            away_mode=True,
            away_status_reason="🌴 Holiday",
            reassign_conversations=True,
        ),
        event(
            now - 30 * DAY,
            "admin_impersonation_start",
            None,
            "Intercom support began to impersonate Aoife Ní Bhriain",
            consent_id=149673,
        ),
        event(
            now - 20 * DAY,
            "admin_two_factor_auth_change",
            owner,
            "Aoife Ní Bhriain made two-factor authentication mandatory",
            before=False,
            after=True,
        ),
    ]
    return events


def _second_quarter(
    since: int | None, now: int, admins: dict[int, Admin], joiner: Admin, leaver: Admin
) -> list[Event]:
    """Give the events behind the changes of `advance_quarter`, within the last two days."""
    owner, lead, billing = admins[1001], admins[1002], admins[1006]
    time = now - 2 * DAY
    regular = [admin for admin in admins.values() if admin.id not in SELDOM]
    weeks = (now - (since or now)) // (7 * DAY)
    return [
        *(sign_in(now - week * 7 * DAY, admin) for admin in regular for week in range(1, weeks)),
        *joined(time, joiner, lead),
        event(
            time + 60,
            "admin_deletion",
            owner,
            f"{owner.name} removed {leaver.name}",
            email=leaver.email,
        ),
        event(
            time + 120,
            "role_change",
            owner,
            f"{owner.name} changed the role of {admins[1004].name}",
            before={"role": "Support agent"},
            after={"role": "Support lead"},
        ),
        event(
            time + 180,
            "seat_revoke",
            owner,
            f"{owner.name} took the inbox seat of {billing.name}",
            before={"has_inbox_seat": True},
            after={"has_inbox_seat": False},
        ),
        event(
            time + 240,
            "app_team_membership_modification",
            lead,
            f"{lead.name} changed the members of Night shift",
            before={"admin_ids": []},
            after={"admin_ids": [1004, joiner.id]},
        ),
        sign_in(now - DAY // 2, joiner),
    ]


def generate_workspace(admins: int, teams: int) -> Workspace:
    """Make a workspace of a given size; everybody is in one team, as far as there are any."""
    everybody = [
        Admin(10_000 + number, f"Teammate {number}", f"teammate{number}@example.com", role="3")
        for number in range(admins)
    ]
    return Workspace(
        everybody,
        [
            Team(500 + number, f"Team {number}", [admin.id for admin in everybody[number::teams]])
            for number in range(teams)
        ],
    )
