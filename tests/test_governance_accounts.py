"""Whose an account is, in the files of the governance export: only what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.governance import (
    HOME,
    PERSON,
    check_baton,
    check_hyperproof,
    check_probo,
    check_vanta,
    step,
    write_rows,
    written,
)

if TYPE_CHECKING:
    from pathlib import Path

ROLE = {"id": "1", "name": "Workspace admin"}
BOTS = ["operator+abc123@intercom.io", " Operator+A_b-C@INTERCOM.io ", "operator+7@intercom.io"]
PEOPLE = [
    "operator@intercom.io",
    "operator+@intercom.io",
    "operator+a.b@intercom.io",
    "operator+1@intercom.io.example.com",
    "operator+1@intercomXio",
    "x.operator+1@intercom.io",
    "operator+1@intercom.io, a@example.com",
    "ann+operator@intercom.io",
]


def people(*emails: str | None) -> list[dict[str, Any]]:
    return [
        PERSON | {"id": str(number), "name": f"N{number}", "email": email}
        for number, email in enumerate(emails)
    ]


def owners(example: Path) -> dict[str, str]:
    return {row["Account name"]: row["Account owner"] for row in check_vanta(example / "output")}


def test_the_bot_is_no_person_whatever_its_name_seat_and_role(example: Path) -> None:
    admins = people(*BOTS, *PEOPLE)
    admins[1] |= {"name": "Ann", "role": ROLE, "job_title": "Agent", "has_inbox_seat": False}
    write_rows(example, workspaces=[HOME], admins=admins)

    printed = written(example, COMPANY_DOMAINS="intercom.io example.com")

    ids = {str(number) for number in range(len(BOTS))}
    services = {
        row["id"]
        for row in check_baton(example / "output" / "baton-file.json")["users"]
        if row.get("type")
    }
    probo = check_probo(example / "output")
    assert services == ids
    assert {row["external_id"] for row in probo if row["account_type"]} == ids
    assert {name for name, owner in owners(example).items() if owner == "Not a person"} == {
        email.strip() for email in BOTS
    }
    assert "No people, but service accounts: 0 (N0), 1 (Ann), 2 (N2)\n" in printed


def test_a_service_account_has_the_owner_that_the_file_names(example: Path) -> None:
    (example / "service_accounts.csv").write_text(
        "owner,email\n Ann@example.com , SUPPORT@example.com\nzoe@example.com,robot@example.com\n"
        "ann@example.com,gone@example.com\n",
        encoding="utf-8-sig",
    )
    write_rows(
        example,
        workspaces=[HOME],
        admins=people("ann@example.com", "Support@example.com", "robot@example.com"),
    )

    printed = written(example, COMPANY_DOMAINS="example.com")

    users = check_baton(example / "output" / "baton-file.json")["users"]
    assert [user.get("type") for user in users] == [None, "service", "service"]
    assert [user["profile"].get("owner") for user in users] == [
        None,
        "ann@example.com",
        "zoe@example.com",
    ]
    assert owners(example)["Support@example.com"] == "Not a person"
    hyperproof = check_hyperproof(example / "output")
    assert [row["Owner"] for row in hyperproof] == ["N0", "N0", "zoe@example.com"]
    assert [row["account_type"] for row in check_probo(example / "output")] == [
        "",
        "SERVICE_ACCOUNT",
        "SERVICE_ACCOUNT",
    ]
    assert "service_accounts.csv: no account has the address gone@example.com" in printed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "needs the columns email, owner"),
        ("email;owner\na@x;b@x\n", "needs the columns email, owner"),
        ("email,owner,note\na@x,b@x,c\n", "needs the columns email, owner"),
        ("email,owner\na@x\n", "line 2: not as many values as columns"),
        ("email,owner\na@x,b@x,c\n", "line 2: not as many values as columns"),
        ("email,owner\na@x,\n", "line 2: email and owner are both addresses"),
        ("email,owner\na@x,b@x\nA@x ,c@x\n", "line 3: a@x is listed twice"),
        ("email,owner\na@x,b@x\nb@x,c@x\n", "not a service account: b@x"),
        ("email,owner\n\xe9@x,b@x\n", "cannot be read"),
    ],
)
def test_a_file_of_service_accounts_that_cannot_be_right_is_refused(
    text: str, reason: str, example: Path
) -> None:
    (example / "service_accounts.csv").write_text(text, encoding="latin-1")
    write_rows(example, workspaces=[HOME], admins=[PERSON])

    done = step(example, "write")

    assert done.returncode == 1
    assert "service_accounts.csv" in done.stderr
    assert reason in done.stderr
    assert "Nothing was written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (example / "output").exists()


def test_of_people_without_an_address_nothing_is_known(example: Path) -> None:
    member = {"team_id": "7", "admin_id": "4711", "priority_level": None}
    write_rows(
        example,
        workspaces=[HOME],
        admins=people("", None, "  ", "a@elsewhere.example", "b@Example.com"),
        teams=[{"id": "7", "name": "T"}],
        team_memberships=[member],
    )

    printed = written(example, COMPANY_DOMAINS="@example.com, other.example")

    known = owners(example)
    assert known.pop("a@elsewhere.example") == "External user"
    assert known.pop("b@Example.com") == "b@Example.com"
    assert len(known) == 4
    assert set(known.values()) == {""}
    assert "COMPANY_DOMAINS: no account has an address of other.example" in printed
    assert "of example.com" not in printed

    written(example, COMPANY_DOMAINS="example.com;ELSEWHERE.example")

    assert owners(example)["a@elsewhere.example"] == "a@elsewhere.example"


def test_what_is_called_the_same_or_like_nothing_has_its_id(example: Path) -> None:
    admins = people("a@x", "b@x", "", "", "e@x")
    admins[2]["name"] = admins[3]["name"] = "Sam Lee"
    admins[4]["name"] = "\u3164 \u200b"
    for number, row in enumerate(admins):
        row["role"] = {"id": str(number % 2), "name": ("Support", "support\u2060")[number % 2]}
    teams = [{"id": "7", "name": "Night"}, {"id": "8", "name": "Ni\u200bght"}]
    members = [
        {"team_id": team["id"], "admin_id": "0", "priority_level": None}
        for team in [*teams, {"id": "9"}]
    ]
    write_rows(
        example,
        workspaces=[HOME],
        admins=admins,
        teams=[*teams, {"id": "9", "name": "\u2800"}],
        team_memberships=members,
    )

    written(example)

    vanta = {row["Account name"]: row["Role"] for row in check_vanta(example / "output")}
    assert list(vanta) == ["a@x", "b@x", "Sam Lee (2)", "Sam Lee (3)", "e@x"]
    assert vanta["a@x"] == "Support (0), Night (7), Ni\u200bght (8), 9"
    assert vanta["b@x"] == "support\u2060 (1)"
    assert [row["full_name"] for row in check_probo(example / "output")][4] == "4"
    users = check_baton(example / "output" / "baton-file.json")["users"]
    assert users[4]["display_name"] == "4"


def test_no_role_is_not_called_no_permissions(example: Path) -> None:
    write_rows(example, workspaces=[HOME], admins=people("a@x"))

    written(example)

    (row,) = check_hyperproof(example / "output")
    assert row["Role"] == "No role: permissions may be set by hand"
