"""The tables that dbt builds on. Strings are compared here, so that all warehouses agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intercom_access_review.inputs import mailbox, normalized_address
from intercom_access_review.project import Row, utc
from intercom_access_review.texts import comparison_key, is_bot_address, visible_name
from intercom_access_review.warehouse import has_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from intercom_access_review.inputs import Inputs
    from intercom_access_review.records import Sync
    from intercom_access_review.warehouse import Warehouse

COLUMNS = {
    "workspaces": [
        *("id", "name", "region", "token_admin_id", "token_admin_name", "token_admin_email"),
        *("api_version", "read_by"),
    ],
    "admins": ["id", "name", "email", "job_title", "has_inbox_seat", "role"],
    "teams": ["id", "name"],
    "team_memberships": ["team_id", "admin_id", "priority_level"],
    "activity_logs": ["id", "created_at", "activity_type", "activity_description", "performed_by"],
}
"""The columns of the loaded rows that a review uses."""


def storable(value: object) -> str | None:
    """Return a string as every database can hold it, or None if it is empty."""
    text = "" if value is None else str(value)
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode() or None


def admin_row(row: Row) -> Row:
    """Return a teammate as the tables have it. A role without an ID is known by its name."""
    role = row["role"] or {}
    role_name = visible_name(storable(role.get("name")))
    return {
        "admin_id": row["id"],
        "name": storable(row["name"]),
        "email": normalized_address(storable(row["email"])) or None,
        "job_title": storable(row["job_title"]),
        "has_inbox_seat": row["has_inbox_seat"],
        "role_id": role.get("id") or role_name or None,
        "role_name": role_name or role.get("id"),
    }


def event_row(row: Row) -> Row:
    """Return a log entry as the tables have it."""
    by, at = row["performed_by"] or {}, row["created_at"]
    return {
        "event_id": row["id"],
        "happened_at": utc(at if isinstance(at, str) else at.isoformat()),
        "activity_type": row["activity_type"],
        "sentence": storable(row["activity_description"]),
        "performed_by_id": by.get("id"),
        "performed_by_email": storable(by.get("email")),
    }


def loaded_tables(rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Return the tables of the rows that the last sync loaded."""
    return {
        "loaded_admins": [admin_row(row) for row in rows["admins"]],
        "loaded_teams": [
            {"team_id": row["id"], "team_name": visible_name(storable(row["name"])) or row["id"]}
            for row in rows["teams"]
        ],
        "loaded_memberships": rows["team_memberships"],
        "loaded_events": [event_row(row) for row in rows["activity_logs"]],
    }


def sync_facts(sync: Sync, terminated_days: int | None) -> Row:
    """Return the row about the last sync."""
    return {
        "as_of": utc(sync.as_of),
        "is_simulated": sync.is_simulated,
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
    for rows in (
        inputs.employees,
        inputs.reviewers,
        inputs.service_accounts,
        inputs.manual_permissions,
    ):
        emails |= {
            row[column]
            for row in rows
            for column in ("email", "reviewer", "owner")
            if column in row
        }
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
        "employees": [row | {"left_on": row["left_on"] or None} for row in inputs.employees],
        "reviewers": inputs.reviewers,
        "privileged_roles": inputs.privileged_roles,
        "service_accounts": inputs.service_accounts,
        "manual_permissions": inputs.manual_permissions,
        "exported_teammates": [{"email": email} for email in sorted(exported)],
    }
