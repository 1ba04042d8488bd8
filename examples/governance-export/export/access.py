"""Who has what in one workspace, read from the rows of one run."""

from __future__ import annotations

from dataclasses import dataclass

from accounts import address, is_bot, read_service_accounts, role_id, role_name
from files import Row, fail, output_workspace_id
from rows import read_rows
from texts import name_of, told_apart


@dataclass
class Access:
    """Who has what in one workspace, as one run read it, in order of ids."""

    workspace: Row
    users: list[Row]
    """All teammates, and the members of teams who are not among them."""
    teams: dict[str, str]
    """Names by id; two teams of one name have their ids added."""
    roles: dict[str, str]
    """Names by the id that the role has here; two roles of one name have Intercom's ids added."""
    memberships: dict[str, list[tuple[str, str | None]]]
    """Team and level by teammate."""
    service_accounts: dict[str, str]
    """Owners by the address of a service account."""
    sign_ins: dict[str, str]
    """The last known sign-in by teammate."""

    def teams_of(self, user: Row) -> list[str]:
        """Give the names of a user's teams."""
        return [self.teams[team_id] for team_id, _ in self.memberships.get(user["id"], [])]

    def role_of(self, user: Row) -> str:
        """Give the name of a user's role, or nothing."""
        return self.roles.get(role_id(user) or "", "")

    def owner_of(self, user: Row) -> str | None:
        """Give the address of a service account's owner."""
        return self.service_accounts.get(address(user))

    def is_person(self, user: Row) -> bool:
        """Tell whether nothing says that an account is no person's."""
        return not is_bot(user) and self.owner_of(user) is None


def read_access(workspace: Row, sign_ins: dict[str, str]) -> Access:
    """Read the rows of a run; it ends here if they are not one complete list.

    Args:
        workspace: Whose run it is.
        sign_ins: The last known sign-in by teammate.
    """
    memberships = read_rows("team_memberships")
    admins = {row["id"]: row for row in read_rows("admins")}  # listed twice: the last one counts
    teams = {row["id"]: row for row in read_rows("teams")}
    if not admins:
        fail("run/ lacks the teammates: select admins")
    if len({(row["team_id"], row["admin_id"]) for row in memberships}) < len(memberships):
        fail("run/ holds rows of two runs: let one run end before the next one begins")
    if {row["team_id"] for row in memberships} - teams.keys() or (
        not teams and any(row["team_ids"] for row in admins.values())
    ):
        fail("run/ lacks teams that teammates are in: select teams and team_memberships")
    names = told_apart({id_: name_of(teams[id_]["name"]) or id_ for id_ in sorted(teams)})
    by_admin: dict[str, list[tuple[str, str | None]]] = {}
    for row in sorted(memberships, key=lambda row: row["team_id"]):
        by_admin.setdefault(row["admin_id"], []).append((row["team_id"], row["priority_level"]))
    for id_ in by_admin.keys() - admins.keys():
        where = ", ".join(names[team_id] for team_id, _ in by_admin[id_])
        admins[id_] = {"id": id_, "unlisted": f"{id_} (in {where}, not in the list of teammates)"}
    users = [admins[id_] for id_ in sorted(admins)]
    roles = told_apart(
        {role.removeprefix("role-"): role_name(user) for user in users if (role := role_id(user))}
    )
    by_role = {f"role-{id_}": name for id_, name in roles.items()}
    return Access(workspace, users, names, by_role, by_admin, read_service_accounts(), sign_ins)


def read_workspace() -> Row:
    """Read the workspace of a run; it ends here if output/ is of another one."""
    workspaces = read_rows("workspaces")
    if not workspaces:
        fail("run/ lacks the workspace: select workspaces")
    if len(workspaces) > 1:
        fail("run/ holds rows of two runs: let one run end before the next one begins")
    if output_workspace_id() not in (None, workspaces[0]["id"]):
        fail("output/ and sign-ins.json are of another workspace: give each a folder of its own")
    return workspaces[0]
