"""The example project: three reviews of difficult people, against what is true by construction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import shown
from tests.reviews import day, read_list
from tests.world import (
    AGO,
    BLANK_FORMULA,
    DECISIONS,
    FULL_WIDTH,
    HEBREW,
    LONG,
    OVERRIDE,
    REVIEWS,
    SEMICOLON,
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


def with_finding(marts: Marts, name: str) -> dict[str, str]:
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
    for marts in reviews:
        assert set(with_finding(marts, "not_employed")) == {"2045"}
        assert set(with_finding(marts, "no_address")) == {"2029"}
        employed = by_account(marts["people"], "is_employed")
        assert {int(id_) for id_, (is_employed,) in employed.items() if not is_employed} == UNKNOWN


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


def test_nobody_reviews_an_account_of_their_own(reviews: list[Marts]) -> None:
    for marts in reviews:
        reviewers = {
            (row["admin_id"], row["kind"]): row["reviewer"] for row in marts["access_grants"]
        }

        assert reviewers[("2019", "team")] == "ben@corp.example"
        assert reviewers[("2020", "team")] == "ben@corp.example"  # Rex's second account
        assert reviewers[("2002", "workspace")] is None
        assert with_finding(marts, "no_reviewer") == {
            "2002": "3 rows have no reviewer: reviewers.csv names nobody but themselves for them"
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
        more = {"2042": False, "2043": False} if number else {}
        assert {id_: unknown for id_, (unknown,) in rows.items()} == expected | more
        assert set(with_finding(marts, "no_role")) == {"2009"}
        assert set(with_finding(marts, "privileged_quiet")) == {"2041"}
        assert "permissions set by hand: look in Intercom" in pages[number]
    assert "Changes of privileged roles since the previous review: 2." in pages[1]
    assert "Changes of privileged roles since the previous review: none." in pages[2]


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
    }
    renamed = {("Support Lead", "2"): "it is called Team captain now"}
    assert problems == [written, written | renamed, written]


def test_a_role_that_was_edited_is_a_finding_until_the_next_review(reviews: list[Marts]) -> None:
    edits = [
        [row["detail"] for row in marts["review_findings"] if row["finding"] == "role_edited"]
        for marts in reviews
    ]

    assert edits[0] == edits[2] == []
    (edit,) = edits[1]
    assert "the role Support was changed" in edit
    assert "(Ada Owner changed the role Support: may export data)" in edit
    assert edit.endswith(": Support, Sam Lee (sam.lee.2@corp.example), agent, Tia Twice")


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
        ("2037", "role changed", "Support"): (None, "several"),
        ("2042", "role changed", "Manager"): (None, "one"),
        ("2034", "left", ""): (None, "one"),
        ("2034", "role taken", "Support agent"): ("removal", "one"),
        ("2034", "seat taken", "inbox"): ("removal", "one"),
        ("2034", "team taken", "Support"): ("removal", "one"),
        ("2036", "seat taken", "inbox"): (None, "one"),
        ("2036", "team taken", "Support"): ("seat", "none"),
        ("2036", "team taken", "Finance"): ("seat", "none"),
        **{
            (id_, change, thing): ("removal", "none")
            for id_ in ("2014", "2015", "2035")
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
    at_second = {key for key in removed if key[0] in {"2014", "2015", "2034", "2036"}}

    assert [len(marts["removals"]) for marts in reviews] == [0, len(removed), len(removed)]
    assert gone[0] == at_second
    assert gone[1] == at_second | {("2013", "workspace", ""), ("2038", "team", "505")}
    notes = {
        row["access_key"]: row["elsewhere"] for row in reviews[2]["removals"] if row["elsewhere"]
    }
    assert notes == {
        "2014/workspace": "the same address is there again under the id 2061",
        "2015/workspace": "the same person has the account sven@agency.example",
    }
    names = {
        row["admin_id"]: (row["person_then"], row["name"])
        for row in reviews[2]["removals"]
        if row["person_then"] != row["name"]
    }
    assert names == {"2011": ("Rita Old", "Rita New"), "2013": ("Bo Before", "Cy After")}


def test_a_removal_shows_the_names_of_the_signed_list_beside_todays(pages: list[str]) -> None:
    for page in pages[1:]:
        assert "in the list of" in page
        assert "<bdi>Bo Before</bdi>, <bdi>bo@corp.example</bdi>" in page
    assert "then called <bdi>Support lead</bdi>" in pages[1]
    assert "then called <bdi>Billing</bdi>" in pages[2]
    assert "the logs name several" in pages[1]
    assert "with the removal, by <bdi>ada@corp.example</bdi>" in pages[1]
    assert "perhaps with the inbox seat, which was taken at the same time" in pages[1]


def test_two_teams_of_one_name_have_their_ids_beside_it(reviews: list[Marts]) -> None:
    assert with_finding(reviews[1], "not_removed").keys() == {"2011", "2013", "2038", "2044"}
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


def test_the_pages_fit_a_telephone_and_every_table_has_a_caption(
    pages: list[str], world_project: Path, browser: Browser
) -> None:
    assert pages
    reviews = world_project / "world" / "reviews"
    for path in (reviews / REVIEWS[1] / "access-review.html", reviews / "index.html"):
        for page in shown(browser, path, width=390):
            wide = page.evaluate("document.documentElement.scrollWidth")
            tables = page.locator("table")

            assert wide <= 390
            assert tables.count() == page.locator("table > caption").count() > 0
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
    assert archive.count('<span class="mark">pretended</span>') == len(AGO)


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
    }
    assert {row["id"]: row["name"] for row in marts["team"]}["502"] == "Finance"
    deleted = {
        (row["admin_id"], row["team_id"]) for row in marts["team_admin"] if row["_fivetran_deleted"]
    }
    assert deleted == {("2034", "501"), ("2036", "501"), ("2036", "502"), ("2038", "505")}
