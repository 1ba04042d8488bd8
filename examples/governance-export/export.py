"""Writes the access list of one complete run in the forms that governance tools read.

`begin` makes room for the rows of a run; `write` turns them into output/: all files, or none.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import sys
import unicodedata
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

RUN = Path("run")  # target-jsonl appends to its files, so each run begins with an empty folder
OUTPUT = Path("output")
SIGN_INS = Path("sign-ins.json")  # kept: each run reads the logs from where the last one ended

Row = dict[str, Any]


@dataclass
class Access:
    """Who has what in one workspace, as one run read it, in order of ids."""

    workspace: Row
    users: list[Row]
    """All teammates, and the members of teams who are not among them."""
    teams: dict[str, str]
    """Names by id; two teams of one name have their ids added."""
    memberships: dict[str, list[tuple[str, str | None]]]
    """Team and level by teammate."""
    sign_ins: dict[str, str]
    """The last known sign-in by teammate."""

    def teams_of(self, user: Row) -> list[str]:
        """Give the names of somebody's teams."""
        return [self.teams[team_id] for team_id, _ in self.memberships.get(user["id"], [])]


def begin() -> None:
    """Make room for the rows of a run; the last complete files stay where they are."""
    remember_sign_ins()  # of a run that failed after it read them
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir()
    if OUTPUT.exists():
        made = datetime.fromtimestamp(OUTPUT.stat().st_mtime).astimezone().isoformat(" ", "seconds")
        print(f"output/ holds the complete files of {made}: they stay until this run is complete")


def write() -> None:
    """Write all files, and put them in place of the last ones at once."""
    remember_sign_ins()
    access = read(RUN)
    baton = baton_file(access)
    new, old = OUTPUT.with_suffix(".new"), OUTPUT.with_suffix(".old")
    for folder in (new, old):
        shutil.rmtree(folder, ignore_errors=True)
    new.mkdir()
    write_json(new / "baton-file.json", baton)
    company = re.sub(r'[\\/:*?"<>|]', "_", one_line(access.workspace["name"])).strip(" .")[:100]
    vanta = f"Access File - {company or access.workspace['id']} - Intercom.csv"
    write_csv(new / vanta, vanta_rows(access))
    write_csv(new / "probo.csv", probo_rows(access))
    write_csv(new / "hyperproof.csv", hyperproof_rows(access))
    if OUTPUT.exists():
        OUTPUT.rename(old)
    new.rename(OUTPUT)
    shutil.rmtree(old, ignore_errors=True)
    tell(access, baton, [vanta, "probo.csv", "hyperproof.csv"])


def read(folder: Path) -> Access:
    """Read the rows of a run; it ends here if they are not one complete list of one workspace."""
    workspaces, memberships = rows(folder, "workspaces"), rows(folder, "team_memberships")
    admins = {row["id"]: row for row in rows(folder, "admins")}  # listed twice: the last one counts
    teams = {row["id"]: row for row in rows(folder, "teams")}
    if OUTPUT.exists() and workspaces and f"workspace-{workspaces[0]['id']}" not in last_ids():
        fail("output/ and sign-ins.json are of another workspace: give each a folder of its own")
    if not workspaces or not admins:
        fail("run/ lacks the workspace or the teammates: select workspaces and admins")
    if len(workspaces) > 1 or len({(m["team_id"], m["admin_id"]) for m in memberships}) < len(
        memberships
    ):
        fail("run/ holds rows of two runs: let one run end before the next one begins")
    named = {row["team_id"] for row in memberships}
    if named - teams.keys() or (not teams and any(row["team_ids"] for row in admins.values())):
        fail("run/ lacks teams that teammates are in: select teams and team_memberships")
    names = team_names(teams)
    by_admin: dict[str, list[tuple[str, str | None]]] = {}
    for row in sorted(memberships, key=lambda row: row["team_id"]):
        by_admin.setdefault(row["admin_id"], []).append((row["team_id"], row["priority_level"]))
    for id_ in by_admin.keys() - admins.keys():
        where = ", ".join(names[team_id] for team_id, _ in by_admin[id_])
        admins[id_] = {"id": id_, "stranger": f"{id_} (in {where}, not in the list of teammates)"}
    users = [admins[id_] for id_ in sorted(admins)]
    return Access(workspaces[0], users, names, by_admin, known_sign_ins())


