"""The example project: what two reviews find, in both warehouses, and the folders they leave."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import Sandbox
from tests.reviews import (
    BACK,
    FIRST,
    FORMULA,
    NOW,
    REASON,
    ROLE_HOLDERS,
    SCRIPT,
    SECOND,
    clock,
    day,
    query,
    read_list,
    run,
    story,
    utc,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.targets, pytest.mark.xdist_group("review")]

AT_FIRST = utc(NOW - BACK).replace(tzinfo=None, microsecond=0)


def test_the_grants_are_what_everybody_has_now(reviewed: Path) -> None:
    kinds = dict(query(reviewed, "select kind, count(*) from access_grants group by 1"))
    since = query(
        reviewed,
        "select kind, thing, or_earlier, since from access_grants where admin_id = '1004' "
        "order by kind, thing",
    )

    assert kinds == {"workspace": 24, "role": 21, "seat": 20, "team": 14}
    assert [(kind, thing, early, at == AT_FIRST) for kind, thing, early, at in since] == [
        ("role", "Support lead", False, False),
        ("seat", "inbox", True, True),
        ("team", "Escalations ⚡", True, True),
        ("team", "Night shift", False, False),
        ("team", "Support", True, True),
        ("workspace", "", True, True),
    ]


def test_the_changes_tell_the_story_and_who_did_it(reviewed: Path) -> None:
    rows = query(reviewed, "select name, change, thing, done_by from access_changes")
    others = {*ROLE_HOLDERS.values(), "Lina Haddad", "Gone Quietly"}

    assert {row for row in rows if row[0] not in others} == {
        ("Marcus Webb", "left", "", "aoife@example.com"),
        ("Marcus Webb", "role taken", "Support agent", "aoife@example.com"),
        ("Marcus Webb", "seat taken", "inbox", "aoife@example.com"),
        ("Marcus Webb", "team taken", "Escalations ⚡", "aoife@example.com"),
        ("Marcus Webb", "team taken", "Support", "aoife@example.com"),
        ("Priya Raman", "seat taken", "inbox", "aoife@example.com"),
        ("Zoë Müller", "role changed", "Support lead", "aoife@example.com"),
        ("Zoë Müller", "team given", "Night shift", None),  # the event names the team only
        ("陈伟", "team taken", "Support", "tomas@example.com"),  # and not for Night shift
        (SCRIPT, "seat given", "inbox", None),
    }
    assert ("Lina Haddad", "joined", "", "tomas@example.com") in rows
    assert ("Gone Quietly", "left", "", None) in rows


def test_an_author_is_named_only_where_one_event_names_exactly_that_person(reviewed: Path) -> None:
    rows = query(
        reviewed,
        "select admin_id, done_by, done_in_words, done_at from access_changes "
        "where change = 'role changed' and admin_id >= '1020'",
    )
    authors = {int(id_): (by, words) for id_, by, words, _ in rows}

    assert {id_: by for id_, (by, _) in authors.items()} == {
        1021: "alice.smith.1@example.com",  # Al, and neither Alice nor Al Smith
        1022: None,
        1023: "aoife@example.com",  # Al Smith
        1024: None,  # Sam Lee
        1025: "aoife@example.com",  # Sam Lee, by the address
        1026: None,  # Ann, inside of Ann de Vries
        1027: "aoife@example.com",
        1028: None,  # Bob, inside of names of two who are no teammates
        1029: None,  # named twice
        1030: None,  # who did it, and perhaps to somebody else of that name
        1031: None,  # before the first review
    }
    assert authors[1021][1] == "Alice Smith changed the role of Al"
    assert all(at is None or at > AT_FIRST for *_, at in rows)


def test_the_findings_are_the_ones_to_look_at_in_the_order_of_urgency(reviewed: Path) -> None:
    rows = query(
        reviewed,
        "select finding, admin_id, detail from review_findings "
        "where finding <> 'no_team' and (finding <> 'not_employed' or admin_id < '1020') "
        "order by urgency, finding, admin_id, detail",
    )
    late = "90 days after tomas@example.com decided to remove it"
    ended = f"the exception by tomas@example.com ended on {day(40)} ({REASON})"
    by_hand = "has no role; permissions set by hand: look in Intercom"
    of, which = "changed the role of", "but whose, or which one, is not known: look in Intercom"
    no_event = f"no event since {day(180)}, from when on logs were read"

    assert rows == [
        ("not_removed", "1012", f"access to the workspace is still there, {late}"),
        ("exception_expired", "1007", f"access to the workspace: {ended}"),
        (
            "token_owner",
            "1001",
            f"owns the access token that reads this, and leaves or left on {day(-10)}",
        ),
        ("leaver", "1005", f"left on {day(12)} and still has access, 12 days later"),
        *(
            (
                "role_change_unclear",
                None,
                f"a role was changed on {day(30)} (Aoife Ní Bhriain {of} {name}), {which}",
            )
            for name in ("Bob Miller", "Joe Bob")  # who are no teammates
        ),
        (
            "no_reviewer",
            "1002",
            "4 rows have no reviewer: reviewers.csv names nobody but themselves for this",
        ),
        ("no_role", "1007", by_hand),
        ("no_role", "1012", by_hand),
        ("not_employed", "1007", "is not in the list of employees"),
        ("not_employed", "1009", "is not in the list of employees"),
        ("not_employed", "1012", "is not in the list of employees"),
        ("not_employed", "1013", "is not in the list of employees"),
        ("personal_mailbox", "1012", "the address is of a provider of personal mailboxes"),
        ("privileged_quiet", "1012", f"has privileged access, and the last event is of {day(150)}"),
        ("privileged_quiet", "1024", f"has privileged access, and {no_event}"),
        ("seat_quiet", "1012", f"has an inbox seat, and the last event is of {day(150)}"),
        ("seat_quiet", "1024", f"has an inbox seat, and {no_event}"),
        ("shared_mailbox", "1009", "the address looks like a shared mailbox"),
        ("unknown_member", "4711", "is in team Night shift, but not in the list of teammates"),
    ]


def test_what_was_decided_is_followed_until_it_is_done(reviewed: Path) -> None:
    rows = query(
        reviewed,
        "select admin_id, gone_seen_at is null, done_by, done_in_words, days from removals "
        "order by admin_id",
    )

    assert rows == [
        (
            "1004",  # the role is gone, another one is there
            False,
            "aoife@example.com",
            "Aoife Ní Bhriain changed the role of Zoë Müller",
            88,
        ),
        (
            "1006",
            False,
            "aoife@example.com",
            "Aoife Ní Bhriain took the inbox seat of Priya Raman",
            88,
        ),
        ("1012", True, None, None, 90),
        ("1032", False, None, None, 90),
    ]


def test_any_later_sync_shows_what_was_done_and_what_came_back(
    reviewed: Path, review_project: Path
) -> None:
    home = review_project / "later"
    for name in ("output", "reviews", "seeds"):
        shutil.copytree(reviewed / name, home / name)
    workspace = deepcopy(story()[1])
    workspace.leave(1012)
    next(admin for admin in workspace.admins if admin.id == 1006).seat = True

    with Sandbox(workspace) as sandbox:
        run(review_project, sandbox, "demo-later", "access-sync", REVIEWED_AT=clock(NOW + 2 * DAY))

    findings = query(home, "select admin_id, detail from review_findings where urgency = 1")
    changes = query(home, "select distinct change, admin_id from access_changes order by 1, 2")
    gone = query(home, "select admin_id, days from removals where gone_seen_at is not null")
    late = "92 days after tomas@example.com decided to remove it"
    assert findings == [
        (
            "1006",
            f"the inbox seat was removed, and is there again, {late}",
        )
    ]
    assert changes == [("left", "1012"), ("seat given", "1006"), ("seat taken", "1012")]
    assert sorted(gone) == [("1004", 88), ("1012", 92), ("1032", 90)]
    assert len(list((home / "reviews").glob("*/evidence.json"))) == 2


def test_leavers_have_the_days_from_leaving_to_removal(reviewed: Path) -> None:
    rows = query(
        reviewed,
        "select admin_id, is_there, days_at_least, days_at_most, done_by from leavers order by 1",
    )

    assert rows == [
        ("1005", True, 12, 12, None),
        ("1010", False, 3, 3, "aoife@example.com"),  # by the logs
        ("1032", False, -41, 50, None),  # by the two syncs in between
    ]


def test_nobody_reviews_their_own_access(reviewed: Path) -> None:
    own = query(reviewed, "select count(*) from access_grants where reviewer = email")
    rows = query(
        reviewed,
        "select name, kind, thing, reviewer from access_grants where admin_id in ('1001', '1006') "
        "or admin_id = '1002' or (admin_id = '1004' and kind = 'team') "
        "order by admin_id, kind, thing",
    )

    assert own == [(0,)]
    assert [
        (name.split()[0], kind, thing, by and by.split("@")[0]) for name, kind, thing, by in rows
    ] == [
        ("Aoife", "role", "Workspace admin", "grace"),
        ("Aoife", "seat", "inbox", "grace"),
        ("Aoife", "team", "Escalations ⚡", "tomas"),
        ("Aoife", "workspace", "", "grace"),
        ("Tomás", "role", "Support lead", None),
        ("Tomás", "seat", "inbox", None),
        ("Tomás", "team", "Escalations ⚡", None),
        ("Tomás", "team", "Support", "priya"),
        ("Tomás", "workspace", "", None),
        ("Zoë", "team", "Escalations ⚡", "tomas"),
        ("Zoë", "team", "Night shift", "tomas"),
        ("Zoë", "team", "Support", "priya"),
        ("Priya", "role", "Support agent", "tomas"),
        ("Priya", "team", "Billing <b>& more</b>", "tomas"),
        ("Priya", "workspace", "", "tomas"),
    ]


def test_the_history_keeps_who_left(reviewed: Path) -> None:
    rows = query(
        reviewed, "select count(*), count(dbt_valid_to) from admin_history where admin_id = '1010'"
    )

    assert rows == [(1, 1)]


def test_the_list_and_the_spreadsheet_hold_the_same_and_no_formula(reviewed: Path) -> None:
    folder = reviewed / "reviews" / SECOND
    rows = read_list(folder / "access-review.csv")
    sheet = openpyxl.load_workbook(folder / "access-review.xlsx").worksheets[0]
    cells = list(sheet.iter_rows())
    head = [cell.value for cell in cells[0]]
    sheet_rows = [
        dict(zip(head, (cell.value or "" for cell in row), strict=True)) for row in cells[1:]
    ]

    assert len(rows) == 79
    assert [*rows[0]] == head
    assert [{k: v.removeprefix("'") for k, v in row.items()} for row in rows] == sheet_rows
    assert {FORMULA, SCRIPT} < {row["person"] for row in sheet_rows}
    assert f"'{FORMULA}" in {row["person"] for row in rows}
    assert not any(v.startswith(("=", "+", "-", "@")) for row in rows for v in row.values())
    assert {cell.data_type for row in cells for cell in row} == {"s", "n"}  # n: empty
    assert not any(isinstance(cell.value, int | float) for row in cells for cell in row)
    (choice,) = sheet.data_validations.dataValidation
    assert (choice.type, choice.formula1) == ("list", '"keep,remove,exception"')
    assert str(choice.sqref) == "M2:M80"
    assert all(row[name] == "" for row in sheet_rows for name in ("decision", "decided by"))


def test_the_evidence_says_what_was_read_from_where_and_when(reviewed: Path) -> None:
    evidence: dict[str, Any] = json.loads(
        (reviewed / "reviews" / SECOND / "evidence.json").read_text()
    )

    assert evidence["workspace"] == {
        "workspace_id": "sandbox",
        "name": "Intercom sandbox",
        "region": "US",
    }
    assert evidence["token_owner"]["email"] == "aoife@example.com"
    assert evidence["api_version"] == "2.16"
    assert evidence["tap_version"] == f"tap-intercom-access/{version('tap-intercom-access')}"
    assert {name: read.get("row_count") for name, read in evidence["lists"].items()} == {
        "activity_logs": None,
        "admins": 24,
        "team_memberships": 14,
        "teams": 4,
        "workspaces": 1,
    }
    assert evidence["lists"]["activity_logs"]["read_from"] == f"{day(180)}T00:00:00+00:00"
    assert evidence["rows_to_decide"] == 79
    assert {name for name in evidence["files"] if not name.startswith(("lists/", "intercom/"))} == {
        "access-review.csv",
        "access-review.html",
        "access-review.xlsx",
    }
    assert {name for name in evidence["files"] if name.startswith("lists/")} == {
        f"lists/{name}@example.com{end}"
        for name in ("grace", "priya", "tomas", "zoe")
        for end in (".csv", ".xlsx")
    }
    assert evidence["deadlines"] == {}
    assert evidence["as_of_is_pretended"] is True
    assert set(evidence["earlier_reviews"][FIRST]) == {"evidence.json", "decided-1.json"}
