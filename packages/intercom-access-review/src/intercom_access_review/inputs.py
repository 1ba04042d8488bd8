"""Read and check the CSV files in inputs/: employees, reviewers, privileged roles, and so on."""

from dataclasses import dataclass, field
from pathlib import Path

import click

from intercom_access_review.project import INPUTS, Row, iso_day, now, parse_day
from intercom_access_review.spreadsheets import Table, read_table
from intercom_access_review.texts import comparison_key

ADDRESSES = ("email", "reviewer", "owner", "manager", "from", "to")
DAYS = ("left_on", "until")
COLUMNS = {
    "employees": ("email", "name"),
    "manual_permissions": ("email", "privileged"),
    "privileged_roles": ("role",),
    "reassignments": ("row", "from", "to", "by", "reason", "until"),
    "reviewers": ("kind", "name", "reviewer"),
    "service_accounts": ("email", "owner"),
}
"""The columns that each input must have."""
EMPLOYEE_OPTIONS = ("left_on", "person", "manager")
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
    """The reassignments that have not ended."""
    notes: list[str] = field(default_factory=list)
    """Scope limitations, such as a missing column."""

    @property
    def last_days(self) -> dict[str, str]:
        """The last day of work by mailbox, of everyone who leaves or has left."""
        return {mailbox(row["email"]): row["left_on"] for row in self.employees if row["left_on"]}


def normalized_address(text: str | None) -> str:
    """Return the form in which email addresses are compared."""
    return comparison_key(text).replace(" ", "")


def mailbox(email: str) -> str:
    """Return an address without the part after a plus, because both have the same mailbox."""
    local, at, domain = email.partition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def fail(row: Row, problem: str) -> click.ClickException:
    """Return an error about a row of an input."""
    return click.ClickException(f"{row['file']}, line {row['line']}: {problem}")


def read_input(name: str, *key: str) -> list[Row]:
    """Read the rows of an input, and check that no two have the same key."""
    path = INPUTS / f"{name}.csv"
    if not path.exists() and name in OPTIONAL_FILES:
        return []
    return checked(path, read_table(path, COLUMNS[name]), key)


def checked(path: Path, table: Table, key: tuple[str, ...]) -> list[Row]:
    """Return the rows of an input with their line numbers, normalized addresses, and dates."""
    rows: list[Row] = []
    first: dict[tuple[str, ...], int] = {}
    for line, values in table.rows:
        row: Row = values | {"file": path, "line": line}
        for column, text in values.items():
            if column in REQUIRED and not text:
                raise fail(row, f"{column} is empty.")
            if column in ADDRESSES:
                row[column] = normalized_address(text)
            if column in DAYS and text:
                row[column] = iso_day(text)
                if not parse_day(text):
                    problem = (
                        f"{column} is {text!r}. Use a date such as 2026-08-15, without slashes."
                    )
                    raise fail(row, problem)
        known = first.setdefault(tuple(comparison_key(row[column]) for column in key), line)
        if known != line:
            raise fail(row, f"the same {' and '.join(key)} is in line {known}.")
        rows.append(row)
    return rows


def read_employees() -> tuple[list[Row], list[str]]:
    """Read the employees, and the scope limitations of the file.

    If a person has several rows, each gets the person's last day of work and manager.
    """
    path = INPUTS / "employees.csv"
    table = read_table(path, COLUMNS["employees"], EMPLOYEE_OPTIONS)
    listed = [(line, row) for line, row in table.rows if row["email"]]
    notes = []
    if ignored := ", ".join(table.ignored):
        notes.append(f"Ignored columns of employees.csv: {ignored}.")
    if skipped := len(table.rows) - len(listed):
        notes.append(f"Employees without an email address in employees.csv: {skipped}.")
    if listed and "left_on" not in table.columns:
        notes.append("employees.csv has no column left_on, so terminated users are unknown.")
    blank = dict.fromkeys(EMPLOYEE_OPTIONS, "")
    rows = [blank | row for row in checked(path, table._replace(rows=listed), ("email",))]
    for row in rows:
        row["person"] = comparison_key(row["person"]) or mailbox(row["email"])
    for column in ("left_on", "manager"):
        share(rows, column)
    return rows, notes


def share(rows: list[Row], column: str) -> None:
    """Fill in a column of each row from the other rows of the same person.

    Raises:
        click.ClickException: Two rows of a person differ.
    """
    known: dict[str, Row] = {}
    for row in rows:
        if row[column]:
            first = known.setdefault(row["person"], row)
            if first[column] != row[column]:
                raise fail(row, f"the same person has another {column} in line {first['line']}.")
    for row in rows:
        if row["person"] in known:
            row[column] = known[row["person"]][column]


def read_reviewers() -> list[Row]:
    """Read the reviewers of teams and roles, and the default reviewer."""
    rows = read_input("reviewers", "kind", "name")
    for row in rows:
        if row["kind"] not in KINDS:
            raise fail(row, f"kind is {row['kind']!r}. Use {', '.join(KINDS)}.")
        if (row["kind"] == "default") == bool(row["name"]):
            raise fail(row, "enter a name for a team or role, and none for the default.")
        row["name_key"] = comparison_key(row["name"])
    return rows


def read_reassignments(last_days: dict[str, str], day: str) -> list[Row]:
    """Read the reassignments that apply on a day, each with its final reviewer.

    Args:
        last_days: Last days of work by mailbox.
        day: The day, such as 2026-08-26.
    """
    rows = read_input("reassignments", "row", "from")
    active = [row for row in rows if not row["until"] or row["until"] >= day]
    following = {row["from"]: row["to"] for row in active if not row["row"]}
    for row in active:
        for _ in active:
            row["to"] = following.get(row["to"], row["to"])
        if row["to"] in following:
            raise fail(row, "lines reassign rows in a circle. Remove the older line.")
        if last_days.get(mailbox(row["to"]), day) < day:
            raise fail(row, f"{row['to']} has left. Name another reviewer.")
    return active


def read_manual_permissions() -> list[Row]:
    """Read which accounts with custom permissions are privileged."""
    rows = read_input("manual_permissions", "email")
    for row in rows:
        if row["privileged"].casefold() not in {"yes", "no"}:
            raise fail(row, f"privileged is {row['privileged']!r}. Use yes or no.")
        row["is_privileged"] = row["privileged"].casefold() == "yes"
    return rows


def read_owners(path: Path) -> dict[str, str]:
    """Read the owners of service accounts from a file, by the account's address."""
    rows = checked(path, read_table(path, COLUMNS["service_accounts"]), ("email",))
    return {row["email"]: row["owner"] for row in rows}


def load_inputs(day: str = "") -> Inputs:
    """Read and check all inputs, as of a day (default: today).

    Raises:
        click.ClickException: A file cannot be read, or a value in it is invalid.
    """
    roles = read_input("privileged_roles", "role")
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
        service_accounts=read_input("service_accounts", "email"),
        manual_permissions=read_manual_permissions(),
    )
    inputs.reassignments = read_reassignments(inputs.last_days, day or now()[:10])
    lines = {row["email"]: row["line"] for row in inputs.service_accounts}
    for column, rows in (
        ("to", inputs.reassignments),
        ("owner", inputs.service_accounts),
        ("reviewer", inputs.reviewers),
    ):
        for row in rows:
            if number := lines.get(row[column]):
                whose = f"the {column} {row[column]} is a service account"
                raise fail(row, f"{whose} (service_accounts.csv, line {number}). Name a person.")
    return inputs
