"""Checks what the company wrote into seeds/, and hands it to dbt."""

from __future__ import annotations

import csv
import sys

from folders import SEEDS, Row, day, write_seed

ADDRESSES = ("email", "reviewer")
KINDS = ("team", "role", "default")


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
    if not set(needed) <= set(columns) <= {*needed, *optional}:
        sys.exit(
            f"{path} has the columns {', '.join(columns)}; expected: {', '.join(needed)}"
            + "".join(f", and if wanted {column}" for column in optional)
        )
    for row in rows:
        if None in row or None in row.values():
            sys.exit(f"{path}, line {row['line']}: not as many values as columns")
        row.update({key: row[key].strip() for key in columns})
        row.update({key: row[key].lower() for key in ADDRESSES if key in row})
        for column in {"email", "reviewer", "role"} & row.keys():
            if not row[column]:
                sys.exit(f"{path}, line {row['line']}: {column} is missing")
    return rows


def no_doubles(name: str, rows: list[Row], *key: str) -> None:
    """End where two rows say something about the same."""
    known: dict[tuple[str, ...], int] = {}
    for row in rows:
        first = known.setdefault(tuple(row[column] for column in key), row["line"])
        if first != row["line"]:
            sys.exit(f"{SEEDS / name}.csv, lines {first} and {row['line']} are about the same")


def check() -> None:
    """Check the seeds and hand them to dbt."""
    employees = read("employees", ["email", "name"], optional=("left_on",))
    no_doubles("employees", employees, "email")
    for row in employees:
        if row.setdefault("left_on", "") and day(row["left_on"]) is None:
            sys.exit(
                f"{SEEDS / 'employees.csv'}, line {row['line']}: left_on is {row['left_on']!r}, "
                "not a date such as 2026-08-15"
            )
    reviewers = read("reviewers", ["kind", "name", "reviewer"])
    no_doubles("reviewers", reviewers, "kind", "name")
    for row in reviewers:
        if row["kind"] not in KINDS or (row["kind"] == "default") != (not row["name"]):
            sys.exit(
                f"{SEEDS / 'reviewers.csv'}, line {row['line']}: kind is team or role, with a "
                "name, or default, without one"
            )
    roles = read("privileged_roles", ["role"])
    no_doubles("privileged_roles", roles, "role")
    write_seed("employees", ["email", "name", "left_on"], employees)
    write_seed("reviewers", ["kind", "name", "reviewer"], reviewers)
    write_seed("privileged_roles", ["role"], roles)
