"""Checks what the company wrote into seeds/, and writes it as seeds of dbt."""

from __future__ import annotations

import csv
import sys

from folders import SEEDS, Row, day, write_seed

ADDRESSES = ("email", "reviewer", "owner")
NEEDED = {"email", "reviewer", "role", "owner", "privileged"}
KINDS = ("team", "role", "default")
YES_NO = {"yes": "true", "no": "false"}


def read(name: str, needed: list[str], optional: tuple[str, ...] = ()) -> list[Row]:
    """Give the rows of a seed, or end with a message that names the file and the line."""
    path = SEEDS / f"{name}.csv"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns = reader.fieldnames or []
            rows: list[Row] = [{**row, "line": reader.line_num} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        sys.exit(f"{path} cannot be read: {error}. It is a CSV file in UTF-8.")
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice or not set(needed) <= set(columns) <= {*needed, *optional}:
        sys.exit(
            f"{path} has the columns {', '.join(columns)}; expected: {', '.join(needed)}"
            + "".join(f", and if wanted {column}" for column in optional)
            + (f"; more than once: {', '.join(twice)}" if twice else "")
        )
    for row in rows:
        if None in row or None in row.values():
            sys.exit(f"{path}, line {row['line']}: not as many values as columns")
        row.update({key: " ".join(row[key].split()) for key in columns})
        row.update({key: row[key].lower() for key in ADDRESSES if key in row})
        for column in needed:
            if column in NEEDED and not row[column]:
                sys.exit(f"{path}, line {row['line']}: {column} is missing")
    return rows


def read_if_there(name: str, needed: list[str]) -> list[Row]:
    """Give the rows of a seed that a company may do without."""
    return read(name, needed) if (SEEDS / f"{name}.csv").exists() else []


def no_doubles(name: str, rows: list[Row], *key: str) -> None:
    """End where two rows say something about the same, whatever the case."""
    known: dict[tuple[str, ...], int] = {}
    for row in rows:
        first = known.setdefault(tuple(row[column].casefold() for column in key), row["line"])
        if first != row["line"]:
            sys.exit(f"{SEEDS / name}.csv, lines {first} and {row['line']} are about the same")


def mailbox(email: str) -> str:
    """Give an address without what stands behind a plus: both reach the same mailbox."""
    local, at, domain = email.partition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def employees() -> list[Row]:
    """Give who is employed, with the last day of a person in each of their rows."""
    rows = read("employees", ["email", "name"], optional=("left_on", "person"))
    no_doubles("employees", rows, "email")
    last_days: dict[str, Row] = {}
    for row in rows:
        row["person"] = row.get("person", "").casefold() or mailbox(row["email"])
        if row.setdefault("left_on", "") and day(row["left_on"]) is None:
            sys.exit(
                f"{SEEDS / 'employees.csv'}, line {row['line']}: left_on is {row['left_on']!r}, "
                "not a date such as 2026-08-15"
            )
        if row["left_on"]:
            first = last_days.setdefault(row["person"], row)
            if first["left_on"] != row["left_on"]:
                sys.exit(
                    f"{SEEDS / 'employees.csv'}, lines {first['line']} and {row['line']}: "
                    "one person with two days in left_on"
                )
    left_on = {person: row["left_on"] for person, row in last_days.items()}
    return [row | {"left_on": left_on.get(row["person"], "")} for row in rows]


def last_days() -> dict[str, str]:
    """Give the last day of work by mailbox, of everybody who leaves or has left."""
    return {mailbox(row["email"]): row["left_on"] for row in employees() if row["left_on"]}


def reviewers() -> list[Row]:
    """Give who decides about which team or role."""
    rows = read("reviewers", ["kind", "name", "reviewer"])
    no_doubles("reviewers", rows, "kind", "name")
    for row in rows:
        if row["kind"] not in KINDS or (row["kind"] == "default") != (not row["name"]):
            sys.exit(
                f"{SEEDS / 'reviewers.csv'}, line {row['line']}: kind is team or role, with a "
                "name, or default, without one"
            )
    return rows


def service_accounts() -> list[Row]:
    """Give the accounts that are no people, with who answers for them."""
    rows = read_if_there("service_accounts", ["email", "owner"])
    no_doubles("service_accounts", rows, "email")
    return rows


def no_service_decides(name: str, column: str, rows: list[Row], services: list[Row]) -> None:
    """End where a service account is to decide about access: a person does."""
    lines = {row["email"]: row["line"] for row in services}
    for row in rows:
        if line := lines.get(row[column]):
            where = f"{SEEDS / 'service_accounts.csv'}, line {line}"
            sys.exit(
                f"{SEEDS / name}.csv, line {row['line']}: the {column} is a person, and "
                f"{row[column]} is a service account ({where})"
            )


def permissions_by_hand() -> list[Row]:
    """Give what somebody saw in Intercom of accounts that have no role."""
    rows = read_if_there("permissions_by_hand", ["email", "privileged"])
    no_doubles("permissions_by_hand", rows, "email")
    for row in rows:
        row["is_privileged"] = YES_NO.get(row["privileged"].lower())
        if row["is_privileged"] is None:
            path = SEEDS / "permissions_by_hand.csv"
            sys.exit(
                f"{path}, line {row['line']}: privileged is {row['privileged']!r}, not yes or no"
            )
    return rows


def check() -> None:
    """Check all seeds, and only then write them for dbt."""
    roles = read("privileged_roles", ["role"])
    no_doubles("privileged_roles", roles, "role")
    deciding, services = reviewers(), service_accounts()
    no_service_decides("service_accounts", "owner", services, services)
    no_service_decides("reviewers", "reviewer", deciding, services)
    checked = {
        "employees": (["email", "name", "left_on", "person"], employees()),
        "reviewers": (["kind", "name", "reviewer"], deciding),
        "privileged_roles": (["role"], roles),
        "service_accounts": (["email", "owner"], services),
        "permissions_by_hand": (["email", "is_privileged"], permissions_by_hand()),
    }
    for name, (columns, rows) in checked.items():
        write_seed(name, columns, rows)