def last_ids() -> set[str]:
    """Give the ids of the resources in the last complete file."""
    last = json.loads((OUTPUT / "baton-file.json").read_text(encoding="utf-8"))
    return {row["id"] for row in last["resources"]}


def rows(folder: Path, stream: str) -> list[Row]:
    """Give the rows of a stream; target-jsonl writes no file where there are none."""
    path = folder / f"{stream}.jsonl"
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def team_names(teams: dict[str, Row]) -> dict[str, str]:
    """Give the names by id; two teams of one name have their ids added."""
    names = {id_: one_line(teams[id_]["name"]) or id_ for id_ in sorted(teams)}
    often = Counter(names.values())
    return {id_: f"{name} ({id_})" if often[name] > 1 else name for id_, name in names.items()}


def known_sign_ins() -> dict[str, str]:
    """Give the last known sign-in by teammate."""
    return json.loads(SIGN_INS.read_text(encoding="utf-8")) if SIGN_INS.exists() else {}


def remember_sign_ins() -> None:
    """Keep the last sign-ins that the rows of a run tell of."""
    last = known_sign_ins()
    for event in rows(RUN, "activity_logs"):
        by = (event["performed_by"] or {}).get("id")
        if by and event["activity_type"] == "admin_login_success":
            last[by] = max(last.get(by, ""), event["created_at"])
    if last:
        new = SIGN_INS.with_suffix(".new")
        write_json(new, last)
        new.replace(SIGN_INS)


def name_of(user: Row) -> str:
    """Give what to call somebody: the name, or what is known instead."""
    return user.get("stranger") or one_line(user["name"]) or user["id"]


def baton_file(access: Access) -> dict[str, list[Row]]:
    """Make the file of ConductorOne's baton-file."""
    home = f"workspace-{access.workspace['id']}"
    title = one_line(access.workspace["name"]) or home
    file: dict[str, list[Row]] = {
        "users": [baton_user(user, access.sign_ins.get(user["id"])) for user in access.users],
        "resources": [resource("workspace", "app", home, title)],
        "entitlements": [
            entitlement(home, "member", f"Member of {title}"),
            entitlement(home, "inbox_seat", f"Inbox seat in {title}"),
        ],
        "direct_user_grants": [],
    }
    for id_, name in access.teams.items():
        team = f"team-{id_}"
        file["resources"].append(resource("team", "group", team, name, home))
        for level in ("member", "primary", "secondary"):
            file["entitlements"].append(entitlement(team, level, f"{level.capitalize()} of {name}"))
    roles = {
        role_id(user): one_line(user["role"]["name"]) for user in access.users if role_id(user)
    }
    for id_ in sorted(roles):
        file["resources"].append(resource("role", "role", id_, roles[id_] or id_, home))
        file["entitlements"].append(entitlement(id_, "assigned", f"Role {roles[id_] or id_}"))
    for user in access.users:
        file["direct_user_grants"] += [
            {"principal_id": user["id"], "resource_id": id_, "entitlement_slug": slug}
            for id_, slug in grants(user, home, access.memberships.get(user["id"], []))
        ]
    ids = Counter(row["id"] for section in ("users", "resources") for row in file[section])
    if twice := [id_ for id_, count in ids.items() if count > 1]:
        fail(f"these ids stand for two things, which baton-file refuses: {', '.join(twice)}")
    return file


def baton_user(user: Row, sign_in: str | None) -> Row:
    """Make a user with all that Intercom says, and nothing else."""
    profile = {name: user.get(name) for name in ("job_title", "has_inbox_seat")}
    profile["role"] = role_name(user)
    said = {
        "email": user.get("email"),
        "login": user.get("email"),
        "last_login": sign_in,
        "profile": {name: value for name, value in profile.items() if value not in (None, "")},
    }
    return {"id": user["id"], "display_name": name_of(user)} | {
        name: value for name, value in said.items() if value
    }


