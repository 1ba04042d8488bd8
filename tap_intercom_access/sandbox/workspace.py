"""Admins and teams of a workspace, in the shapes of Intercom's API."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_intercom_access.sandbox.history import first_quarter, second_quarter

if TYPE_CHECKING:
    from tap_intercom_access.sandbox.history import Event

ROLES = {
    "1": "Workspace admin",
    "2": "Support lead",
    "3": "Support agent",
    "4": "Read only",
}


AWAY_STATUS_REASONS = [(77, "On holiday", "🌴"), (78, "Off sick", None), (79, "On leave", "🍼")]

LEVELS = ("primary", "secondary")


@dataclass
class Admin:
    """A teammate; whatever Intercom may leave out is None here and left out there."""

    id: int
    name: str
    email: str
    job_title: str | None = None
    seat: bool = True
    role: str | None = None
    away: bool = False


@dataclass
class Team:
    """A team with its members; only a team with levels balances its load."""

    id: int
    name: str
    members: list[int] = field(default_factory=list)
    primary: list[int] | None = None
    secondary: list[int] | None = None
    assignment_limit: int | None = None


@dataclass
class Workspace:
    """What the API answers from."""

    admins: list[Admin]
    teams: list[Team]
    history: list[Event] = field(default_factory=list)
    id: str = "sandbox"
    name: str = "Intercom sandbox"
    region: str = "US"
    roles: dict[str, str] = field(default_factory=lambda: dict(ROLES))

    def admin_rows(self) -> list[dict[str, Any]]:
        """Give the rows of `GET /admins`: ids are strings, ids in lists integers."""
        named = {level: self._named(level) for level in ("members", *LEVELS)}
        return [_admin_row(admin, self.roles, named) for admin in self.admins]

    def team_rows(self) -> list[dict[str, Any]]:
        """Give the rows of `GET /teams`."""
        return [_team_row(team) for team in self.teams]

    def away_status_reason_rows(self) -> list[dict[str, Any]]:
        """Give the response of `GET /away_status_reasons`, an array."""
        return [
            {
                "type": "away_status_reason",
                "id": str(id_),
                "label": label,
                "emoji": emoji,
                "order": order,
                "deleted": id_ == 79,  # noqa: PLR2004 (nobody can choose it any more)
                "created_at": 1700000000 + order,
                "updated_at": 1710000000 + order,
            }
            for order, (id_, label, emoji) in enumerate(AWAY_STATUS_REASONS, 1)
        ]

    def me(self) -> dict[str, Any]:
        """Give the response of `GET /me`: the first admin's token is used."""
        row = self.admin_rows()[0]
        return {key: row[key] for key in ("type", "id", "name", "email", "has_inbox_seat")} | {
            "job_title": row.get("job_title", ""),
            "email_verified": True,
            "avatar": {"type": "avatar", "image_url": row["avatar"]},
            "app": {
                "type": "app",
                "id_code": self.id,
                "name": self.name,
                "region": self.region,
                "timezone": "Etc/UTC",
                "created_at": 1671465577,
                "identity_verification": False,
            },
        }

    def leave(self, admin_id: int) -> None:
        """Let somebody leave, and with them their memberships."""
        self.admins = [admin for admin in self.admins if admin.id != admin_id]
        for team in self.teams:
            for ids in (team.members, team.primary, team.secondary):
                if ids and admin_id in ids:
                    ids.remove(admin_id)

    def a_quarter_later(self, since: int | None = None) -> None:
        """Let a quarter pass in the demo: one leaves, one joins, others change team, role, seat.

        Args:
            since: Unix seconds from which on everybody signs in once a week until now.
        """
        admins = {admin.id: admin for admin in self.admins}
        joiner = Admin(1013, "Lina Haddad", "lina@example.com", "Support agent", role="3")
        self.history += second_quarter(since, int(time.time()), admins, joiner, admins[1010])
        teams = {team.id: team for team in self.teams}
        self.leave(1010)  # Marcus
        self.admins.append(joiner)
        teams[501].members.append(1013)
        teams[504].members += [1004, 1013]  # the night shift begins
        teams[501].members.remove(1003)  # 陈伟 now is in Billing only
        admins[1004].role = "2"  # Zoë is promoted
        admins[1005].away = False
        admins[1006].seat = False
        admins[1012].seat = True

    def _named(self, level: str) -> dict[int, list[int]]:
        """Give the ids of the teams that name a teammate in a list, by the teammate's id."""
        named: dict[int, list[int]] = {}
        for team in self.teams:
            for id_ in getattr(team, level) or []:
                named.setdefault(id_, []).append(team.id)
        return named


def _admin_row(
    admin: Admin, roles: dict[str, str], named: dict[str, dict[int, list[int]]]
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "type": "admin",
        "id": str(admin.id),
        "name": admin.name,
        "email": admin.email,
        "away_mode_enabled": admin.away,
        "away_mode_reassign": admin.away,
        "has_inbox_seat": admin.seat,
        "team_ids": named["members"].get(admin.id, []),
        "avatar": None,
    }
    if admin.job_title:
        row["job_title"] = admin.job_title
        row["avatar"] = f"https://static.example.com/avatars/{admin.id}.png"
    if admin.away:
        row["away_status_reason_id"] = 77
    if admin.role:
        row["role"] = {"type": "role", "id": admin.role, "name": roles[admin.role]}
    levels = {f"{level}_team_ids": named[level].get(admin.id, []) for level in LEVELS}
    if any(levels.values()):
        row["team_priority_level"] = levels
    return row


def _team_row(team: Team) -> dict[str, Any]:
    row: dict[str, Any] = {
        "type": "team",
        "id": str(team.id),
        "name": team.name,
        "admin_ids": list(team.members),
        "distribution_method": "manual",
    }
    if team.primary is not None:
        row["distribution_method"] = "load_balanced"
        row["assignment_limit"] = team.assignment_limit
        row["admin_priority_level"] = {
            "primary_admin_ids": list(team.primary),
            "secondary_admin_ids": list(team.secondary or []),
        }
    return row


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
    workspace.history = first_quarter(now or int(time.time()), admins)
    return workspace


def generated(admins: int, teams: int) -> Workspace:
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
