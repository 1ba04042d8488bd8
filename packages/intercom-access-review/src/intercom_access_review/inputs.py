"""What the company knows, from the CSV files in inputs/."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from intercom_access_review.project import INPUTS, Row, iso_day, now, parse_day
from intercom_access_review.spreadsheets import Table, read_table
from intercom_access_review.texts import comparison_key

if TYPE_CHECKING:
    from collections.abc import Collection

ADDRESSES = ("email", "reviewer", "owner", "manager", "from", "to")
OF_PERSON = ("left_on", "manager")
OF_EMPLOYEES = ("person", *OF_PERSON)
"""The optional columns of employees.csv."""
REQUIRED = {"email", "reviewer", "role", "owner", "privileged", "to", "by", "reason"}
OPTIONAL_FILES = {"service_accounts", "manual_permissions", "reassignments"}
KINDS = ("team", "role", "default")


@dataclass
class Inputs:
    """The rows of the inputs, checked. Addresses and names are normalized for comparison."""

    employees: list[Row] = field(default_factory=list)
    reviewers: list[Row] = field(default_factory=list)
    privileged_roles: list[Row] = field(default_factory=list)
    service_accounts: list[Row] = field(default_factory=list)
    manual_permissions: list[Row] = field(default_factory=list)
    reassignments: list[Row] = field(default_factory=list)
    """Those that apply."""
    notes: list[str] = field(default_factory=list)
    """What the inputs don't say."""

    @property
    def last_days(self) -> dict[str, str]:
        """The last day of work by mailbox, of everyone who leaves or has left."""
        return {mailbox(row["email"]): row["left_on"] for row in self.employees if row["left_on"]}


def normalized_address(text: str | None) -> str:
    """Return the form in which email addresses are compared."""
    return comparison_key(text).replace(" ", "")


def mailbox(email: str) -> str:
    """Return an address without the part after a plus: both reach the same mailbox."""
    local, at, domain = email.partition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def fail(name: str, line: int, problem: str) -> click.ClickException:
    """Return an error about a line of an input."""
    return click.ClickException(f"{INPUTS / name}.csv, line {line}: {problem}")


def read_input(name: str, columns: Collection[str], *, key: tuple[str, ...]) -> list[Row]:
    """Read the rows of an input, each with its line number; no two rows have the same key."""
    path = INPUTS / f"{name}.csv"
    if not path.exists() and name in OPTIONAL_FILES:
        return []
    return checked(name, read_table(path, columns), columns, key)


def checked(name: str, table: Table, columns: Collection[str], key: tuple[str, ...]) -> list[Row]:
    """Return the rows of an input with their line numbers and normalized addresses."""
    rows: list[Row] = []
    first: dict[tuple[str, ...], int] = {}
    for line, values in table.rows:
        row: Row = values | {"line": line}
        for column in ADDRESSES:
            if column in row:
                row[column] = normalized_address(row[column])
        for column in columns:
            if column in REQUIRED and not row[column]:
                raise fail(name, line, f"{column} is empty.")
        known = first.setdefault(tuple(comparison_key(row[column]) for column in key), line)
        if known != line:
            raise fail(name, line, f"the same {' and '.join(key)} is in line {known}.")
        rows.append(row)
    return rows


def read_employees() -> tuple[list[Row], list[str]]:
    """Read the employees, and what the file doesn't say about them.

    Each row of a person has the person's last day and manager.
    """
    table = read_table(INPUTS / "employees.csv", ("email", "name"), OF_EMPLOYEES)
    listed = [(line, row) for line, row in table.rows if row["email"]]
    notes = []
    if ignored := ", ".join(table.ignored):
        notes.append(f"Columns of employees.csv that are not used: {ignored}.")
    if skipped := len(table.rows) - len(listed):
        notes.append(f"Employees without an email address in employees.csv: {skipped}.")
    if listed and "left_on" not in table.columns:
        notes.append("employees.csv has no column left_on, so terminated users are not known.")
    rows = checked("employees", table._replace(rows=listed), ("email",), ("email",))
    check_days(rows)
    for column in OF_PERSON:
        share(rows, column)
    return rows, notes


def check_days(rows: list[Row]) -> None:
    """Raise one error for all employees whose last day is not a date."""
    for row in rows:
        row.update(dict.fromkeys(OF_EMPLOYEES, "") | row)
        row["person"] = comparison_key(row["person"]) or mailbox(row["email"])
        row["left_on"] = iso_day(row["left_on"])
    wrong = [row for row in rows if row["left_on"] and not parse_day(row["left_on"])]
    if wrong:
        text, more = wrong[0]["left_on"], f" (rows like this: {len(wrong)})"
        why = "has slashes, which are ambiguous" if "/" in text else "is not a valid date"
        raise fail("employees", wrong[0]["line"], f"left_on {text!r} {why}. Use 2026-08-15{more}.")


