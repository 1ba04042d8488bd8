"""A workspace, and its rows in the form of Intercom's API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tap_intercom_access.sandbox.models import (
    AWAY_STATUS_REASONS,
    LEVELS,
    ROLES,
    Admin,
    Event,
    Team,
)


@dataclass
class Workspace:
    """The data of the simulated API. Tests may change it at any time."""

    admins: list[Admin]
    teams: list[Team]
    history: list[Event] = field(default_factory=list)
    id: str = "sandbox"
    name: str = "Intercom sandbox"
    region: str = "US"
    roles: dict[str, str] = field(default_factory=lambda: {id_: ROLES[id_][0] for id_ in ROLES})
    """Names of roles by ID."""

    def admin_rows(self, part: slice = slice(None)) -> list[dict[str, Any]]:
        """Return rows of `GET /admins`. IDs are strings, but integers in lists, as at Intercom.

        Args:
            part: Which rows to return. Creating only one page of a large list is fast.
        """
        admins = self.admins[part]
        team_ids = {level: self._team_ids(level, admins) for level in ("members", *LEVELS)}
        return [_admin_row(admin, self.roles, team_ids) for admin in admins]

    def team_rows(self, part: slice = slice(None)) -> list[dict[str, Any]]:
        """Return rows of `GET /teams`.

        Args:
            part: Which rows to return.
        """
        return [_team_row(team) for team in self.teams[part]]

    def role_rows(self) -> list[dict[str, Any]]:
        """Return the rows of `GET /roles`: all roles, whether or not a teammate has them."""
        return [
            {"type": "role", "id": id_, "name": name, "description": ROLES.get(id_, ("", None))[1]}
            for id_, name in self.roles.items()
        ]

    def away_status_reason_rows(self) -> list[dict[str, Any]]:
        """Return the response of `GET /away_status_reasons`, an array."""
        return [
            {
                "type": "away_status_reason",
                "id": str(id_),
                "label": label,
                "emoji": emoji,
                "order": order,
                "deleted": id_ == 79,  # noqa: PLR2004 (teammates can't choose it any more)
                "created_at": 1700000000 + order,
                "updated_at": 1710000000 + order,
            }
            for order, (id_, label, emoji) in enumerate(AWAY_STATUS_REASONS, 1)
        ]

    def me(self) -> dict[str, Any]:
        """Return the response of `GET /me`. The token is the first admin's."""
        row = self.admin_rows(slice(1))[0]
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
        """Remove a teammate and their memberships."""
        self.admins = [admin for admin in self.admins if admin.id != admin_id]
        for team in self.teams:
            for ids in (team.members, team.primary, team.secondary):
                if ids and admin_id in ids:
                    ids.remove(admin_id)

    def _team_ids(self, level: str, admins: list[Admin]) -> dict[int, list[int]]:
        """Return the IDs of the teams with a teammate in a list, by the teammate's ID."""
        team_ids: dict[int, list[int]] = {admin.id: [] for admin in admins}
        for team in self.teams:
            for id_ in team_ids.keys() & (getattr(team, level) or []):
                team_ids[id_].append(team.id)
        return team_ids


def _admin_row(
    admin: Admin, roles: dict[str, str], team_ids: dict[str, dict[int, list[int]]]
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "type": "admin",
        "id": str(admin.id),
        "name": admin.name,
        "email": admin.email,
        "away_mode_enabled": admin.away,
        "away_mode_reassign": admin.away,
        "has_inbox_seat": admin.seat,
        "team_ids": team_ids["members"][admin.id],
        "avatar": None,
    }
    if admin.job_title:
        row["job_title"] = admin.job_title
        row["avatar"] = f"https://static.example.com/avatars/{admin.id}.png"
    if admin.away:
        row["away_status_reason_id"] = 77
    if admin.role:
        row["role"] = {"type": "role", "id": admin.role, "name": roles[admin.role]}
    levels = {f"{level}_team_ids": team_ids[level][admin.id] for level in LEVELS}
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
