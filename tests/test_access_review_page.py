"""The example project: its pages in a real browser."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tap_intercom_access.sandbox.demo import generate_workspace
from tap_intercom_access.sandbox.server import Sandbox
from tests import faults
from tests.browser import shown
from tests.meltano import meltano, output_of
from tests.reviews import FIRST, FORMULA, REASON, SCRIPT, SECOND, day, step, write_seeds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.targets, pytest.mark.xdist_group("review")]

SYNC = ("--environment=demo", "run", "access-sync")
NO_LOGS = {"TAP_INTERCOM_ACCESS__SELECT": '["*.*", "!activity_logs.*"]'}
BETWEEN = f"between {FIRST} (pretended) and {SECOND} (pretended)"


@pytest.fixture
def page(browser: Browser, reviewed: Path) -> Iterator[Page]:
    yield from shown(browser, reviewed / "output" / "access-review.html")


@pytest.fixture
def archive(browser: Browser, reviewed: Path) -> Iterator[Page]:
    yield from shown(browser, reviewed / "reviews" / "index.html")


@pytest.fixture(scope="module")
def many(review_project: Path) -> Path:
    """The page of 2,000 teammates in 150 teams, without activity logs."""
    write_seeds(review_project / "demo")
    with Sandbox(generate_workspace(2000, 150)) as sandbox:
        output_of(review_project, *SYNC, **sandbox.settings, **NO_LOGS)
    return review_project / "demo" / "output" / "access-review.html"


def names(page: Page) -> list[str]:
    texts = page.locator("#grid tbody tr:visible th").all_inner_texts()
    return [text.split("\n")[0] for text in texts]


def section(page: Page, name: str) -> str:
    return page.locator(f"section[aria-labelledby={name}]").inner_text()


def test_the_page_shows_the_evidence_at_its_top(page: Page) -> None:
    header = page.locator("header").inner_text()

    assert "Access review: Intercom sandbox" in header
    assert "Workspace sandbox, region US" in header
    assert "with the access token of aoife@example.com" in header
    assert f"Previous review: {FIRST}" in header
    assert f"Activity logs were read from {day(180)} to" in header
    assert f"Review of {FIRST}: 7 of 82 rows are not decided" in header
    assert re.findall(r"^\d+$", header, flags=re.MULTILINE) == ["24", "4", "14"]


def test_privileged_access_stands_at_the_top(page: Page) -> None:
    heads = page.locator("h2").all_inner_texts()
    rows = page.locator("section[aria-labelledby=privileged] tbody tr").all_inner_texts()

    assert [head.split(" (")[0] for head in heads][:4] == [
        "Privileged access",
        "Findings",
        "Decided to remove",
        "Leavers",
    ]
    assert rows[0].startswith("Aoife Ní Bhriain\taoife@example.com\tWorkspace admin")
    assert rows[0].endswith(f"owner of the access token leaves or left on {day(-10)}")
    assert any(row.startswith("Zoë Müller") for row in rows)
    assert "Support agent → Support lead" in section(page, "privileged")


def test_what_was_not_removed_is_the_first_finding_and_what_has_expired_the_second(
    page: Page,
) -> None:
    groups = page.locator("#findings ~ details summary").all_inner_texts()

    assert groups[:4] == [
        "Not removed, though decided (1)",
        "Exception past its end (1)",
        "Owner of the access token (1)",
        "Left, and still has access (1)",
    ]


def test_the_page_tells_what_became_of_the_decisions(page: Page) -> None:
    rows = page.locator("section[aria-labelledby=removals] tbody tr").all_inner_texts()
    row_of = {row.split("\t")[0]: row for row in rows}

    assert "still there\t90 so far" in row_of[SCRIPT]
    assert f"{BETWEEN}\tat most 90" in row_of["Gone Quietly"]
    assert "by whom: not in the logs" in row_of["Gone Quietly"]
    assert "Aoife Ní Bhriain took the inbox seat of Priya Raman" in row_of["Priya Raman"]


def test_the_page_tells_when_access_of_leavers_ended(page: Page) -> None:
    text = section(page, "leavers")

    assert f"{day(12)}\tstill there\t12 so far" in text
    assert "Aoife Ní Bhriain removed Marcus Webb" in text
    assert f"ended {BETWEEN}\tat most 50" in text


def test_whatever_comes_from_intercom_or_a_reviewer_is_only_text(page: Page) -> None:
    assert {SCRIPT, FORMULA} < set(names(page))
    assert REASON in section(page, "findings")
    assert page.locator("script").count() == 1
    assert page.locator("main b").count() == 0
    assert "Billing <b>& more</b>" in page.locator("#grid").inner_text()
    assert "Billing <b>& more</b>" in section(page, "teams")


def test_the_grid_can_be_filtered_and_folded(page: Page) -> None:
    everybody = names(page)
    page.get_by_label("Filter").fill("night shift")
    assert names(page) == ["4711", "Lina Haddad", "Zoë Müller"]
    assert page.locator("#shown").inner_text() == "3 shown"

    page.get_by_label("Filter").fill("")
    page.get_by_label("Only those with a finding or a change").check()
    assert set(everybody) - set(names(page)) == {"Grace 🌍 Okafor"}


def test_the_page_is_used_with_the_keyboard(page: Page) -> None:
    button = page.get_by_role("button", name="E-mail")
    column = page.locator("#grid tbody td:nth-child(2)")
    page.get_by_label("Filter").focus()
    for _ in range(3):
        page.keyboard.press("Tab")
    assert button.evaluate("element => element === document.activeElement")
    assert button.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"

    page.keyboard.press("Enter")
    up = column.all_inner_texts()
    assert up == sorted(up)
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("E-mail")

    page.keyboard.press("Enter")
    assert column.all_inner_texts() == sorted(up, reverse=True)


CONTRAST = """() => {
    const light = colour => {
        const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(part =>
            (part /= 255) <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
        return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2];
    };
    const back = light(getComputedStyle(document.body).backgroundColor);
    const texts = document.querySelectorAll("body, .soft, small, time, .mark, .good, a");
    return [...texts].map(element => {
        const text = light(getComputedStyle(element).color);
        return (Math.max(text, back) + .05) / (Math.min(text, back) + .05);
    });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_text_has_contrast_in_light_and_dark(
    scheme: Any,  # noqa: ANN401 (a literal of Playwright's)
    page: Page,
    archive: Page,
) -> None:
    for shown_page in (page, archive):
        shown_page.emulate_media(color_scheme=scheme)

        assert min(shown_page.evaluate(CONTRAST)) >= 4.5


def test_the_archive_lists_all_reviews(archive: Page) -> None:
    rows = [row.split("\t") for row in archive.locator("tbody tr").all_inner_texts()]

    assert [row[0].split("\n")[0] for row in rows] == [SECOND, FIRST]
    assert [row[1] for row in rows] == ["open", "open"]
    assert [row[2] for row in rows] == ["unchanged", "unchanged"]
    # rows, undecided, keep, exception, remove, removed, still there
    assert rows[1][3:10] == ["82", "7", "70", "1", "4", "3", "1"]
    assert rows[0][3:10] == ["79", "79", "0", "0", "0", "0", "0"]
    assert rows[1][10].split() == [
        f"{name}@example.com" for name in ("grace", "priya", "tomas", "zoe")
    ]
    links = archive.locator("tbody a")
    assert [link.get_attribute("href") for link in links.all()] == [
        f"{SECOND}/access-review.html",
        f"{FIRST}/access-review.html",
    ]


def test_a_page_that_is_written_again_before_the_next_build_names_the_review_that_it_knows(
    reviewed: Path, tmp_path: Path
) -> None:
    shutil.copytree(reviewed / "reviews", tmp_path / "reviews")
    shutil.copytree(reviewed / "output", tmp_path / "output")

    assert step(reviewed, "page", tmp_path).returncode == 0

    text = (tmp_path / "output" / "access-review.html").read_text("utf-8")
    assert f"Decisions of the review of {FIRST}</a>: 75 of 82 rows" in text


def test_two_thousand_people_in_150_teams_are_readable_and_print(
    many: Path, browser: Browser, tmp_path: Path
) -> None:
    for page in shown(browser, many):
        wide = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        rows = page.locator("#grid tbody tr").count()
        page.get_by_label("Filter").fill("Team 149")
        count = len(names(page))
        page.get_by_label("Filter").fill("")
        page.get_by_label("Only those with a finding or a change").check()
        closed = page.locator("details:not([open])").count()
        page.pdf(path=str(tmp_path / "page.pdf"), prefer_css_page_size=True)

        assert wide, "it has to be scrolled sideways"
        assert rows == 2000
        assert count == 13
        assert closed > 0
        assert page.locator("details:not([open])").count() == 0
        assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def test_nothing_is_said_of_events_where_logs_were_not_read(many: Path) -> None:
    text = many.read_text(encoding="utf-8")

    assert "Activity logs were not read." in text
    assert "no event" not in text
    assert "in the logs" not in text
    assert "has no privileged role" in text  # of the token's owner


def test_a_row_that_was_lost_while_loading_ends_it(many: Path, review_project: Path) -> None:
    loaded = many.parent / "load" / "admins.jsonl"
    rows = loaded.read_text(encoding="utf-8").splitlines(keepends=True)
    loaded.write_text("".join(rows[1:]), encoding="utf-8")

    done = meltano(review_project, "--environment=demo", "run", "dbt:build", "review:page")

    loaded.write_text("".join(rows), encoding="utf-8")
    assert done.returncode == 1
    assert "every_row_was_loaded_stg_admins" in done.stderr


def test_a_sync_that_fails_leaves_the_last_page_and_takes_no_decisions(
    many: Path, review_project: Path
) -> None:
    before = many.read_bytes()
    with Sandbox(generate_workspace(2000, 150)) as sandbox:
        sandbox.fail("/admins", faults.refuse(403, "forbidden"))
        failed = meltano(review_project, *SYNC, **sandbox.settings, **NO_LOGS)
    decided = step(review_project, "decisions", many.parent.parent)

    assert failed.returncode == 1
    assert "Intercom was not read" in failed.stderr
    assert many.read_bytes() == before
    assert "The last sync did not end well" in decided.stderr
