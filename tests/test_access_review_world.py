"""The example project: three reviews of difficult people, against what is true by construction."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import shown
from tests.reviews import day, read_list, step, write_list
from tests.tap import BIN, environment
from tests.targets import variables_of
from tests.world import (
    AGO,
    BLANK_FORMULA,
    DECISIONS,
    FULL_WIDTH,
    HEBREW,
    LONG,
    OVERRIDE,
    REASONS,
    REVIEWS,
    SEMICOLON,
    SILENT,
    UNKNOWN,
    grants,
    world,
)

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.world import Marts

pytestmark = [pytest.mark.targets, pytest.mark.xdist_group("world")]


@pytest.fixture
def reviews(world_in_duckdb: list[Marts]) -> list[Marts]:
    return world_in_duckdb


@pytest.fixture
def pages(world_in_duckdb: list[Marts], world_project: Path) -> list[str]:
    assert world_in_duckdb
    folders = [world_project / "world" / "reviews" / name for name in REVIEWS]
    return [(folder / "access-review.html").read_text(encoding="utf-8") for folder in folders]


def by_account(rows: list[dict[str, Any]], *columns: str) -> dict[str, Any]:
    """The rows, of which each account has one, by account."""
    accounts = {row["admin_id"]: tuple(row[column] for column in columns) for row in rows}
    assert len(accounts) == len(rows)
    return accounts


def with_finding(marts: Marts, name: str) -> dict[str | None, str]:
    rows = [row for row in marts["review_findings"] if row["finding"] == name]
    return {row["admin_id"]: row["detail"] for row in rows}


def comparable(rows: list[dict[str, Any]]) -> list[str]:
    """Rows in an order that does not depend on the warehouse; each was read at its own time."""
    return sorted(
        repr(sorted((name, value) for name, value in row.items() if name != "logs_read_to"))
        for row in rows
    )


def test_both_warehouses_say_the_same(
    world_in_duckdb: list[Marts], world_in_postgres: list[Marts]
) -> None:
    for here, there in zip(world_in_duckdb, world_in_postgres, strict=True):
        for mart in here:
            assert comparable(here[mart]) == comparable(there[mart]), mart


END = """
import json, sys
sys.path.insert(0, "review")
from datetime import date
from close import OWN, OpenError, exceptions_of, removals_of, tests_of
from folders import reviews
from teammates import results
from warehouse import query
first = reviews()[0]
try:
    removals_of(first, date.today())
except OpenError as error:
    print(json.dumps([error.args, results({"is_compared": True}), tests_of(first, [])]))
