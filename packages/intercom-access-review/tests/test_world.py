"""Three reviews of difficult accounts are compared with the expected results."""

import json
from typing import Any

import pytest
from playwright.sync_api import Browser

from browser import broken_words, shown
from projects import Project, day, read_rows
from world import (
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
    USED,
    Marts,
    grants,
    world,
)

pytestmark = [pytest.mark.targets, pytest.mark.xdist_group("world")]


@pytest.fixture
def pages(reviews: list[Marts], world_project: Project) -> list[str]:
    assert reviews
    folders = [world_project.folder / "reviews" / name for name in REVIEWS]
    return [(folder / "access-review.html").read_text(encoding="utf-8") for folder in folders]


def by_account(rows: list[dict[str, Any]], *columns: str) -> dict[str, Any]:
    """Return the rows by account. Each account has one row."""
    accounts = {row["admin_id"]: tuple(row[column] for column in columns) for row in rows}
    assert len(accounts) == len(rows)
    return accounts


def revocations(marts: Marts) -> list[dict[str, Any]]:
    return [row for row in marts["outcomes"] if row["decision"] == "revoke"]


def items_of(marts: Marts, name: str) -> dict[str | None, str]:
    rows = [row for row in marts["review_items"] if row["item"] == name]
    return {row["admin_id"]: row["sentence"] for row in rows}


AT_RUN_TIME = {"imported_at", "logs_read_to"}


def comparable(rows: list[dict[str, Any]]) -> list[str]:
    """Return rows sorted in the same order for each warehouse, without the times of the run."""
    return sorted(
        repr(sorted((name, value) for name, value in row.items() if name not in AT_RUN_TIME))
        for row in rows
    )


def test_both_warehouses_and_time_zones_agree(
    reviews: list[Marts], world_in_postgres: tuple[Project, list[Marts]]
) -> None:
    for here, there in zip(reviews, world_in_postgres[1], strict=True):
        for mart in here:
            assert comparable(here[mart]) == comparable(there[mart]), mart


def test_responses_loaded_rows_and_worksheets_have_the_same_control_totals(
    world_project: Project, world_in_postgres: tuple[Project, list[Marts]], reviews: list[Marts]
) -> None:
    assert reviews
    for project in (world_project, world_in_postgres[0]):
        for name, truth in zip(REVIEWS, world(), strict=True):
            totals = project.review(name)["sync"]["totals"]
            for stream, known in totals.items():
                assert known["sent"] == known["loaded"], stream
                assert known["sent"]["sha256"]
            assert totals["admins"]["sent"]["rows"] == len(truth.workspace.admins)
            reviewed = totals["entitlements"]["reviewed"]
            assert reviewed == totals["entitlements"]["sent"]
            assert reviewed["rows"] == len(grants(truth))


def test_grants_are_the_expected_ones_at_each_review(reviews: list[Marts]) -> None:
    for marts, truth in zip(reviews, world(), strict=True):
        rows = [(row["admin_id"], row["kind"], row["thing"]) for row in marts["access_grants"]]

        assert set(rows) == grants(truth)
        assert len(rows) == len(grants(truth))


