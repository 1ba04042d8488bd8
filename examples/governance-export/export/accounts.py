"""What is known of an account: whose it is, and what to call it.

An account is Intercom's own bot (Fin, before that Operator) when its address is
`operator+ID@intercom.io`, whatever its name, seat or role. Other accounts that are no people, such
as shared mailboxes and integrations, are those that `service_accounts.csv` lists with an owner.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING

from files import fail
from texts import clean, name_of

if TYPE_CHECKING:
    from files import Row

SERVICE_ACCOUNTS = Path("service_accounts.csv")
COLUMNS = ["email", "owner"]
BOT = re.compile(r"operator\+[a-z0-9_-]+@intercom\.io")


def address(user: Row) -> str:
    """Give the address as it is compared: in lower case, or nothing."""
    return clean(user.get("email")).lower()


def is_bot(user: Row) -> bool:
    """Tell whether an account is Intercom's own bot."""
    return BOT.fullmatch(address(user)) is not None


def display_name(user: Row) -> str:
    """Give what to call an account: its name, or what is known instead."""
    return user.get("unlisted") or name_of(user["name"]) or user["id"]


def role_id(user: Row) -> str | None:
    """Give the id of an account's role, which no other resource has."""
    role = user.get("role") or {}
    return f"role-{role.get('id') or role['name']}" if role.get("id") or role.get("name") else None


def role_name(user: Row) -> str:
    """Give the name of an account's role, its id where it has none, or nothing."""
    role = user.get("role") or {}
    return name_of(role.get("name")) or clean(role.get("id") or role.get("name"))


def read_service_accounts() -> dict[str, str]:
    """Give the owners of service accounts by the account's address; the file may be missing.

    Every fault of the file ends the run with a message that names the file and the line.
    """
    if not SERVICE_ACCOUNTS.exists():
        return {}
    owners: dict[str, str] = {}
    try:
        with SERVICE_ACCOUNTS.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if sorted(name.strip() for name in reader.fieldnames or []) != COLUMNS:
                fail(f"{SERVICE_ACCOUNTS} needs the columns {', '.join(COLUMNS)}, and no other")
            reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
            for row in reader:
                place = f"{SERVICE_ACCOUNTS}, line {reader.line_num}"
                if None in row or None in row.values():
                    fail(f"{place}: not as many values as columns")
                email, owner = (clean(row[name]).lower() for name in COLUMNS)
                if "@" not in email or "@" not in owner:
                    fail(f"{place}: email and owner are both addresses")
                if email in owners:
                    fail(f"{place}: {email} is listed twice")
                owners[email] = owner
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        fail(f"{SERVICE_ACCOUNTS} cannot be read: {error}. It is a CSV file in UTF-8")
    if services := sorted(set(owners.values()) & owners.keys()):
        fail(f"{SERVICE_ACCOUNTS}: an owner is a person, not a service account: {services[0]}")
    return owners