print(json.dumps(sorted(map(str, exceptions_of(first)))))
print(json.dumps(sorted(json.dumps(row, default=str) for row in query(OWN) if row["email"])))
"""


def test_evidence_and_the_end_of_a_review_are_the_same_in_both_warehouses(
    world_in_duckdb: list[Marts],
    world_in_postgres: list[Marts],
    world_project: Path,
    postgres_server: str,
) -> None:
    assert len(world_in_duckdb) == len(world_in_postgres) == len(REVIEWS)
    python = world_project / ".meltano" / "utilities" / "review" / "venv" / BIN.name / "python"
    answers = {}
    for warehouse, home in (("duckdb", "world"), ("postgres", "postgres")):
        folder = world_project / home / "reviews"
        for name, truth in zip(REVIEWS, world(), strict=True):
            evidence = json.loads((folder / name / "evidence.json").read_text(encoding="utf-8"))
            for stream, known in evidence["control_totals"].items():
                parts = [known["sent"], known["loaded"], known.get("reviewed", known["loaded"])]
                assert len({part["keys_sha256"] for part in parts}) == 1, stream
            assert known["sent"].keys() == {"rows", "keys", "keys_sha256"}
            rows = evidence["control_totals"]["admins"]["reviewed"]["rows"]
            assert rows == len(truth.workspace.admins)
        where = {"REVIEW_HOME": home, "WAREHOUSE": warehouse, "PYTHONUTF8": "1"}
        done = subprocess.run(
            [python, "-c", END],
            capture_output=True,
            check=True,
            cwd=world_project,
            encoding="utf-8",
            env=environment(**where, **variables_of(postgres_server)),
        )
        answers[warehouse] = done.stdout.splitlines()

    assert answers["duckdb"] == answers["postgres"]
    (problems, source, _), exceptions, own = map(json.loads, answers["duckdb"])
    assert any(problem.endswith("is still there") for problem in problems)
    assert source["compared_teammates"] > source["not_compared"]["accounts_of_intercoms_bot"] > 0
    assert exceptions
    assert len(own) > 0


def test_the_grants_are_what_everybody_has_at_each_review(reviews: list[Marts]) -> None:
    for marts, truth in zip(reviews, world(), strict=True):
        rows = [(row["admin_id"], row["kind"], row["thing"]) for row in marts["access_grants"]]

        assert set(rows) == grants(truth)
        assert len(rows) == len(grants(truth))


def test_the_lists_to_sign_hold_every_grant(reviews: list[Marts], world_project: Path) -> None:
    for marts, name in zip(reviews, REVIEWS, strict=True):
        rows = read_list(world_project / "world" / "reviews" / name / "access-review.csv")

        assert sorted(row["row"] for row in rows) == sorted(
            row["access_key"] for row in marts["access_grants"]
        )


def test_changes_are_the_differences_and_renames_are_none_of_access(reviews: list[Marts]) -> None:
    for marts, truth in zip(reviews, world(), strict=True):
        rows = [(row["admin_id"], row["change"], row["thing"]) for row in marts["access_changes"]]

        assert set(rows) == truth.changes
        assert len(rows) == len(truth.changes)


def test_a_rename_has_the_old_and_the_new_name(reviews: list[Marts]) -> None:
    rows = [row for row in reviews[1]["access_changes"] if row["grant_key"] is None]

    assert {(row["change"], row["old_thing"], row["thing"]) for row in rows} == {
        ("renamed", "Fin", "Helper Bot"),
        ("renamed", "Rita Old", "Rita New"),
        ("address changed", "otto@corp.example", "otto.b@corp.example"),
        ("renamed", "Bo Before, bo@corp.example", "Cy After, cy@corp.example"),
        ("role renamed", "Support lead", "Team captain"),
        ("team renamed", "Billing", "Finance"),
        ("address changed", "filler2054@corp.example", "no address"),
        ("renamed", "Filler 2055", "no name"),
        ("address changed", "filler2056@corp.example", "filler2056.b@corp.example"),
        ("address changed", "filler2057@corp.example", "left2057@corp.example"),
    }


def test_accounts_are_people_bots_or_services(reviews: list[Marts], pages: list[str]) -> None:
    for marts in reviews:
        types = by_account(marts["people"], "account_type", "owner")

        assert {id_: row for id_, row in types.items() if row[0] != "person"} == {
            "2004": ("bot", None),
            "2005": ("bot", None),
            "2006": ("service", "cleo@corp.example"),
            "2007": ("service", "gus@corp.example"),
        }
        findings = {row["admin_id"]: row["finding"] for row in marts["account_findings"]}
        assert not findings.keys() & {"2004", "2005", "2006"}
    for page in pages:
        assert "Accounts that are no people (4)" in page


def test_only_who_is_unknown_is_not_in_the_list_of_employees(reviews: list[Marts]) -> None:
    for number, marts in enumerate(reviews):
        without = {"2029", "2054"} if number else {"2029"}

        assert set(with_finding(marts, "not_employed")) == {"2045"}
        assert set(with_finding(marts, "no_address")) == without
        employed = by_account(marts["people"], "is_employed")
        unknown = {id_ for id_, (is_employed,) in employed.items() if not is_employed}
        assert unknown == without | {str(id_) for id_ in UNKNOWN}


def test_accounts_are_of_one_person_only_where_somebody_says_so(reviews: list[Marts]) -> None:
    for marts in reviews:
        persons: dict[str, set[str]] = {}
        for row in marts["people"]:
            persons.setdefault(row["person"], set()).add(row["admin_id"])

        assert {frozenset(ids) for ids in persons.values() if len(ids) > 1} == {
            frozenset({"2015", "2016"}),
            frozenset({"2019", "2020"}),
            *([] if marts is reviews[0] else [frozenset({"2014", "2061"})]),
        }


def test_names_that_look_the_same_or_like_nothing_are_told_apart(reviews: list[Marts]) -> None:
    for marts in reviews:
        labels = by_account(marts["people"], "name", "label")

        assert labels["2050"] == (None, "2050")
        assert labels["2051"][1] == "Filler 2051 (filler2051@corp.example)"
        assert labels["2052"][1] == "filler  2051 (filler2052@corp.example)"


def test_service_accounts_are_reviewed_by_their_owner_while_there_is_one(
    reviews: list[Marts],
) -> None:
    reviewers = [
        {
            (row["admin_id"], row["kind"]): row["reviewer"].partition("@")[0]
            for row in marts["access_grants"]
            if row["admin_id"] in {"2006", "2007"}
        }
        for marts in reviews
    ]

    assert reviewers[0] == {
        ("2006", "workspace"): "cleo",
        ("2006", "role"): "cleo",
        ("2007", "workspace"): "gus",
        ("2007", "role"): "gus",
        ("2007", "seat"): "gus",
        ("2007", "team"): "gus",
    }
    assert reviewers[1][("2006", "role")] == "cleo"
    assert reviewers[1][("2007", "role")] == "ben"  # Gus left
    assert reviewers[1][("2007", "team")] == "cleo"
    assert [with_finding(marts, "owner_left") for marts in reviews] == [
        {},
        *([{"2007": f"is owned by gus@corp.example, who left on {day(70)}"}] * 2),
    ]
    text = "is in service_accounts.csv, and its address is that of an employee who left on "
    assert [with_finding(marts, "service_left") for marts in reviews] == [
        {},
        *([{"2006": f"{text}{day(65)}"}] * 2),
    ]
    for marts in reviews:
        assert with_finding(marts, "service_unknown") == {
            None: "service_accounts.csv names operator+ab12@intercom.io, which is Intercom's own "
            "bot"
        }


def test_nobody_reviews_an_account_of_their_own(reviews: list[Marts]) -> None:
    for marts in reviews:
        reviewers = {
            (row["admin_id"], row["kind"]): row["reviewer"] for row in marts["access_grants"]
        }

        assert reviewers[("2019", "team")] == "ben@corp.example"
        assert reviewers[("2020", "team")] == "ben@corp.example"  # Rex's second account
        assert reviewers[("2056", "team")] == "ben@corp.example"  # also by an earlier address
        assert reviewers[("2002", "workspace")] is None
        assert with_finding(marts, "no_reviewer") == {
            "2002": "3 rows have no reviewer: reviewers.csv names nobody but themselves for this"
        }


def test_a_reviewer_who_left_is_a_finding_and_decides_nothing(reviews: list[Marts]) -> None:
    assert [
        [row["detail"] for row in marts["review_findings"] if row["finding"] == "reviewer_left"]
        for marts in reviews
    ] == [
        [],
        [],
        [f"vic@corp.example left on {day(30)}, and still is the reviewer of the role Support Lead"],
    ]
    assert [
        {row["reviewer"] for row in marts["access_grants"] if row["access_key"] == "2044/role/2"}
        for marts in reviews
    ] == [{"vic@corp.example"}, {"vic@corp.example"}, {"ben@corp.example"}]


def test_power_that_is_not_known_is_privileged_unless_somebody_looked(
    reviews: list[Marts], pages: list[str]
) -> None:
    expected = {"2001": False, "2009": True, "2010": False, "2041": False}
    for number, marts in enumerate(reviews):
        rows = by_account(marts["privileged_access"], "is_unknown")
        more = {"2042": False, "2043": False, "2046": True} if number else {}
        assert {id_: unknown for id_, (unknown,) in rows.items()} == expected | more
        assert set(with_finding(marts, "no_role")) == {"2009"} | ({"2046"} if number else set())
        assert set(with_finding(marts, "privileged_quiet")) == {"2041"}
        assert "permissions set by hand: look in Intercom" in pages[number]
    since = by_account(reviews[2]["privileged_access"], "since", "or_earlier", "is_pretended")
    assert str(since["2046"][0])[:10] == REVIEWS[1]  # when the role went
    assert str(since["2009"][0])[:10] == REVIEWS[0]
    assert (since["2046"][1:], since["2009"][1:]) == ((False, True), (True, True))
    assert "Changes of privileged roles since the previous review: 2." in pages[1]
    assert "Changes of privileged roles since the previous review: none." in pages[2]
    assert "Of Manger this says nothing: nobody has a role of this name." in pages[2]


def test_names_in_the_seeds_that_are_not_quite_intercoms_are_named(reviews: list[Marts]) -> None:
    problems = [
        {(row["name"], row["thing_id"]): row["problem"] for row in marts["seed_names"]}
        for marts in reviews
    ]

    written = {
        ("manager", "1"): "it is written Manager in Intercom",
        ("support", "501"): "it is written Support in Intercom",
        ("Support Lead", "2"): "it is written Support lead in Intercom",
        ("Night", "503"): None,
        ("Dissolved", None): "there is no team of this name",
        ("Nowhere", None): "there is no team of this name",
        ("Manger", None): "nobody has a role of this name",
        ("twin", "505"): "it is written Twin (505) in Intercom",
        ("twin", "506"): "it is written Twin (506) in Intercom",
        ("Solo", "507"): None,
        ("Short-lived", "508"): None,
    }
    unseen = written | {
        ("Night", "503"): "it is written Night\u2060 in Intercom",
        ("Short-lived", "508"): "there is no team of this name",
    }
    renamed = {("Support Lead", "2"): "it is called Team captain now"}
    assert problems == [written, unseen | renamed, unseen]
    assert [with_finding(marts, "reviewer_unknown") for marts in reviews] == [
        {
            None: "stranger@corp.example is the reviewer of the team Nowhere, but neither a "
            "teammate nor in the list of employees"
        }
    ] * 3
    assert [set(with_finding(marts, "by_hand_unused")) for marts in reviews] == [
        {"2001", "2047", None},
        {"2001", None},
        {"2001", None},
    ]
    assert with_finding(reviews[2], "by_hand_unused")[None] == (
        "permissions_by_hand.csv names nobody@corp.example, which is no address of a teammate"
    )


def test_a_role_that_was_edited_is_a_finding_until_the_next_review(reviews: list[Marts]) -> None:
    edits = [
        [row["detail"] for row in marts["review_findings"] if row["finding"] == "role_edited"]
        for marts in reviews
    ]

    assert edits[0] == edits[2] == []
    both, edit = sorted(edits[1], key=lambda text: "Support:" in text)
    assert both == (
        f"the role Team captain was changed on {day(AGO[1] + 9)} (Ada Owner edited the role "
        "Support lead (now Team captain): may export data), and with it what these may do: "
        "Cleo Lead, Eva Except, Kim Captain"
    )
    assert "the role Support was changed" in edit
    assert "(Ada Owner changed the role Support: may export data)" in edit
    assert edit.endswith(
        ": Support, Sam Lee (sam.lee.2@corp.example), agent, Tia Twice, Filler 2048"
    )
    unclear = [
        [
            row["detail"]
            for row in marts["review_findings"]
            if row["finding"] == "role_change_unclear"
        ]
        for marts in reviews
    ]
    assert unclear[0] == unclear[2] == []
    sentences = (
        "changed the role Filler 2048: may delete data",
        "gave the role Manager to Ghost Person",
    )
    assert sorted(unclear[1]) == [
        f"a role was changed on {day(AGO[1] + 9)} (Ada Owner {sentence}), but whose, or which one, "
        "is not known: look in Intercom"
        for sentence in sentences
    ]


def test_an_author_is_told_only_where_the_logs_are_sure(reviews: list[Marts]) -> None:
    rows = {
        (row["admin_id"], row["change"], row["thing"]): (row["went_with"], row["telling"])
        for row in reviews[1]["access_changes"]
        if row["grant_key"] and (row["telling"] != "none" or row["went_with"])
    }

    assert rows == {
        ("2007", "role changed", "Support"): (None, "perhaps"),  # is named like the role
        ("2022", "role changed", "Support"): (None, "perhaps"),  # has a namesake
        ("2023", "role changed", "Support"): (None, "perhaps"),  # "to agent"
        ("2048", "role changed", "Support"): (None, "perhaps"),  # is named like a role of nobody
        ("2037", "role changed", "Support"): (None, "several"),
        ("2042", "role changed", "Manager"): (None, "one"),
        ("2062", "joined", ""): (None, "one"),  # was invited before the first review
        ("2035", "left", ""): (None, "perhaps"),  # did it, and is the only one who is named
        ("2035", "role taken", "Support agent"): ("removal", "perhaps"),
        ("2035", "seat taken", "inbox"): ("removal", "perhaps"),
        ("2034", "left", ""): (None, "one"),
        ("2034", "role taken", "Support agent"): ("removal", "one"),
        ("2034", "seat taken", "inbox"): ("removal", "one"),
        ("2034", "team taken", "Support"): ("removal", "one"),
        ("2036", "seat taken", "inbox"): (None, "one"),
        ("2036", "team taken", "Support"): ("seat", "none"),
        ("2036", "team taken", "Finance"): ("seat", "none"),
        **{
            (id_, change, thing): ("removal", "none")
            for id_ in ("2014", "2015")
            for change, thing in (("role taken", "Support agent"), ("seat taken", "inbox"))
        },
    }
    assert {row["done_by"] for row in reviews[1]["access_changes"] if row["telling"] == "one"} == {
        "ada@corp.example"
    }


def test_what_was_decided_is_followed_under_every_name(reviews: list[Marts]) -> None:
    removed = {key for key, decision in DECISIONS.items() if decision == "remove"}
    gone = [
        {
            (row["admin_id"], row["kind"], row["thing_id"] or "")
            for row in marts["removals"]
            if row["gone_seen_at"]
        }
        for marts in reviews[1:]
    ]
    done = {"2014", "2015", "2034", "2036", "2046", "2047"}
    at_second = {key for key in removed if key[0] in done}

    assert [len(marts["removals"]) for marts in reviews] == [0, len(removed), len(removed)]
    assert gone[0] == at_second
    assert gone[1] == at_second | {
        ("2013", "workspace", ""),
        ("2038", "team", "505"),
        ("2057", "workspace", ""),
    }
    notes = {
        row["access_key"]: row["elsewhere"] for row in reviews[2]["removals"] if row["elsewhere"]
    }
    assert notes == {
        "2014/workspace": "the same address is there again under the id 2061",
        "2015/workspace": "the same person has the account sven@agency.example",
        "2057/workspace": "the address of the signed list is there under the id 2063",
        "2046/role/3": "no role is left, and permissions may be set by hand: look in Intercom, and "
        "note it in permissions_by_hand.csv",
    }
    names = {
        row["admin_id"]: (row["person_then"], row["name"])
        for row in reviews[2]["removals"]
        if row["person_then"]
    }
    assert names == {
        "2011": ("Rita Old", "Rita New"),
        "2013": ("Bo Before", "Cy After"),
        "2057": ("Filler 2057", "Filler 2057"),  # had another address
    }


def test_a_removal_shows_the_names_of_the_signed_list_beside_todays(pages: list[str]) -> None:
    for page in pages[1:]:
        assert "in the list of" in page
        assert "<bdi>Bo Before</bdi>, <bdi>bo@corp.example</bdi>" in page
        assert page.count("<small>in the list of") == 3
    assert "then called <bdi>Support lead</bdi>" in pages[1]
    assert "then called <bdi>Billing</bdi>" in pages[2]
    assert "the logs name several" in pages[1]
    assert "with the removal, by <bdi>ada@corp.example</bdi>" in pages[1]
    assert "perhaps with the inbox seat, which was taken at the same time" in pages[1]


def test_nobody_is_quiet_who_has_just_come(reviews: list[Marts]) -> None:
    for marts in reviews:
        assert set(with_finding(marts, "seat_quiet")) == {"2007"}


def test_two_teams_of_one_name_have_their_ids_beside_it(reviews: list[Marts]) -> None:
    assert with_finding(reviews[1], "not_removed").keys() == {
        *("2011", "2013", "2031", "2038", "2044", "2049", "2057")
    }
    assert sorted(
        row["detail"].partition(" is still")[0]
        for row in reviews[1]["review_findings"]
        if row["admin_id"] == "2038" and row["finding"] == "not_removed"
    ) == ["team Twin (505)", "team Twin (506)"]


def test_leavers_have_no_negative_days(reviews: list[Marts], pages: list[str]) -> None:
    rows = by_account(reviews[1]["leavers"], "is_there", "days_at_least", "days_at_most")

    assert rows == {"2034": (False, 1, 1), "2035": (False, -58, 2)}
    assert ">at most 2<" in pages[1]
    assert "-58" not in pages[1]


def test_exceptions_are_on_the_page_until_their_end_and_after(
    reviews: list[Marts], pages: list[str]
) -> None:
    rows = [by_account(marts["exceptions"], "has_ended", "thing") for marts in reviews]

    assert rows == [
        {},
        {"2039": (False, "Team captain"), "2040": (True, "workspace")},
        {"2039": (False, "Support lead"), "2040": (True, "workspace")},
    ]
    assert "Exceptions (2)" in pages[1]
    assert set(with_finding(reviews[1], "exception_expired")) == {"2040"}


def test_reasons_are_texts_as_they_were_signed(reviews: list[Marts]) -> None:
    decided = {row["access_key"]: row["reason"] for row in reviews[1]["last_decisions"]}

    assert {key: reason for key, reason in decided.items() if reason} == REASONS


def test_odd_names_are_text_that_hides_nothing(pages: list[str], world_project: Path) -> None:
    for page, name in zip(pages, REVIEWS, strict=True):
        people = {
            row["person"]
            for row in read_list(world_project / "world" / "reviews" / name / "access-review.csv")
        }

        assert "\x00" not in page
        assert "\u202e" not in page
        assert f"<bdi>{OVERRIDE.replace(chr(0x202E), '⟨U+202E⟩')}</bdi>" in page
        assert {f"<bdi>{LONG}</bdi>" in page, f"<bdi>{HEBREW}</bdi>" in page} == {True}
        assert {"'=1+1", f"'{FULL_WIDTH}", "Ada;'=1+1"} <= people
        assert {BLANK_FORMULA, SEMICOLON}.isdisjoint(people)


WHOLE_WORDS = """cells => cells.every(cell => {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    while (texts.nextNode())
        for (const word of texts.currentNode.data.matchAll(/\\S+/g)) {
            range.setStart(texts.currentNode, word.index);
            range.setEnd(texts.currentNode, word.index + word[0].length);
            if (range.getClientRects().length > 1) return false;
        }
    return true;
})"""


@pytest.mark.parametrize("width", [390, 1025, 1280])
def test_the_pages_fit_any_screen_and_every_table_has_a_caption(
    width: int, pages: list[str], world_project: Path, browser: Browser
) -> None:
    assert pages
    reviews = world_project / "world" / "reviews"
    for path in (reviews / REVIEWS[1] / "access-review.html", reviews / "index.html"):
        for page in shown(browser, path, width=width):
            wide = page.evaluate("document.documentElement.scrollWidth")
            tables = page.locator("table")

            assert wide <= width
            assert tables.count() == page.locator("table > caption").count() > 0
            assert page.locator("thead th").evaluate_all(WHOLE_WORDS)
            assert page.locator("td.number, dd").evaluate_all(
                "cells => cells.every(cell => cell.getClientRects().length === 1)"
            )


def test_the_terms_of_auditors_are_explained_once(pages: list[str]) -> None:
    for page in pages:
        for term in ("Entitlement", "Reviewer", "Remediation", "Exception"):
            assert page.count(f"<dt>{term}</dt>") == 1


def test_the_times_of_the_demo_are_marked_as_pretended(
    reviews: list[Marts], pages: list[str], world_project: Path
) -> None:
    archive = (world_project / "world" / "reviews" / "index.html").read_text(encoding="utf-8")

    assert all(row["is_pretended"] for row in reviews[2]["syncs"])
    assert all("The time of this review is pretended" in page for page in pages)
    assert archive.count(" UTC (pretended)") == len(AGO)
    findings = json.loads((world_project / "world/output/findings.json").read_text("utf-8"))
    assert [time[:10] for time in findings["pretended_times"]] == list(REVIEWS)
    assert f"<time>{REVIEWS[0]} (pretended) to {REVIEWS[1]} (pretended)</time>" in pages[1]
    assert f"between {REVIEWS[0]} (pretended) and {REVIEWS[1]} (pretended)" in pages[1]


def test_models_that_expect_fivetrans_tables_find_them(reviews: list[Marts]) -> None:
    marts = reviews[2]

    assert set(marts["admin"][0]) == {
        "id",
        "name",
        "job_title",
        "_fivetran_deleted",
        "_fivetran_synced",
    }
    assert {row["id"] for row in marts["admin"] if row["_fivetran_deleted"]} == {
        "2013",
        "2014",
        "2015",
        "2034",
        "2035",
        "2057",
    }
    assert {row["id"]: row["name"] for row in marts["team"]}["502"] == "Finance"
    deleted = {
        (row["admin_id"], row["team_id"]) for row in marts["team_admin"] if row["_fivetran_deleted"]
    }
    assert deleted == {
        ("2034", "501"),
        ("2036", "501"),
        ("2036", "502"),
        ("2038", "505"),
        ("2057", "501"),
    }


def timeliness(marts: Marts, mart: str) -> dict[str, Any]:
    return {
        row["access_key" if mart == "removals" else "admin_id"]: (row["due_on"], row["timeliness"])
        for row in marts[mart]
    }


def test_a_removal_is_in_time_to_the_end_of_its_last_day(reviews: list[Marts]) -> None:
    due = day(60)  # the day of the second review
    last = timeliness(reviews[2], "removals")

    assert set(timeliness(reviews[1], "removals").values()) == {
        (due, "open"),
        (due, "in time"),
    }
    assert {key: state for key, (_, state) in last.items() if state != "in time"} == {
        "2011/seat": "overdue",
        "2031/seat": "overdue",
        "2044/role/2": "overdue",
        "2049/seat": "overdue",
        "2038/team/506": "overdue",
        "2038/team/505": "late",
        "2013/workspace": "late",
        "2057/workspace": "perhaps late",
    }


def test_access_of_leavers_is_late_only_where_that_is_known(
    reviews: list[Marts], pages: list[str]
) -> None:
    assert timeliness(reviews[1], "leavers") == {
        "2034": (day(69), "in time"),  # by the logs, on the last day
        "2035": (day(61), "perhaps late"),
    }
    assert f'{day(61)} <span class="mark">perhaps late</span>' in pages[1]


def test_what_is_overdue_comes_first(reviews: list[Marts]) -> None:
    rows = [
        (row["finding"], row["admin_id"], row["detail"])
        for row in reviews[2]["review_findings"]
        if row["urgency"] == 0
    ]

    assert {(finding, admin_id) for finding, admin_id, _ in rows} == {
        ("removal_overdue", "2011"),
        *(("removal_overdue", id_) for id_ in ("2031", "2038", "2044", "2049")),
        ("leaver_overdue", "2024"),
        ("decision_overdue", None),
    }
    assert all(
        f"the last day for it was {day(60)}" in detail
        for finding, _, detail in rows
        if finding == "removal_overdue"
    )
    assert not with_finding(reviews[2], "not_removed")


def test_how_far_a_review_is_stands_on_its_page_and_the_next_by_reviewer(
    reviews: list[Marts], pages: list[str], world_project: Path
) -> None:
    assert reviews[0]["progress"] == []
    rows = {
        (row["reviewer"], row["decide_by"]): (row["row_count"], row["decided"], row["is_overdue"])
        for row in reviews[1]["progress"]
    }
    due, privileged = day(AGO[0] - 14), day(AGO[0] - 7)

    assert rows[(SILENT, due)] == (4, 0, True)
    assert rows[("ben@corp.example", privileged)] == (6, 6, False)
    assert rows[(None, None)] == (3, 0, False)  # three of Ben's own have no reviewer
    assert {key[1] for key in rows} == {due, privileged, None}
    assert all(
        row[0] == row[1] for (reviewer, _), row in rows.items() if reviewer not in {SILENT, None}
    )
    (overdue,) = [
        row for row in reviews[1]["review_findings"] if row["finding"] == "decision_overdue"
    ]
    assert overdue["detail"] == (
        f"4 of 4 rows of the review of {REVIEWS[0]} are not decided by {SILENT}; "
        f"the last day for it was {due}"
    )
    rows_at_first = sum(row[0] for row in rows.values())
    assert f"Decisions of the review of {REVIEWS[0]}</a>: 0 of {rows_at_first} rows" in pages[0]
    living = (world_project / "world" / "output" / "access-review.html").read_text("utf-8")
    assert living == pages[2]
    assert f"due on {day(-7)} and {day(-14)}." in living


def test_the_lists_hold_what_a_reviewer_needs(reviews: list[Marts], world_project: Path) -> None:
    for marts, name in zip(reviews, REVIEWS, strict=True):
        folder = world_project / "world" / "reviews" / name / "lists"
        rows = {row["row"]: row for path in folder.glob("*.csv") for row in read_list(path)}
        assigned = {row["access_key"]: row["reviewer"] for row in marts["access_grants"]}

        assert {key: row["reviewer"] for key, row in rows.items()} == {
            key: reviewer for key, reviewer in assigned.items() if reviewer
        }
        for path in folder.glob("*.csv"):
            assert {row["reviewer"] for row in read_list(path)} == {path.stem}
    assert rows["2036/role/3"]["teams"] == ""
    assert rows["2038/workspace"]["teams"] == "Twin (506)"
    assert rows["2044/team/502"]["role"] == "Support lead"
    assert rows["2044/team/502"]["last decision"] == f"keep, by ben@corp.example on {day(119)}"
    assert rows["2040/workspace"]["last decision"] == (
        f"exception, by ben@corp.example on {day(119)}, until {day(80)} (=agreed)"
    )
    privileged = {row["row"]: row["privileged"] for row in rows.values() if row["privileged"]}
    assert privileged["2009/workspace"] == "not known"
    assert privileged["2001/workspace"] == privileged["2001/role/1"] == "yes"
    assert rows["2001/role/1"]["due"] == f"decide by {day(-7)}"
    assert rows["2001/seat"]["due"] == f"decide by {day(-14)}"


def copied(world_project: Path, tmp_path: Path) -> Path:
    for name in ("outbox", "output", "reviews", "seeds"):
        shutil.copytree(world_project / "world" / name, tmp_path / name)
    return tmp_path


def test_only_who_has_not_answered_gets_a_reminder(
    reviews: list[Marts], world_project: Path, tmp_path: Path
) -> None:
    assert reviews
    home = copied(world_project, tmp_path)
    folder, outbox = home / "reviews" / REVIEWS[2], home / "outbox"
    cleo, ben = "cleo@corp.example", "ben@corp.example"

    def answer(name: str, number: int | None) -> set[str]:
        """The mails that are left once somebody decided so many rows."""
        rows = read_list(folder / "lists" / f"{name}.csv")
        for row in rows[:number]:
            row |= {"decision": "keep", "decided by": name, "decided on": str(day(0))}
        write_list(folder / "signed" / f"{name}.csv", rows)
        for step_name in ("decisions", "outbox", "verify"):
            done = step(world_project, step_name, home)
            assert (done.returncode, done.stderr) == (0, "")
        return mails()

    def mails() -> set[str]:
        paths = list(outbox.rglob("*.eml"))
        for path in paths:
            headers = path.read_text("ascii").partition("\n\n")[0].replace("\n ", " ")
            assert path.stem in headers
            assert ("Subject: Reminder: " in headers) == (path.parent.name == "reminders")
        return {path.relative_to(outbox / REVIEWS[2]).as_posix() for path in paths}

    assert mails() == {f"{ben}.eml", f"{cleo}.eml"}
    assert answer(cleo, None) == {f"{ben}.eml", f"reminders/{ben}.eml"}
    assert answer(ben, 1) == {f"reminders/{ben}.eml"}
    assert answer(ben, None) == set()


def test_a_new_holder_of_a_privileged_role_is_a_finding_of_the_night(reviews: list[Marts]) -> None:
    given = [
        {
            row["admin_id"]: row["detail"]
            for row in marts["nightly_findings"]
            if row["finding"] == "privileged_new"
        }
        for marts in reviews
    ]
    seen = "got the privileged role Manager after the previous review, seen on "
    seen += f"{day(AGO[1])} (pretended)"

    assert given == [{}, {"2042": f"{seen}, by ada@corp.example", "2043": seen}, {}]


def test_findings_of_each_night_are_remembered_by_id_and_end_it_where_they_are_new(
    reviews: list[Marts], world_project: Path, tmp_path: Path
) -> None:
    home = copied(world_project, tmp_path)
    path = home / "output" / "findings.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    findings = {row["key"]: row for row in record["findings"]}
    ini = home / "seeds" / "settings.ini"
    ini.write_text(ini.read_text(encoding="utf-8") + "fail_on: overdue\n", encoding="utf-8")

    quiet = step(world_project, "findings", home)
    record["findings"] = [row for row in record["findings"] if "2044" not in row["key"]]
    path.write_text(json.dumps(record), encoding="utf-8")
    alert = step(world_project, "findings", home)
    again = step(world_project, "findings", home)

    assert findings.keys() == {row["finding_key"] for row in reviews[2]["nightly_findings"]}
    names = {"Quinn", "Rita", "Twin", "Support", "Dissolved", "@"}
    assert not [key for key in findings for name in names if name in key]
    assert record["first_seen_since"][:10] == REVIEWS[0]
    assert record["compared_with"][:10] == REVIEWS[1]
    assert findings["no_role/2009/"]["first_seen"][:10] == REVIEWS[0]
    assert not findings["no_role/2009/"]["is_new"]
    overdue = findings[f"removal_overdue/2044/{REVIEWS[0]}/2044/role/2"]
    assert (overdue["first_seen"][:10], overdue["is_new"]) == (REVIEWS[2], True)
    assert overdue["severity"] == "high"
    assert overdue["sentence"].startswith("Kim Captain (kim@corp.example): role Support lead")
    assert quiet.returncode == again.returncode == 0
    assert alert.returncode == 1
    assert "1 new findings of fail_on" in alert.stderr
    assert overdue["sentence"] in alert.stderr
    assert path.stat().st_mode & 0o007 == 0