def share(rows: list[Row], column: str) -> None:
    """Fill in a column of each row that another row of the same person has.

    Raises:
        click.ClickException: Two rows of a person differ.
    """
    known: dict[str, Row] = {}
    for row in rows:
        if row[column]:
            first = known.setdefault(row["person"], row)
            if first[column] != row[column]:
                problem = f"the same person has another {column} in line {first['line']}."
                raise fail("employees", row["line"], problem)
    for row in rows:
        if row["person"] in known:
            row[column] = known[row["person"]][column]


def read_reviewers() -> list[Row]:
    """Read who reviews which team or role, and who reviews everything else."""
    rows = read_input("reviewers", ("kind", "name", "reviewer"), key=("kind", "name"))
    for row in rows:
        if row["kind"] not in KINDS:
            raise fail(
                "reviewers", row["line"], f"kind is {row['kind']!r}. Use {', '.join(KINDS)}."
            )
        if (row["kind"] == "default") == bool(row["name"]):
            raise fail(
                "reviewers", row["line"], "a team or role needs a name, the default has none."
            )
        row["name_key"] = comparison_key(row["name"])
    return rows


def read_reassignments(last_days: dict[str, str], day: str) -> list[Row]:
    """Read the reassignments that apply on a day, each with the reviewer at its end.

    Args:
        last_days: Last days of work by mailbox.
        day: The day, such as 2026-08-26.
    """
    columns = ("row", "from", "to", "by", "reason", "until")
    rows = read_input("reassignments", columns, key=("row", "from"))
    for row in rows:
        row["until"] = iso_day(row["until"])
        if row["until"] and not parse_day(row["until"]):
            raise fail("reassignments", row["line"], f"until is {row['until']!r}. Use 2026-08-15.")
    active = [row for row in rows if not row["until"] or row["until"] >= day]
    following = {row["from"]: row["to"] for row in active if not row["row"]}
    for row in active:
        passed = {row["from"]}
        while row["to"] in following and row["to"] not in passed:
            passed.add(row["to"])
            row["to"] = following[row["to"]]
        if row["to"] in passed:
            raise fail("reassignments", row["line"], "it goes in a circle. Remove the older line.")
        if last_days.get(mailbox(row["to"]), day) < day:
            raise fail("reassignments", row["line"], f"{row['to']} has left.")
    return active


def read_manual_permissions() -> list[Row]:
    """Read whether accounts with custom permissions were found to be privileged."""
    rows = read_input("manual_permissions", ("email", "privileged"), key=("email",))
    for row in rows:
        if row["privileged"].casefold() not in {"yes", "no"}:
            problem = f"privileged is {row['privileged']!r}. Use yes or no."
            raise fail("manual_permissions", row["line"], problem)
        row["is_privileged"] = row["privileged"].casefold() == "yes"
    return rows


def load_inputs(day: str = "") -> Inputs:
    """Read and check all inputs, as they are on a day; by default today.

    Raises:
        click.ClickException: A file cannot be read, or a value in it is invalid.
    """
    roles = read_input("privileged_roles", ("role",), key=("role",))
    employees, notes = read_employees()
    reviewers = read_reviewers()
    if not reviewers:
        notes.append("reviewers.csv has no rows. Only managers and owners of accounts review rows.")
    inputs = Inputs(
        employees=employees,
        notes=notes,
        reviewers=reviewers,
        privileged_roles=[
            {"name": row["role"], "name_key": comparison_key(row["role"])} for row in roles
        ],
        service_accounts=read_input("service_accounts", ("email", "owner"), key=("email",)),
        manual_permissions=read_manual_permissions(),
    )
    inputs.reassignments = read_reassignments(inputs.last_days, day or now()[:10])
    lines = {row["email"]: row["line"] for row in inputs.service_accounts}
    for name, column, rows in (
        ("reassignments", "to", inputs.reassignments),
        ("service_accounts", "owner", inputs.service_accounts),
        ("reviewers", "reviewer", inputs.reviewers),
    ):
        for row in rows:
            if row[column] in lines:
                raise fail(
                    name,
                    row["line"],
                    f"the {column} {row[column]} is a service account (service_accounts.csv, line "
                    f"{lines[row[column]]}). Name a person.",
                )
    return inputs
