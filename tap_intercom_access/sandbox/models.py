"""Parts of a workspace: admins, teams, roles, and events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DAY = 86_400
"""Seconds per day."""

ROLES = {
    "1": ("Workspace admin", "Can change everything, including teammates, roles, and security."),
    "2": ("Support lead", "Can manage teams and inbox rules, and see reports."),
    "3": ("Support agent", "Can answer conversations."),
    "4": ("Read only", None),
}
"""Names and descriptions by ID. Intercom sends null for roles without a description."""

AWAY_STATUS_REASONS = [(77, "On holiday", "🌴"), (78, "Off sick", None), (79, "On leave", "🍼")]

LEVELS = ("primary", "secondary")

Event = dict[str, Any]
"""A row of the activity logs, as Intercom sends it."""


@dataclass
class Admin:
    """A teammate. Responses leave out fields that are None."""

    id: int
    name: str
    email: str
    job_title: str | None = None
    seat: bool = True
    role: str | None = None
    away: bool = False


@dataclass
class Team:
    """A team with its members. Only teams with priority levels balance their load."""

    id: int
    name: str
    members: list[int] = field(default_factory=list)
    primary: list[int] | None = None
    secondary: list[int] | None = None
    assignment_limit: int | None = None
