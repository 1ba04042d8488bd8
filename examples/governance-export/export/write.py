"""Last step: turns the rows of one complete run into output/: all files, or none."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import sign_ins
from access import Access, read_access, read_workspace
from accounts import address, display_name
from baton import baton_file
from files import NEW, make_folder, replace_output, restore_output, write_json, write_text
from tables import hyperproof_rows, probo_rows, vanta_rows
from texts import clean, csv_text, file_name

if TYPE_CHECKING:
    from files import Row


def main() -> None:
    """Write all files, and put them in place of the last ones at once."""
    restore_output()
    workspace = read_workspace()
    latest = sign_ins.read_sign_ins(workspace["id"])
    access = read_access(workspace, latest)
    baton = baton_file(access)
    domains = re.split(r"[\s,;]+", os.environ.get("COMPANY_DOMAINS", "").lower())
    domains = [domain.removeprefix("@") for domain in domains if domain]
    company = file_name(workspace["name"]) or file_name(workspace["id"])
    tables = {
        f"Access File - {company} - Intercom.csv": vanta_rows(access, domains),
        "probo.csv": probo_rows(access),
        "hyperproof.csv": hyperproof_rows(access),
    }
    make_folder(NEW)
    write_json(NEW / "baton-file.json", baton)
    for name, rows in tables.items():
        write_text(NEW / name, csv_text(rows))
    sign_ins.keep(workspace["id"], latest)
    replace_output()
    print_summary(access, baton, list(tables), domains)


def print_summary(
    access: Access, baton: dict[str, list[Row]], tables: list[str], domains: list[str]
) -> None:
    """Report what was written, which users a tool will drop, and which settings match nothing."""
    counts = ", ".join(f"{len(rows)} {section}" for section, rows in baton.items())
    print(f"output/baton-file.json: {counts}")
    for table in tables:
        print(f"output/{table}: {len(access.users)} users")
    if services := [user for user in access.users if not access.is_person(user)]:
        print(f"No people, but service accounts: {labels(services)}")
    if dropped := [user for user in access.users if not clean(user.get("email"))]:
        print(f"Probo drops {len(dropped)} users without an address: {labels(dropped)}")
    addresses = {address(user) for user in access.users}
    for email in access.service_accounts.keys() - addresses:
        print(f"service_accounts.csv: no account has the address {email}")
    for domain in set(domains) - {email.rpartition("@")[2] for email in addresses}:
        print(f"COMPANY_DOMAINS: no account has an address of {domain}")


def labels(users: list[Row]) -> str:
    """Name users in a message: id and name."""
    return ", ".join(f"{user['id']} ({display_name(user)})" for user in users)


if __name__ == "__main__":
    main()
