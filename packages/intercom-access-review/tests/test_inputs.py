"""Inputs, settings, and the teammates export: valid ones are read, others are refused."""

import os
import re
import time
from datetime import date
from pathlib import Path

import click
import pytest

from archives import SETTINGS
from intercom_access_review.inputs import load_inputs
from intercom_access_review.items import ITEM_KINDS
from intercom_access_review.project import INPUTS
from intercom_access_review.settings import ALERTS, PATH, deadline, load_settings
from intercom_access_review.teammates_export import EXPORT, age_problem, read_export
from tests.docs import PAGES

FILES = {
    "employees": "email,name\n",
    "reviewers": "kind,name,reviewer\ndefault,,ann@example.com\n",
    "privileged_roles": "role\n",
}


@pytest.fixture(autouse=True)
def _in_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    INPUTS.mkdir()
    for name, text in FILES.items():
        write(name, text)


def write(name: str, text: str, encoding: str = "utf-8") -> None:
    (INPUTS / f"{name}.csv").write_text(text, encoding=encoding)


def test_employees_are_read_from_the_export_of_an_hr_system() -> None:
    text = (
        "sep=;\nPerson;E-MAIL;Full name;Left On;Name;Manager\n"
        "A  1; Ann+x@Example.com ;x;;Ann;Bo@x.example\n;;x;;No Address;\n"
        "a 1;b@x.example;x;15.8.2026;Ann;\n"
    )
    write("employees", text, "utf-16")

    inputs = load_inputs()

    assert [
        (row["email"], row["left_on"], row["manager"], row["person"]) for row in inputs.employees
    ] == [
        ("ann+x@example.com", "2026-08-15", "bo@x.example", "a 1"),
        ("b@x.example", "2026-08-15", "bo@x.example", "a 1"),  # one person
    ]
    assert inputs.last_days == {"ann@example.com": "2026-08-15", "b@x.example": "2026-08-15"}
    assert inputs.notes == [
        "Ignored columns of employees.csv: Full name.",
        "Employees without an email address in employees.csv: 1.",
    ]
    write("employees", "email,name\na@x,A\n")
    assert load_inputs().notes == [
        "employees.csv has no column left_on, so terminated users are unknown."
    ]


def test_inputs_without_reviewers_cause_a_warning_before_intercom_is_called() -> None:
    write("reviewers", "kind,name,reviewer\n")

    assert load_inputs().notes == [
        "reviewers.csv has no rows. Only managers and owners of accounts review rows."
    ]


