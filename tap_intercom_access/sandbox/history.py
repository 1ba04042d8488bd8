"""What happened in a workspace, in the shapes of Intercom's activity logs."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tap_intercom_access.sandbox.workspace import Admin

DAY = 86_400

SELDOM: dict[int, list[int]] = {1008: [11], 1012: [], 1014: []}
"""Weeks ago in which those signed in who do not do so every week."""

Event = dict[str, Any]


def event(
    time: int, type_: str, admin: Admin | None, description: str, **metadata: object
) -> Event:
    """Make a row of the activity logs; its id follows from what it tells."""
    by = {"type": "admin", "id": str(admin.id), "email": admin.email} if admin else {}
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{time}/{type_}/{description}")),
        "performed_by": by | {"ip": f"203.0.113.{admin.id % 250}"} if admin else None,
        "metadata": metadata,
        "created_at": time,
        "activity_type": type_,
        "activity_description": description,
    }


def sign_in(time: int, admin: Admin) -> Event:
    """Somebody signs in."""
    description = f"{admin.name} signed in"
    return event(time, "admin_login_success", admin, description, sign_in_method="email_password")


def joined(time: int, admin: Admin, by: Admin) -> list[Event]:
    """Somebody is invited, and accepts a day later."""
    who = {"email": admin.email}
    return [
        event(time, "admin_invite_creation", by, f"{by.name} invited {admin.email}", after=who),
        event(time + DAY, "app_admin_join", admin, f"{admin.name} joined the workspace"),
    ]


def first_quarter(now: int, admins: dict[int, Admin]) -> list[Event]:
    """Tell the last eighty days of the demo.

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


def second_quarter(
    since: int | None, now: int, admins: dict[int, Admin], joiner: Admin, leaver: Admin
) -> list[Event]:
    """Tell how the changes of `Workspace.a_quarter_later` came about, within the last two days."""
    owner, lead, billing = admins[1001], admins[1002], admins[1006]
    time = now - 2 * DAY
    regular = [admin for admin in admins.values() if admin.id not in SELDOM]
    weeks = (now - (since or now)) // (7 * DAY)
    return [
        *(sign_in(now - week * 7 * DAY, one) for one in regular for week in range(1, weeks)),
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


def generated(count: int, start: int, stop: int) -> list[Event]:
    """Make events at even distances from start to before stop."""
    return [
        {
            "id": f"event-{number}",
            "performed_by": {"type": "admin", "id": "1", "email": "one@example.com", "ip": "::1"},
            "metadata": {"sign_in_method": "google"},
            "created_at": start + (stop - start) * number // count,
            "activity_type": "admin_login_success",
            "activity_description": f"One signed in for the {number}th time",
        }
        for number in range(count)
    ]
