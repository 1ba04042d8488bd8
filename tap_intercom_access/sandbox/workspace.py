"""People and teams of a workspace, in the shapes of Intercom's API."""

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


LEVELS = ("primary", "secondary")


@dataclass
class Person:
    """A teammate; whatever Intercom may leave out is None here and left out there."""

    id: int
    name: str
    email: str
    job_title: str | None = None
    seat: bool = True
    role: str | None = None
    away: bool = False


@dataclass
class Group:
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

    people: list[Person]
    groups: list[Group]
    history: list[Event] = field(default_factory=list)

    def admins(self) -> list[dict[str, Any]]:
        """Give the rows of `GET /admins`: ids are strings, ids in lists integers."""
        named = {level: self._named(level) for level in ("members", *LEVELS)}
        return [_admin(person, named) for person in self.people]

    def teams(self) -> list[dict[str, Any]]:
        """Give the rows of `GET /teams`."""
        return [_team(group) for group in self.groups]

    def leave(self, person_id: int) -> None:
        """Let somebody leave, and with them their memberships."""
        self.people = [person for person in self.people if person.id != person_id]
        for group in self.groups:
            for ids in (group.members, group.primary, group.secondary):
                if ids and person_id in ids:
                    ids.remove(person_id)

    def a_quarter_later(self, since: int | None = None) -> None:
        """Let a quarter pass in the demo: one leaves, one joins, others change team, role, seat.

        Args:
            since: Unix seconds from which on everybody signs in once a week until now.
        """
        people = {person.id: person for person in self.people}
        joiner = Person(1013, "Lina Haddad", "lina@example.com", "Support agent", role="3")
        self.history += second_quarter(since, int(time.time()), people, joiner, people[1010])
        groups = {group.id: group for group in self.groups}
        self.leave(1010)  # Marcus
        self.people.append(joiner)
        groups[501].members.append(1013)
        groups[504].members += [1004, 1013]  # the night shift begins
        groups[501].members.remove(1003)  # 陈伟 now is in Billing only
        people[1004].role = "2"  # Zoë is promoted
        people[1005].away = False
        people[1006].seat = False
        people[1012].seat = True

    def _named(self, level: str) -> dict[int, list[int]]:
        """Give the ids of the teams that name a teammate in a list, by the teammate's id."""
        named: dict[int, list[int]] = {}
        for group in self.groups:
            for id_ in getattr(group, level) or []:
                named.setdefault(id_, []).append(group.id)
        return named


def _admin(person: Person, named: dict[str, dict[int, list[int]]]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "type": "admin",
        "id": str(person.id),
        "name": person.name,
        "email": person.email,
        "away_mode_enabled": person.away,
        "away_mode_reassign": person.away,
        "has_inbox_seat": person.seat,
        "team_ids": named["members"].get(person.id, []),
        "avatar": None,
    }
    if person.job_title:
        row["job_title"] = person.job_title
        row["avatar"] = f"https://static.example.com/avatars/{person.id}.png"
    if person.away:
        row["away_status_reason_id"] = 77
    if person.role:
        row["role"] = {"type": "role", "id": person.role, "name": ROLES[person.role]}
    levels = {f"{level}_team_ids": named[level].get(person.id, []) for level in LEVELS}
    if any(levels.values()):
        row["team_priority_level"] = levels
    return row


def _team(group: Group) -> dict[str, Any]:
    row: dict[str, Any] = {
        "type": "team",
        "id": str(group.id),
        "name": group.name,
        "admin_ids": list(group.members),
        "distribution_method": "manual",
    }
    if group.primary is not None:
        row["distribution_method"] = "load_balanced"
        row["assignment_limit"] = group.assignment_limit
        row["admin_priority_level"] = {
            "primary_admin_ids": list(group.primary),
            "secondary_admin_ids": list(group.secondary or []),
        }
    return row


def demo(now: int | None = None) -> Workspace:
    """Make the workspace of a small company with a story, as it is at a time in Unix seconds.

    An owner and a lead, agents on one team and on several, a contractor without role and team, a
    shared mailbox, somebody who only reads, somebody away, and a team that nobody is in.
    """
    workspace = Workspace(
        people=[
            Person(1001, "Aoife Ní Bhriain", "aoife@example.com", "Head of Support", role="1"),
            Person(1002, "Tomás Herrera", "tomas@example.com", "Team lead", role="2"),
            Person(1003, "陈伟", "chen.wei@example.com", "Support agent", role="3"),
            Person(1004, "Zoë Müller", "zoe@example.com", "Support agent", role="3"),
            Person(1005, "Ibrahim al-Sayed", "ibrahim@example.com", role="3", away=True),
            Person(1006, "Priya Raman", "priya@example.com", "Billing specialist", role="3"),
            Person(1007, "Søren Kjær", "soren@contractor.example"),
            Person(1008, "Олена Шевченко", "olena@example.com", "Auditor", seat=False, role="4"),
            Person(1009, "Support mailbox", "support@example.com", role="3"),
            Person(1010, "Marcus Webb", "marcus@example.com", "Support agent", role="3"),
            Person(1011, "Grace 🌍 Okafor", "grace@example.com", "CFO", seat=False, role="4"),
            Person(1012, "Dana Levi", "dana.levi@gmail.com", seat=False),
        ],
        groups=[
            Group(501, "Support", [1002, 1003, 1004, 1005, 1009, 1010]),
            Group(
                502,
                "Escalations ⚡",
                [1001, 1002, 1004, 1010],
                primary=[1001, 1002],
                secondary=[1004, 1010],
                assignment_limit=10,
            ),
            Group(503, "Billing", [1003, 1006, 1011], primary=[1006], secondary=[1003]),
            Group(504, "Night shift"),
        ],
    )
    people = {person.id: person for person in workspace.people}
    workspace.history = first_quarter(now or int(time.time()), people)
    return workspace


def generated(admins: int, teams: int) -> Workspace:
    """Make a workspace of a given size; everybody is in one team, as far as there are any."""
    people = [
        Person(10_000 + number, f"Teammate {number}", f"teammate{number}@example.com", role="3")
        for number in range(admins)
    ]
    groups = [
        Group(500 + number, f"Team {number}", [person.id for person in people[number::teams]])
        for number in range(teams)
    ]
    return Workspace(people, groups)