def test_changes_are_the_differences_and_renames_are_not_about_access(
    reviews: list[Marts],
) -> None:
    for marts, truth in zip(reviews, world(), strict=True):
        rows = [(row["admin_id"], row["change"], row["thing"]) for row in marts["access_changes"]]

        assert set(rows) == truth.changes
        assert len(rows) == len(truth.changes)
    renames = [row for row in reviews[1]["access_changes"] if row["grant_key"] is None]
    assert {(row["change"], row["old_thing"], row["thing"]) for row in renames} == {
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


def test_accounts_are_people_bots_or_service_accounts(
    reviews: list[Marts], pages: list[str]
) -> None:
    for marts in reviews:
        types = by_account(marts["people"], "account_type", "owner")

        assert {id_: row for id_, row in types.items() if row[0] != "person"} == {
            "2004": ("bot", None),
            "2005": ("bot", None),
            "2006": ("service", "cleo@corp.example"),
            "2007": ("service", "gus@corp.example"),
        }
        assert not {"2004", "2005"} & {row["admin_id"] for row in marts["review_items"]}
    for page in pages:
        assert "Service accounts and bots (4)" in page


def test_only_unknown_people_are_not_employed(reviews: list[Marts]) -> None:
    for number, marts in enumerate(reviews):
        without = {"2029", "2054"} if number else {"2029"}

        assert set(items_of(marts, "not_employed")) == {"2045"}
        assert set(items_of(marts, "personal_mailbox")) == {"2045"}
        assert set(items_of(marts, "shared_mailbox")) == {"2023"}
        assert set(items_of(marts, "no_address")) == without
        employed = by_account(marts["people"], "is_employed")
        unknown = {id_ for id_, (is_employed,) in employed.items() if not is_employed}
        assert unknown == without | {str(id_) for id_ in UNKNOWN}


def test_accounts_belong_to_one_person_only_by_inputs_or_addresses(
    reviews: list[Marts],
) -> None:
    for marts in reviews:
        persons: dict[str, set[str]] = {}
        for row in marts["people"]:
            persons.setdefault(row["person"], set()).add(row["admin_id"])

        assert {frozenset(ids) for ids in persons.values() if len(ids) > 1} == {
            frozenset({"2015", "2016"}),
            frozenset({"2019", "2020"}),
            *([] if marts is reviews[0] else [frozenset({"2014", "2061"})]),
        }


def test_names_that_look_the_same_or_are_invisible_are_distinguished(
    reviews: list[Marts],
) -> None:
    for marts in reviews:
        labels = by_account(marts["people"], "name", "label")

        assert labels["2050"] == (None, "2050")
        assert labels["2051"][1] == "Filler 2051 (filler2051@corp.example)"
        assert labels["2052"][1] == "filler 2051 (filler2052@corp.example)"


def test_service_accounts_are_reviewed_by_their_owner_until_the_owner_leaves(
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

    assert set(reviewers[0].values()) == {"cleo", "gus"}
    assert reviewers[0][("2006", "role")] == "cleo"
    assert reviewers[0][("2007", "team")] == "gus"
    assert reviewers[1][("2006", "role")] == "cleo"
    assert reviewers[1][("2007", "role")] == "ben"  # Gus left
    assert reviewers[1][("2007", "team")] == "cleo"
    assert [items_of(marts, "owner_left") for marts in reviews] == [
        {},
        *([{"2007": f"The owner gus@corp.example left on {day(70)}."}] * 2),
    ]
    assert [set(items_of(marts, "service_left")) for marts in reviews] == [
        set(),
        {"2006"},
        {"2006"},
    ]
    for marts in reviews:
        assert items_of(marts, "service_unknown") == {
            None: "service_accounts.csv names operator+ab12@intercom.io, which is Intercom's own "
            "bot."
        }


def test_reviewers_never_review_their_own_accounts(reviews: list[Marts]) -> None:
    for marts in reviews:
        reviewers = {row["access_key"]: row["reviewer"] for row in marts["access_grants"]}

        assert reviewers["2019/team/503"] == "ben@corp.example"
        assert reviewers["2020/team/503"] == "ben@corp.example"  # Rex's second account
        assert reviewers["2056/team/507"] == "ben@corp.example"  # also by an earlier address
        assert reviewers["2002/workspace"] is None
        assert items_of(marts, "no_reviewer") == {
            "2002": "3 rows have no reviewer: the inputs name only the person whose access it is."
        }
        (tests,) = marts["control_tests"]
        assert tests["rows_reviewed_by_their_owner"] == 0
        assert tests["rows_without_reviewer"] == 3


def test_reviewers_who_left_get_no_rows(reviews: list[Marts]) -> None:
    role = "the role Support Lead"
    assert [list(items_of(marts, "reviewer_left").values()) for marts in reviews] == [
        [],
        [],
        [f"vic@corp.example left on {day(30)} and is the reviewer of {role} in reviewers.csv."],
    ]
    assert [
        {row["reviewer"] for row in marts["access_grants"] if row["access_key"] == "2044/role/2"}
        for marts in reviews
    ] == [{"vic@corp.example"}, {"vic@corp.example"}, {"ben@corp.example"}]


def test_managers_and_delegates_review_before_the_default(reviews: list[Marts]) -> None:
    keys = ("2018/seat", "2018/role/3", "2042/seat", "2021/seat", "2021/team/506", "2022/seat")
    found = [{row["access_key"]: row["reviewer"] for row in m["access_grants"]} for m in reviews]

    assert [[(rows[key] or "").partition("@")[0] for key in keys] for rows in found] == [
        ["max", "max", "ben", "vic", "ben", "ben"],
        ["max", "max", "ben", "vic", "ben", "ben"],
        ["max", "max", "ben", "ben", "ben", "ben"],
    ]
    assert [rows["2036/team/501"] for rows in found[:1]] == ["cleo@corp.example"]


def test_worksheets_begin_with_the_rows_to_look_at_first(
    reviews: list[Marts], world_project: Project
) -> None:
    assert reviews
    folders = [world_project.folder / "reviews" / name / "worksheets" for name in REVIEWS]
    sheets = [read_rows(folder / "all.csv") for folder in folders]
    focus = [{row["row"]: row["focus"] for row in rows} for rows in sheets]

    assert [rows["2001/role/1"] for rows in focus] == ["privileged"] * 3
    assert [rows["2001/seat"] for rows in focus] == ["first review", "unchanged", "unchanged"]
    assert focus[1]["2042/role/1"] == "changed, privileged"
    assert focus[1]["2023/role/4"] == "changed"
    assert focus[1]["2062/seat"] == focus[2]["2063/workspace"] == "new"
    assert focus[0]["2007/seat"] == "inactive"
    assert [rows["2024/seat"] for rows in focus] == ["first review", "unchanged", "terminated user"]
    for rows in sheets:
        flags = [row["focus"] in {"unchanged", "first review"} for row in rows if row["focus"]]
        assert flags == sorted(flags)
        assert {row["decision"] for row in rows} == {""}


def test_custom_permissions_count_as_privileged_unless_the_inputs_say_no(
    reviews: list[Marts], pages: list[str]
) -> None:
    expected = {"2001": False, "2009": True, "2010": False, "2041": False}
    for number, marts in enumerate(reviews):
        rows = by_account(marts["privileged_access"], "is_unknown")
        more = {"2042": False, "2043": False, "2046": True} if number else {}
        assert {id_: unknown for id_, (unknown,) in rows.items()} == expected | more
        assert set(items_of(marts, "no_role")) == {"2009"} | ({"2046"} if number else set())
        assert set(items_of(marts, "privileged_inactive")) == {"2041"}
        assert "custom permissions (no role): check in Intercom" in pages[number]
    since = by_account(reviews[2]["privileged_access"], "first_observed", "or_earlier")
    assert (str(since["2046"][0])[:10], since["2046"][1]) == (REVIEWS[1], False)
    assert (str(since["2009"][0])[:10], since["2009"][1]) == (REVIEWS[0], True)
    assert "Changes of privileged roles since the previous review: 2." in pages[1]
    assert "Changes of privileged roles since the previous review: none." in pages[2]
    assert "<bdi>Manger</bdi>: no teammate has a role of this name." in pages[2]


def test_names_in_the_inputs_that_differ_from_those_in_intercom_are_items(
    reviews: list[Marts],
) -> None:
    problems = [
        {(row["name"], row["thing_id"]): row["problem"] for row in marts["input_names"]}
        for marts in reviews
    ]

    written = {
        ("manager", "1"): "spelled differently",
        ("support", "501"): "spelled differently",
        ("Support Lead", "2"): "spelled differently",
        ("Night", "503"): None,
        ("Dissolved", None): "unknown",
        ("Nowhere", None): "unknown",
        ("Manger", None): "unknown",
        ("Auditor", "5"): None,
        ("twin", "505"): "spelled differently",
        ("twin", "506"): "spelled differently",
        ("Solo", "507"): None,
        ("Short-lived", "508"): None,
    }
    unseen = written | {
        ("Night", "503"): "spelled differently",
        ("Short-lived", "508"): "unknown",
    }
    assert problems == [written, unseen | {("Support Lead", "2"): "renamed"}, unseen]
    sentences = {
        row["item_key"]: row["sentence"]
        for row in reviews[1]["review_items"]
        if row["item"] == "input_name"
    }
    assert sentences["input_name//reviewers.csv: role Support Lead/2"] == (
        "reviewers.csv names the role Support Lead. Its current name is Team captain."
    )
    assert sentences["input_name//reviewers.csv: team Short-lived/508"] == (
        "reviewers.csv names the team Short-lived. There is no team of this name."
    )
    for marts in reviews:
        rows = [r["sentence"] for r in marts["review_items"] if r["item"] == "reviewer_unknown"]
        assert [text.partition(", but is neither a teammate nor")[0] for text in sorted(rows)] == [
            "former@corp.example is a manager in employees.csv",
            "stranger@corp.example is the reviewer of the team Nowhere",
        ]
    assert [set(items_of(marts, "manual_unused")) for marts in reviews] == [
        {"2001", "2047", None},
        {"2001", None},
        {"2001", None},
    ]


def test_log_entries_about_roles_are_one_item_each_until_the_next_review(
    reviews: list[Marts],
) -> None:
    entries = [
        sorted(row["sentence"] for row in marts["review_items"] if row["item"] == "role_log_entry")
        for marts in reviews
    ]

    assert entries[0] == entries[2] == []
    begin = f"This entry of {day(AGO[1] + 9)} by ada@corp.example may be about a role itself: "
    edited = "“Ada Owner edited the role Support lead (now Team captain): may export data”"
    assert entries[1] == [
        f"{begin}“Ada Owner changed the role Support: may export data” Roles in it: Support.",
        f"{begin}{edited} Roles in it: Support, Team captain.",
        f"{begin}“Ada Owner gave the role Manager to Ghost Person” Roles in it: Manager.",
    ]


def test_pages_show_the_log_entries_that_name_the_person_between_two_syncs(
    pages: list[str],
) -> None:
    (deletion,) = [
        line
        for line in pages[1].splitlines()
        if "<strong><bdi>Gus Gone</bdi></strong>: left" in line
    ]
    assert "<q><bdi>Ada Owner removed Gus Gone</bdi></q>" in deletion
    assert "ada@corp.example" in deletion
    assert "Sid Seatless" not in deletion
    assert "Ada Owner removed Cy After" not in pages[1]
    assert "Ada Owner removed Cy After" in pages[2]
    for page in pages:
        assert "Changed by" not in page


def test_revocations_have_one_outcome_under_every_name(reviews: list[Marts]) -> None:
    revoked = {key for key, decision in DECISIONS.items() if decision == "revoke"}
    removed = [
        {
            (row["admin_id"], row["kind"], row["thing_id"] or "")
            for row in revocations(marts)
            if row["removed_detected_at"]
        }
        for marts in reviews[1:]
    ]
    done = {"2014", "2015", "2034", "2036", "2046", "2047"}
    at_second = {key for key in revoked if key[0] in done}

    assert [len(revocations(marts)) for marts in reviews] == [len(revoked)] * 3
    assert removed[0] == at_second
    assert removed[1] == at_second | {
        ("2013", "workspace", ""),
        ("2038", "team", "505"),
        ("2057", "workspace", ""),
    }
    assert {
        row["access_key"]: row["outcome"]
        for row in revocations(reviews[2])
        if row["outcome"] != "removed"
    } == {
        **dict.fromkeys(
            ("2014/workspace", "2015/workspace", "2057/workspace"), "access may remain"
        ),
        "2046/role/3": "access may remain",
        **dict.fromkeys(("2011/seat", "2031/seat", "2049/seat"), "not removed"),
        **dict.fromkeys(("2038/team/506", "2044/role/2"), "not removed"),
    }
    items = items_of(reviews[2], "access_may_remain")
    assert "another account of the person or address has it: ID 2061." in items["2014"]
    assert "another account of the person or address has it: ID 2063." in items["2057"]
    assert "may have custom permissions" in items["2046"]


def test_revocations_show_the_names_of_the_worksheet_beside_the_current_ones(
    pages: list[str],
) -> None:
    for page in pages[1:]:
        assert f"in the worksheet of {REVIEWS[0]}: <bdi>Bo Before</bdi>, <bdi>bo@corp" in page
    assert "<bdi>Support lead</bdi></small>" in pages[1]
    assert "<bdi>Billing</bdi></small>" in pages[2]


def test_new_accounts_are_not_inactive(reviews: list[Marts]) -> None:
    for marts in reviews:
        assert set(items_of(marts, "seat_inactive")) == {"2007"}


def test_teams_of_the_same_name_have_their_ids(reviews: list[Marts]) -> None:
    assert items_of(reviews[1], "not_removed").keys() == {
        *("2011", "2013", "2031", "2038", "2044", "2049", "2057")
    }
    assert sorted(
        row["sentence"].partition(" was")[0]
        for row in reviews[1]["review_items"]
        if row["admin_id"] == "2038" and row["item"] == "not_removed"
    ) == ["The team Twin (505)", "The team Twin (506)"]


def test_terminated_users_have_no_negative_days(reviews: list[Marts], pages: list[str]) -> None:
    columns = ("is_there", "days_at_least", "days_at_most")
    rows = by_account(reviews[1]["terminated_users"], *columns)

    assert rows == {"2034": (False, -50, 10), "2035": (False, -58, 2)}
    assert ">at most 2<" in pages[1]
    assert "-58" not in pages[1]


def test_exceptions_are_on_the_page_before_and_after_they_expire(
    reviews: list[Marts], pages: list[str]
) -> None:
    rows = [
        by_account(
            [row for row in marts["outcomes"] if row["decision"] == "exception"], "outcome", "thing"
        )
        for marts in reviews
    ]

    assert rows == [
        {"2039": ("active", "Support lead"), "2040": ("active", "workspace")},
        {"2039": ("active", "Team captain"), "2040": ("expired", "workspace")},
        {"2039": ("active", "Support lead"), "2040": ("expired", "workspace")},
    ]
    assert "Approved exceptions (2)" in pages[1]
    assert set(items_of(reviews[1], "exception_expired")) == {"2040"}


def test_reasons_are_kept_as_they_were_written(reviews: list[Marts]) -> None:
    decided = {row["access_key"]: row["reason"] for row in reviews[1]["last_decisions"]}

    assert {key: text for key, text in decided.items() if text not in {"", USED}} == REASONS


def test_difficult_names_are_text_without_hidden_characters(
    pages: list[str], world_project: Project
) -> None:
    for page, name in zip(pages, REVIEWS, strict=True):
        rows = read_rows(world_project.folder / "reviews" / name / "worksheets" / "all.csv")
        people = {row["person"] for row in rows}

        assert "\x00" not in page
        assert "\u202e" not in page
        assert f"<bdi>{OVERRIDE.replace(chr(0x202E), '⟨U+202E⟩')}</bdi>" in page
        assert f"<bdi>{LONG}</bdi>" in page
        assert f"<bdi>{HEBREW}</bdi>" in page
        assert {"'=1+1", f"'{FULL_WIDTH}", "Ada;'=1+1"} <= people
        assert {BLANK_FORMULA, SEMICOLON}.isdisjoint(people)


@pytest.mark.parametrize("width", [390, 1025, 1280])
def test_pages_fit_every_screen_and_every_table_has_a_caption(
    width: int, pages: list[str], world_project: Project, browser: Browser
) -> None:
    assert pages
    archive = world_project.folder / "reviews"
    for path in (archive / REVIEWS[1] / "access-review.html", archive / "index.html"):
        for page in shown(browser, path, width=width):
            wide = page.evaluate("document.documentElement.scrollWidth")
            tables = page.locator("table")

            assert wide <= width
            assert tables.count() == page.locator("table > caption").count() > 0
            assert broken_words(page, "thead th") == []
            if width == 1280:  # addresses and types of log entries break after their signs only
                assert broken_words(page, ".address", r"[^\s@._+-]+[@._+-]?") == []


def test_pages_mark_simulated_times(
    reviews: list[Marts], pages: list[str], world_project: Project
) -> None:
    archive = (world_project.folder / "reviews" / "index.html").read_text(encoding="utf-8")

    assert all(row["is_simulated"] for row in reviews[2]["syncs"])
    assert all("simulated (demo data)" in page for page in pages)
    assert "simulated (demo data)" in archive


def test_models_written_for_fivetrans_tables_find_them(reviews: list[Marts]) -> None:
    marts = reviews[2]

    columns = {"id", "name", "job_title", "_fivetran_deleted", "_fivetran_synced"}
    assert set(marts["admin"][0]) == columns
    deleted = {row["id"] for row in marts["admin"] if row["_fivetran_deleted"]}
    assert deleted == {"2013", "2014", "2015", "2034", "2035", "2057"}
    assert {row["id"]: row["name"] for row in marts["team"]}["502"] == "Finance"
    assert {
        (row["admin_id"], row["team_id"]) for row in marts["team_admin"] if row["_fivetran_deleted"]
    } == {("2034", "501"), ("2036", "501"), ("2036", "502"), ("2038", "505"), ("2057", "501")}


def test_removals_are_in_time_until_the_end_of_their_last_day(
    reviews: list[Marts], pages: list[str]
) -> None:
    states = [
        {row["access_key"]: (row["due_on"], row["timeliness"]) for row in revocations(marts)}
        for marts in reviews
    ]

    assert set(states[1].values()) == {(day(60), "open"), (day(60), "in time")}
    assert {key: state for key, (_, state) in states[2].items() if state != "in time"} == {
        **dict.fromkeys(("2011/seat", "2031/seat", "2049/seat"), "overdue"),
        **dict.fromkeys(("2044/role/2", "2038/team/506"), "overdue"),
        **dict.fromkeys(("2038/team/505", "2013/workspace", "2057/workspace"), "possibly late"),
    }
    terminated = by_account(reviews[1]["terminated_users"], "due_on", "timeliness")
    assert terminated == {
        "2034": (day(69), "possibly late"),
        "2035": (day(61), "possibly late"),
    }
    assert f'{day(61)} <span class="mark">possibly late</span>' in pages[1]


def test_overdue_items_come_first(reviews: list[Marts]) -> None:
    rows = [row for row in reviews[2]["review_items"] if "overdue" in row["item"]]

    assert {(row["item"], row["admin_id"]) for row in rows} == {
        ("revocation_overdue", "2011"),
        *(("revocation_overdue", id_) for id_ in ("2031", "2038", "2044", "2049")),
        ("terminated_overdue", "2024"),
        ("decisions_overdue", None),
    }
    overdue = items_of(reviews[2], "revocation_overdue").values()
    assert all(text.endswith(f"The removal was due on {day(60)}.") for text in overdue)
    assert not items_of(reviews[2], "not_removed")


def test_pages_show_the_progress_of_the_newest_review_by_reviewer(
    reviews: list[Marts], pages: list[str], world_project: Project
) -> None:
    rows = {
        (row["reviewer"], row["decide_by"]): (row["row_count"], row["decided"], row["decided_late"])
        for row in reviews[1]["progress"]
    }
    due, privileged = day(AGO[0] - 14), day(AGO[0] - 7)

    assert rows[(SILENT, due)] == (4, 0, 0)
    assert rows[("ben@corp.example", privileged)] == (6, 6, 6)  # imported today
    assert rows[(None, due)] == (3, 0, 0)
    assert {key[1] for key in rows} == {due, privileged}
    overdue = [
        r["sentence"] for r in reviews[1]["review_items"] if r["item"] == "decisions_overdue"
    ]
    assert sorted(overdue) == [
        f"{number} rows of the review {REVIEWS[0]} have no decision by {who}. They were due on "
        f"{due}."
        for number, who in (("3 of 3", "a reviewer"), ("4 of 4", SILENT))
    ]
    count = sum(row[0] for row in rows.values())
    assert f"Decisions of the review {REVIEWS[0]}</a>: 0 of {count} rows" in pages[0]
    assert (world_project.folder / "output" / "access-review.html").exists()


def test_worksheets_contain_facts_decisions_and_an_attestation(
    reviews: list[Marts], world_project: Project
) -> None:
    for marts, name in zip(reviews, REVIEWS, strict=True):
        folder = world_project.folder / "reviews" / name / "worksheets"
        paths = [path for path in folder.glob("*.csv") if path.stem != "all"]
        rows = {row["row"]: row for path in paths for row in read_rows(path)}
        assigned = {row["access_key"]: row["reviewer"] for row in marts["access_grants"]}

        assert {
            key: row["reviewer"] for key, row in rows.items() if not key.startswith("attestation/")
        } == {key: reviewer for key, reviewer in assigned.items() if reviewer}
        for path in paths:
            assert {row["reviewer"] for row in read_rows(path)} == {path.stem}
            assert read_rows(path)[-1]["person"] == "I reviewed every row of this worksheet."
    assert rows["2036/role/3"]["teams"] == ""
    assert rows["2038/workspace"]["teams"] == "Twin (506)"
    assert rows["2044/team/502"]["role"] == "Support lead"
    assert rows["2044/team/502"]["last decision"] == f"approve, by ben@corp.example on {day(119)}"
    assert rows["2040/workspace"]["last decision"] == (
        f"exception, by ben@corp.example on {day(119)}, until {day(80)} (=agreed)"
    )
    privileged = {row["row"]: row["privileged"] for row in rows.values() if row["privileged"]}
    assert privileged["2009/workspace"] == "unknown"
    assert privileged["2001/workspace"] == privileged["2001/role/1"] == "yes"
    assert rows["2001/role/1"]["due"] == f"decide by {day(-7)}"
    assert rows["2001/seat"]["due"] == f"decide by {day(-14)}"


def test_an_edited_role_is_one_item_and_unused_privileged_roles_are_named(
    reviews: list[Marts], world_project: Project
) -> None:
    sentences = [
        [row["sentence"] for row in marts["review_items"] if row["item"] == "role_description"]
        for marts in reviews
    ]
    role, since = "The description of the role", f"since the sync of {day(AGO[1])}."
    assert sentences == [
        [],
        [
            f"{role} Manager was empty, and is “May do everything.” {since}",
            f"{role} Support agent was “Answers.”, and is “Answers, exports data.” {since}",
        ],
        [],
    ]
    for marts in reviews:
        unused = {None: "No account has the privileged role Auditor."}
        assert items_of(marts, "privileged_unused") == unused
    rows = read_rows(world_project.folder / "reviews" / REVIEWS[1] / "worksheets" / "all.csv")
    described = {row["row"]: (row["role description"], row["focus"]) for row in rows}
    assert described["2017/seat"] == ("Answers, exports data.", "unchanged")


def test_new_holders_of_privileged_roles_are_items(reviews: list[Marts]) -> None:
    seen = f"was first observed on {day(AGO[1])}, after the previous review."
    sentence = f"The privileged role Manager {seen}"

    assert [items_of(marts, "privileged_new") for marts in reviews] == [
        {},
        {"2042": sentence, "2043": sentence},
        {},
    ]


def test_new_items_of_fail_on_fail_one_sync_and_are_recognized_by_id(
    reviews: list[Marts], world_project: Project
) -> None:
    path = world_project.folder / "output" / "items.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    items = {row["key"]: row for row in record["items"]}
    settings = world_project.folder / "settings.yml"
    before = settings.read_text(encoding="utf-8")
    settings.write_text(before.replace("fail_on: []", "fail_on: [overdue]"), encoding="utf-8")

    quiet = world_project.finished("sync")
    record["items"] = [row for row in record["items"] if "2044" not in row["key"]]
    path.write_text(json.dumps(record), encoding="utf-8")
    alert = world_project.finished("sync")
    again = world_project.finished("sync")
    settings.write_text(before, encoding="utf-8")

    assert items.keys() == {row["item_key"] for row in reviews[2]["review_items"]}
    assert record["first_seen_since"][:10] == REVIEWS[0]
    assert record["compared_with"][:10] == REVIEWS[2]
    assert items["no_role/2009/"]["first_seen"][:10] == REVIEWS[0]
    assert not items["no_role/2009/"]["is_new"]
    overdue = items[f"revocation_overdue/2044/{REVIEWS[0]}/2044/role/2"]
    assert (overdue["first_seen"][:10], overdue["severity"]) == (REVIEWS[2], "high")
    assert (quiet.returncode, again.returncode) == (0, 0)
    assert alert.returncode == 1
    assert "New items that fail_on lists: 1" in alert.stderr
    assert overdue["sentence"] in alert.stderr
    assert path.stat().st_mode & 0o007 == 0