WRONG: dict[str, tuple[str, str, str]] = {
    "columns": (
        "reviewers",
        "team,reviewer\n",
        "the columns kind, name are missing (it has: team, reviewer)",
    ),
    "kind": ("reviewers", "kind,name,reviewer\ngroup,x,a@x\n", "kind is 'group'. Use team, role"),
    "name": ("reviewers", "kind,name,reviewer\nteam,,a@x\n", "enter a name for a team or role"),
    "default": ("reviewers", "kind,name,reviewer\ndefault,x,a@x\n", "and none for the default"),
    "empty": ("reviewers", "kind,name,reviewer\nteam,x,\n", "line 2: reviewer is empty"),
    "twice": (
        "reviewers",
        "kind,name,reviewer\nteam,X,a@x\nteam,x ,b@x\n",
        "line 3: the same kind and name is in line 2",
    ),
    "date": (
        "employees",
        "email,name,left_on\na@x,A,08/15/2026\nb@x,B,08/16/2026\nc@x,C,2026-08-17\n",
        "line 2: left_on is '08/15/2026'. Use a date such as 2026-08-15, without slashes.",
    ),
    "two dates": (
        "employees",
        "email,name,left_on,person\na@x,A,2026-08-15,1\nb@x,A,2026-08-16,1\n",
        "the same person has another left_on in line 2",
    ),
    "yes or no": ("manual_permissions", "email,privileged\na@x,maybe\n", "Use yes or no"),
    "service": ("service_accounts", "email,owner\na@x,a@x\n", "is a service account"),
    "values": ("privileged_roles", "role\na,b\n", "line 2 has 2 values for 1 columns"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_invalid_input_is_reported_with_its_line(case: str) -> None:
    name, text, message = WRONG[case]
    write(name, text)

    with pytest.raises(click.ClickException) as error:
        load_inputs()

    assert message in error.value.message


SETTINGS_ERRORS = {
    "decide_within_days: soon": "is 'soon'. Use a number of days from 0 to 3650.",
    "decide_within_days: -1": "decide_within_days is -1. Use a number of days",
    "warehouse: oracle": "warehouse is 'oracle'. Use duckdb or postgres.",
    "decide_in: 3": "sets decide_in, which is unknown. The settings are: warehouse",
    "fail_on: overdue": "fail_on is 'overdue'. Use a list such as [overdue].",
    "fail_on: [late]": "fail_on lists late. Use: terminated, overdue, privileged",
    "require: [stamp]": "require is ['stamp']. Use a list of signature",
    "mail_from: me": "mail_from is 'me'. Use an address",
    "a: [": "is not valid YAML",
    "just text": "is not valid YAML",
}


@pytest.mark.parametrize("text", SETTINGS_ERRORS)
def test_an_invalid_setting_is_reported_with_a_valid_value(text: str) -> None:
    PATH.write_text(text, encoding="utf-8")

    with pytest.raises(click.ClickException) as error:
        load_settings(ITEM_KINDS)

    assert SETTINGS_ERRORS[text] in error.value.message


def test_settings_without_values_have_defaults_and_variables_override_the_settings_for_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    PATH.write_text("decide_within_days: 14\nremove_within_days:\nfail_on: [overdue]\n")
    monkeypatch.setenv("REVIEW_SIGNING_KEY", "key")

    settings = load_settings(ITEM_KINDS)

    assert settings.deadlines == {"decide_within_days": 14, "privileged_decide_within_days": 14}
    assert settings.signing_key == "key"
    assert "decisions_overdue" in settings.alerts
    assert deadline(date(2026, 1, 1), settings.deadlines, "remove", "") == ""


def test_the_page_about_inputs_lists_each_kind_and_each_group_of_fail_on() -> None:
    section = PAGES["docs/review-inputs.md"].partition("## Choose alerts")[2]
    kinds = re.findall(r"^\| `(\w+)` \| (.+) \| (\w+) \|$", section, re.MULTILINE)
    groups = re.findall(r"^- `(\w+)`: (.*)$", section, re.MULTILINE)

    assert kinds == [(name, kind.title, kind.severity) for name, kind in ITEM_KINDS.items()]
    assert {name: tuple(re.findall(r"`(\w+)`", text)) for name, text in groups} == ALERTS


def test_the_error_outside_of_a_project_asks_for_its_folder() -> None:
    with pytest.raises(click.ClickException, match="'intercom-access-review init' created"):
        load_settings(ITEM_KINDS)


def test_the_addresses_of_an_export_are_found() -> None:
    write("teammates_export", "Name;Email;Role\nA;A@x.example;x\nB;b@x.example;x\n", "utf-16")

    known, addresses = read_export("")

    assert addresses == {"a@x.example", "b@x.example"}
    assert known
    assert (known["column"], known["addresses"], known["problem"]) == ("Email", 2, None)


EXPORTS = {
    "two columns": (
        "Email,Manager\na@x,b@x\nc@x,d@x\n",
        "",
        "the column with the email addresses is unclear",
    ),
    "named twice": (
        "Email,Email\na@x,b@x\n",
        "email",
        "the column with the email addresses is unclear",
    ),
    "not named": ("Email,Name\na@x,A\n", "mail", "the column with the email addresses is unclear"),
    "no address": ("Email,Name\nx,A\n", "email", "the column with the email addresses is unclear"),
    "uneven": ("Email,Name\na@x\n", "", "don't have the same number of values"),
    "empty": ("", "", "are: none"),
}


@pytest.mark.parametrize("case", EXPORTS)
def test_an_export_with_an_unclear_column_of_addresses_is_refused(case: str) -> None:
    text, column, message = EXPORTS[case]
    write("teammates_export", text)

    with pytest.raises(click.ClickException) as error:
        read_export(column)

    assert message in error.value.message


def test_an_old_export_is_reported_and_not_compared() -> None:
    write("teammates_export", "Email\na@x\n")
    os.utime(EXPORT, (time.time() - 90_000,) * 2)

    known, addresses = read_export("")

    assert addresses == set()
    assert known
    assert "more than a day ago. Export it again." in known["problem"]
    assert "in the future" in (age_problem(2_000.0, 1_000.0) or "")
    assert SETTINGS.deadlines == {}