def resource(kind: str, trait: str, id_: str, name: str, parent: str | None = None) -> Row:
    """Make a resource."""
    row = {"resource_type": kind, "trait": trait, "id": id_, "display_name": name}
    return row | ({"parent_resource": parent} if parent else {})


def entitlement(resource_id: str, slug: str, name: str) -> Row:
    """Make an entitlement."""
    return {"resource_id": resource_id, "entitlement_slug": slug, "display_name": name}


def grants(user: Row, home: str, teams: list[tuple[str, str | None]]) -> list[tuple[str, str]]:
    """Give resource and entitlement of all that somebody has."""
    found = [] if "stranger" in user else [(home, "member")]
    if user.get("has_inbox_seat"):
        found.append((home, "inbox_seat"))
    if role := role_id(user):
        found.append((role, "assigned"))
    for team_id, level in teams:
        found += [(f"team-{team_id}", slug) for slug in ("member", level) if slug]
    return found


def role_id(user: Row) -> str | None:
    """Give the id of somebody's role, which no other thing has."""
    role = user.get("role") or {}
    return f"role-{role.get('id') or role['name']}" if role.get("id") or role.get("name") else None


def role_name(user: Row) -> str:
    """Give the name of somebody's role, its id where it has none, or nothing."""
    role = user.get("role") or {}
    return one_line(role.get("name")) or role.get("id") or ""


def vanta_rows(access: Access) -> list[Row]:
    """Make the access file of Vanta."""
    domains = os.environ.get("COMPANY_DOMAINS", "").lower().replace(",", " ").split()
    found = []
    for user in access.users:
        email = one_line(user.get("email"))
        inside = not domains or email.lower().rpartition("@")[2] in domains
        has = [name for name in (role_name(user), *access.teams_of(user)) if name]
        found.append(
            {
                "Account name": email or name_of(user),
                "Account owner": email if inside else "External user",
                "Role": ", ".join(name.replace(",", ";") for name in has),  # a comma separates
                "Status": "Active",
            }
        )
    return found


def probo_rows(access: Access) -> list[Row]:
    """Make the file of Probo; is_admin stays empty, because Intercom does not say it."""
    return [
        {
            "email": one_line(user.get("email")),
            "full_name": name_of(user),
            "role": role_name(user),
            "job_title": one_line(user.get("job_title")),
            "is_admin": "",
            "active": "true",
            "external_id": user["id"],
            "account_type": "",
        }
        for user in access.users
    ]


def hyperproof_rows(access: Access) -> list[Row]:
    """Make the file of Hyperproof, which needs a role."""
    return [
        {
            "Email": one_line(user.get("email")) or user["id"],
            "Owner": name_of(user),
            "Role": role_name(user) or "No role",
            "Groups": ", ".join(name.replace(",", ";") for name in access.teams_of(user)),
        }
        for user in access.users
    ]


def one_line(text: str | None) -> str:
    """Give a text without line breaks, control characters and blanks around it."""
    kept = (
        char if unicodedata.category(char) not in ("Cc", "Zl", "Zp") else " " for char in text or ""
    )
    return " ".join("".join(kept).split())


def write_json(path: Path, content: object) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def write_csv(path: Path, table: list[Row]) -> None:
    """Write a CSV file in which no spreadsheet program finds a formula."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        for row in table:
            writer.writerow(
                {
                    key: f"'{text}" if text[:1] in "=+-@" and text else text
                    for key, text in row.items()
                }
            )


def tell(access: Access, baton: dict[str, list[Row]], tables: list[str]) -> None:
    """Say what was written, and whom a tool will drop."""
    counts = ", ".join(f"{len(section)} {name}" for name, section in baton.items())
    print(f"output/baton-file.json: {counts}")
    for table in tables:
        print(f"output/{table}: {len(access.users)} users")
    if dropped := [user for user in access.users if not one_line(user.get("email"))]:
        names = ", ".join(f"{user['id']} ({name_of(user)})" for user in dropped)
        print(f"Probo drops {len(dropped)} users without an address: {names}")


def fail(reason: str) -> NoReturn:
    """End the run before anything is written."""
    sys.exit(f"{reason}. Nothing was written: output/ is as the last complete run left it.")


if __name__ == "__main__":
    {"begin": begin, "write": write}[sys.argv[1]]()
