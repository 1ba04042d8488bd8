"""What the company knows, from the CSV files in inputs/."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from intercom_access_review.files import read_csv
from intercom_access_review.project import INPUTS, Row, parse_day
from intercom_access_review.texts import comparison_key

if TYPE_CHECKING:
    from collections.abc import Collection

ADDRESSES = ("email", "reviewer", "owner")
REQUIRED = {"email", "reviewer", "role", "owner", "privileged"}
KINDS = ("team", "role", "default")


@dataclass
class Inputs:
    """The rows of the inputs, checked. Addresses and names are normalized for comparison."""

    employees: list[Row] = field(default_factory=list)
    reviewers: list[Row] = field(default_factory=list)
    privileged_roles: list[Row] = field(default_factory=list)
    service_accounts: list[Row] = field(default_factory=list)
    manual_permissions: list[Row] = field(default_factory=list)

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
    optional = ("left_on", "person") if name == "employees" else ()
    if not path.exists() and name in {"service_accounts", "manual_permissions"}:
        return []
    rows: list[Row] = []
    first: dict[tuple[str, ...], int] = {}
    for line, values in read_csv(path, columns, optional):
        row: Row = dict.fromkeys(optional, "") | values | {"line": line}
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


def read_employees() -> list[Row]:
    """Read the employees; each row of a person has the person's last day."""
    rows = read_input("employees", ("email", "name"), key=("email",))
    last_days: dict[str, Row] = {}
    for row in rows:
        row["person"] = comparison_key(row["person"]) or mailbox(row["email"])
        if not row["left_on"]:
            continue
        if parse_day(row["left_on"]) is None:
            raise fail(
                "employees",
                row["line"],
                f"left_on {row['left_on']!r} is not a valid date. Use 2026-08-15.",
            )
        first = last_days.setdefault(row["person"], row)
        if first["left_on"] != row["left_on"]:
            raise fail(
                "employees",
                row["line"],
                f"the same person has another left_on in line {first['line']}.",
            )
    for row in rows:
        if row["person"] in last_days:
            row["left_on"] = last_days[row["person"]]["left_on"]
    return rows


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


def read_manual_permissions() -> list[Row]:
    """Read whether accounts with custom permissions were found to be privileged."""
    rows = read_input("manual_permissions", ("email", "privileged"), key=("email",))
    for row in rows:
        if row["privileged"].casefold() not in {"yes", "no"}:
            problem = f"privileged is {row['privileged']!r}. Use yes or no."
            raise fail("manual_permissions", row["line"], problem)
        row["is_privileged"] = row["privileged"].casefold() == "yes"
    return rows


def load_inputs() -> Inputs:
    """Read and check all inputs.

    Raises:
        click.ClickException: A file cannot be read, or a value in it is invalid.
    """
    roles = read_input("privileged_roles", ("role",), key=("role",))
    inputs = Inputs(
        employees=read_employees(),
        reviewers=read_reviewers(),
        privileged_roles=[
            {"name": row["role"], "name_key": comparison_key(row["role"])} for row in roles
        ],
        service_accounts=read_input("service_accounts", ("email", "owner"), key=("email",)),
        manual_permissions=read_manual_permissions(),
    )
    lines = {row["email"]: row["line"] for row in inputs.service_accounts}
    for name, column, rows in (
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
