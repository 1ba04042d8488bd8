"""The input tables of dbt. Strings are compared in Python, so that all warehouses agree."""

from collections.abc import Collection, Iterable

from intercom_access_review.archive import archive_tables
from intercom_access_review.evidence import Rows
from intercom_access_review.inputs import Inputs, mailbox
from intercom_access_review.project import Row, utc
from intercom_access_review.records import Sync
from intercom_access_review.state import State
from intercom_access_review.texts import comparison_key, is_bot_address, visible_name
from intercom_access_review.warehouse import Warehouse, build, has_table

ADDRESSES = ["email", "reviewer", "owner", "manager", "sender", "receiver", "token_admin_email"]
NAMES = ("name", "role_name", "team_name")
"""The columns with addresses and with names."""
PERSONAL = """
    aol.com gmail.com gmx.de gmx.net googlemail.com hotmail.com icloud.com live.com me.com
    outlook.com proton.me protonmail.com web.de yahoo.com
"""
"""Domains of personal mailboxes."""
SHARED = "admin billing contact hello help hi info inbox office sales service support team"
"""Names of shared mailboxes."""
LOADED = {
    "admins": "loaded_admins",
    "teams": "loaded_teams",
    "team_memberships": "loaded_memberships",
    "activity_logs": "loaded_events",
    "roles": "loaded_roles",
}
"""The table of each stream."""


def loaded_tables(rows: Rows) -> dict[str, list[Row]]:
    """Return the tables of the rows of a sync."""
    return {table: list(rows.get(stream, {}).values()) for stream, table in LOADED.items()}


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
        "source_host": ", ".join(sync.source_hosts),
        "is_intercom": all(host.endswith(".intercom.io") for host in sync.source_hosts),
        "terminated_days": terminated_days,
        "export_problem": sync.reconciliation and sync.reconciliation["problem"],
    }


def history(warehouse: Warehouse, table: str, column: str) -> set[str]:
    """Return all values of a column in a history table."""
    if not has_table(warehouse, table):
        return set()
    rows = warehouse.query(f"select distinct {column} as found from {table}")  # noqa: S608
    return {row["found"] for row in rows if row["found"]}


def values(tables: dict[str, list[Row]], columns: Iterable[str]) -> set[str]:
    """Return the distinct values of some columns in all tables."""
    rows = (row for table in tables.values() for row in table)
    return {row[column] for row in rows for column in columns if row.get(column)}


def comparison_tables(warehouse: Warehouse, tables: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Return the tables of all known names and addresses, with their comparison keys.

    Args:
        warehouse: The warehouse, with the names and addresses of earlier syncs.
        tables: The tables of this sync and of the inputs.
    """
    emails = values(tables, ADDRESSES) | history(warehouse, "admin_history", "email")
    names = values(tables, NAMES) | history(warehouse, "admin_history", "name")
    names |= history(warehouse, "thing_history", "name")
    return {
        "addresses": [address_row(email) for email in sorted(emails)],
        "names": [
            {"name": name, "name_key": comparison_key(name), "shown": visible_name(name)}
            for name in sorted(names)
        ],
    }


def address_row(email: str) -> Row:
    """Return a row of the table addresses."""
    local, _, domain = mailbox(email).partition("@")
    return {
        "email": email,
        "mailbox": mailbox(email),
        "is_personal": domain in PERSONAL.split(),
        "is_shared": local in SHARED.split(),
        "is_bot": is_bot_address(email),
    }


def input_tables(inputs: Inputs, exported: Iterable[str]) -> dict[str, list[Row]]:
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
        "exported_teammates": [
            {"email": email} for email in sorted(exported) if not is_bot_address(email)
        ],
    }


def build_from(rows: Rows, inputs: Inputs, exported: Collection[str], state: State) -> None:
    """Build the warehouse from the rows of a sync."""
    facts = sync_facts(state.sync, state.settings.terminated_remove_within_days)
    tables = {"sync_facts": [facts], **loaded_tables(rows), **input_tables(inputs, exported)}
    tables |= comparison_tables(state.warehouse, tables)
    state.warehouse.write({**tables, **archive_tables(state.reviews)})
    build(state.warehouse)
