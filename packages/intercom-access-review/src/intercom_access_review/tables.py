"""The tables that dbt builds on. Strings are compared here, so that all warehouses agree."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from intercom_access_review.inputs import ADDRESSES, mailbox, normalized_address
from intercom_access_review.project import Row, utc
from intercom_access_review.sent import text_of
from intercom_access_review.texts import comparison_key, is_bot_address, visible_name
from intercom_access_review.warehouse import has_table
from intercom_access_review.worksheets import as_read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from intercom_access_review.inputs import Inputs
    from intercom_access_review.records import Sync
    from intercom_access_review.sent import Key, Rows
    from intercom_access_review.warehouse import Warehouse

COLUMNS = {
    "workspaces": [
        *("id", "name", "region", "token_admin_id", "token_admin_name", "token_admin_email"),
    ],
    "admins": ["id", "name", "email", "job_title", "has_inbox_seat", "role"],
    "teams": ["id", "name"],
    "roles": ["id", "name", "description"],
    "team_memberships": ["team_id", "admin_id", "priority_level"],
    "activity_logs": ["id", "created_at", "activity_type", "activity_description", "performed_by"],
}
"""The columns of the loaded rows that a review uses."""


def storable(value: object) -> str | None:
    """Return a string as every database can hold it, or None if it is empty."""
    return re.sub("[\0\ud800-\udfff]", "\ufffd", "" if value is None else str(value)) or None


def admin_row(row: Row) -> Row:
    """Return a teammate as the tables have it. A role without an ID is known by its name."""
    role = row.get("role") or {}
    role_id, role_name = text_of(role.get("id")), visible_name(storable(role.get("name")))
    return {
        "admin_id": text_of(row["id"]),
        "name": storable(row.get("name")),
        "email": normalized_address(storable(row.get("email"))) or None,
        "job_title": storable(row.get("job_title")),
        "has_inbox_seat": row.get("has_inbox_seat"),
        "role_id": role_id or role_name or None,
        "role_name": role_name or role_id,
    }


def event_row(row: Row) -> Row:
    """Return a log entry as the tables have it. Intercom sends its time in Unix seconds."""
    by, at = row.get("performed_by") or {}, row["created_at"]
    if isinstance(at, int):
        at = datetime.fromtimestamp(at, timezone.utc)
    return {
        "event_id": text_of(row["id"]),
        "happened_at": utc(at if isinstance(at, str) else at.isoformat()),
        "activity_type": row.get("activity_type"),
        "sentence": storable(row.get("activity_description")),
        "performed_by_id": text_of(by.get("id")),
        "performed_by_email": storable(by.get("email")),
    }


def team_row(row: Row) -> Row:
    """Return a team as the tables have it."""
    id_ = text_of(row["id"])
    return {"team_id": id_, "team_name": visible_name(storable(row.get("name"))) or id_}


def role_row(row: Row) -> Row:
    """Return a role as the tables have it."""
    id_ = text_of(row["id"])
    name = visible_name(storable(row.get("name"))) or id_
    return {"role_id": id_, "role_name": name, "description": storable(row.get("description"))}


STORED = {
    "admins": admin_row,
    "teams": team_row,
    "activity_logs": event_row,
    "roles": role_row,
}


def as_stored(stream: str, row: Row) -> Row:
    """Return a row as the tables have it, whether Intercom sent it or it was loaded."""
    convert = STORED.get(stream)
    return convert(row) if convert else {name: storable(value) for name, value in row.items()}


def loaded_tables(rows: Rows) -> dict[str, list[Row]]:
    """Return the tables of the rows of a sync."""
    names = {"admins": "admins", "teams": "teams", "team_memberships": "memberships"}
    names |= {"activity_logs": "events", "roles": "roles"}
    return {
        f"loaded_{name}": [as_stored(stream, row) for row in rows.get(stream, {}).values()]
        for stream, name in names.items()
    }


def entitlements(rows: Rows) -> dict[Key, list[str]]:
    """Return the entitlements in the rows of a sync, by access key: person, address, and level."""
    people, levels = {}, {}
    for row in rows["admins"].values():
        admin = as_stored("admins", row)
        id_ = admin["admin_id"]
        people[id_] = [visible_name(admin["name"]) or id_, admin["email"]]
        levels[f"{id_}/workspace"] = ""
        if admin["role_id"]:
            levels[f"{id_}/role/{admin['role_id']}"] = ""
        if admin["has_inbox_seat"]:
            levels[f"{id_}/seat"] = ""
    for (team, member), row in rows["team_memberships"].items():
        levels[f"{member}/team/{team}"] = row["priority_level"] or ""
    found: dict[Key, list[str]] = {}
    for key, level in levels.items():
        id_ = key.partition("/")[0]
        found[(key,)] = [as_read(text) for text in (*people.get(id_, (id_, "")), level)]
    return found


def sync_facts(sync: Sync, terminated_days: int | None) -> Row:
    """Return the row about the last sync."""
    return {
        "as_of": utc(sync.as_of),
        "is_simulated": sync.is_time_simulated,
        "logs_from": sync.logs_from and utc(sync.logs_from),
        "logs_to": sync.logs_to and utc(sync.logs_to),
        "workspace_id": sync.workspace["id"],
        "name": sync.workspace["name"],
        "region": sync.workspace["region"],
        **{f"token_admin_{name}": sync.token_owner[name] for name in ("id", "name", "email")},
        "api_version": sync.api_version,
        "read_by": sync.tap_version,
        "source_host": ", ".join(sync.source_hosts),
        "is_intercom": all(host.endswith(".intercom.io") for host in sync.source_hosts),
        "terminated_days": terminated_days,
        "export_problem": sync.reconciliation and sync.reconciliation["problem"],
    }


def history(warehouse: Warehouse, table: str, column: str) -> set[str]:
    """Return the values that a column of the history ever had."""
    if not has_table(warehouse, table):
        return set()
    rows = warehouse.query(f"select distinct {column} as found from {table}")  # noqa: S608
    return {row["found"] for row in rows}


def comparison_tables(
    warehouse: Warehouse, loaded: dict[str, list[Row]], inputs: Inputs, sync: Sync
) -> dict[str, list[Row]]:
    """Return every name and address that is known, with the form in which they are compared."""
    emails = history(warehouse, "admin_history", "email") | {sync.token_owner["email"]}
    names = history(warehouse, "admin_history", "name") | history(
        warehouse, "thing_history", "name"
    )
    for admin in loaded["loaded_admins"]:
        emails.add(admin["email"])
        names |= {admin["name"], admin["role_name"]}
    names |= {team["team_name"] for team in loaded["loaded_teams"]}
    names |= {role["role_name"] for role in loaded["loaded_roles"]}
    for rows in (
        inputs.employees,
        inputs.reviewers,
        inputs.service_accounts,
        inputs.manual_permissions,
        inputs.reassignments,
    ):
        emails |= {row[column] for row in rows for column in ADDRESSES if column in row}
    return {
        "addresses": [address_row(email) for email in sorted(filter(None, emails))],
        "names": [
            {"name": name, "name_key": comparison_key(name), "shown": visible_name(name)}
            for name in sorted(filter(None, names))
        ],
    }


def address_row(email: str) -> Row:
    """Return an address with what its parts say."""
    local, _, domain = mailbox(email).partition("@")
    return {
        "email": email,
        "mailbox": mailbox(email),
        "local_part": local,
        "domain": domain,
        "is_bot": is_bot_address(email),
    }


def input_tables(inputs: Inputs, exported: Iterable[str]) -> dict[str, Iterable[Row]]:
    """Return the tables of the inputs."""
    return {
        "employees": [
            row | {"left_on": row["left_on"] or None, "manager": row["manager"] or None}
            for row in inputs.employees
        ],
        "reassignments": [
            {"access_key": row["row"] or None, "sender": row["from"], "receiver": row["to"]}
            for row in inputs.reassignments
        ],
        "reviewers": inputs.reviewers,
        "privileged_roles": inputs.privileged_roles,
        "service_accounts": inputs.service_accounts,
        "manual_permissions": inputs.manual_permissions,
        "exported_teammates": [{"email": email} for email in sorted(exported)],
    }
