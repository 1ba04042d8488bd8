"""The pages of two reviews of the demo workspace, in a browser."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from browser import shown
from projects import NOW, Project, clock, day, read_rows, write_rows
from tap_intercom_access.sandbox.demo import advance_quarter, demo
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import Sandbox

pytestmark = [pytest.mark.targets, pytest.mark.xdist_group("page")]

SCRIPT = "<script>alert('Dana')</script>"
BACK = 91 * DAY
FIRST, SECOND = str(day(91)), str(day(0))
INPUTS = {
    "reviewers": "kind,name,reviewer\ndefault,,aoife@example.com\n"
    "role,Workspace admin,grace@example.com\nteam,Support,tomas@example.com\n"
    "team,Escalations ⚡,tomas@example.com\n",
    "privileged_roles": "role\nWorkspace admin\nA\nB\nC\nD\nE\n",
    "service_accounts": "email,owner\nsupport@example.com,tomas@example.com\n",
}
DECISIONS = {
    ("1006", "seat"): {"decision": "revoke"},
    ("1012", "workspace"): {"decision": "revoke"},
    ("1007", "workspace"): {
        "decision": "exception",
        "reason": "=1+1 <b>contract</b>",
        "until": str(day(40)),
    },
}


def complete_all(project: Project, review: str) -> None:
    (project.folder / "inbox").mkdir(exist_ok=True)
    for path in (project.folder / "reviews" / review / "worksheets").glob("*.csv"):
        if path.stem != "all":
            rows = read_rows(path)
            for row in rows:
                id_, _, kind = row["row"].partition("/")
                row.update({"decided by": row["reviewer"], "decided on": str(day(90))})
                default = {"decision": "approve", "reason": row["privileged"] and "needed"}
                row.update(DECISIONS.get((id_, kind), default))
            write_rows(project.folder / "inbox" / path.name, rows)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two reviews of the demo, a quarter apart, of which the first one is completed."""
    project = Project(tmp_path_factory.mktemp("page") / "project").init()
    for name, text in INPUTS.items():
        (project.folder / "inputs" / f"{name}.csv").write_text(text, encoding="utf-8")
    workspace = demo(NOW - BACK)
    next(admin for admin in workspace.admins if admin.id == 1012).name = SCRIPT
    with Sandbox(workspace) as sandbox:
        project.sync(sandbox, "review", REVIEWED_AT=clock(NOW - BACK))
    complete_all(project, FIRST)
    project.run("import-decisions")
    advance_quarter(workspace, NOW - BACK)
    workspace.leave(1012)
    with Sandbox(workspace) as sandbox:
        project.sync(sandbox, "review", REVIEWED_AT=clock(NOW))
        assert "43 of 43 rows have no decision" in project.run("complete")
    return project


@pytest.fixture
def page(project: Project, browser: Browser) -> Iterator[Page]:
    yield from shown(browser, project.folder / "output" / "access-review.html")


def test_the_top_shows_source_population_completeness_and_accuracy(page: Page) -> None:
    text = page.locator("header").inner_text()

    for part in (
        *("Workspace sandbox", "read from 127.0.0.1", "access token of aoife@example.com"),
        f"Decisions of the review {day(0)}: 0 of 43 rows",  # after the older one was completed
        *("Population", "12 accounts (13 before)", "Completeness", "Accuracy", "Activity logs"),
    ):
        assert part in text


def test_privileged_access_is_the_first_section(page: Page) -> None:
    assert page.locator("main h2").first.inner_text().startswith("Privileged access (")
    table = page.locator("main table").first.inner_text()
    assert "owner of the access token" in table
    assert "custom permissions (no role): check in Intercom" in table


def test_phones_show_roles_and_outcomes_without_scrolling(
    project: Project, browser: Browser
) -> None:
    completion = project.folder / "reviews" / FIRST / "completion" / "completion.html"
    for path, section, text in (
        (project.folder / "output" / "access-review.html", "privileged", "Workspace admin"),
        (project.folder / "output" / "access-review.html", "revocations", "removed (verified)"),
        (completion, "revocations", "removed (verified)"),
    ):
        for page in shown(browser, path, width=390):
            cell = page.locator(f"section[aria-labelledby={section}] td", has_text=text).first
            box = cell.bounding_box()
            assert box
            assert box["x"] + box["width"] <= 390


def test_long_lists_of_names_collapse(page: Page) -> None:
    caption = page.locator("section[aria-labelledby=privileged] caption")

    assert "Roles: 6 roles" in " ".join(caption.inner_text().split())
    assert "E" not in caption.inner_text().split(";")[0]
    caption.locator("summary").click()
    assert "A, B, C, D, E, Workspace admin" in caption.inner_text()


def test_the_host_is_the_first_item_if_it_is_not_intercoms(page: Page) -> None:
    first = page.locator("section[aria-labelledby=items] details").first

    assert "Not read from Intercom (1)" in first.inner_text()


def test_revocations_show_outcome_days_and_log_entries(page: Page) -> None:
    rows = page.locator("section[aria-labelledby=revocations] tbody tr")

    assert rows.count() == 2
    text = rows.filter(has_text="Priya Raman").inner_text()
    assert "removed (verified)" in text
    assert "at most 90" in text
    rows.filter(has_text="Priya Raman").locator("summary").click()
    assert (
        "Aoife Ní Bhriain took the inbox seat of Priya Raman"
        in rows.filter(has_text="Priya Raman").inner_text()
    )


def test_exceptions_are_marked_when_they_expire(page: Page) -> None:
    text = page.locator("section[aria-labelledby=exceptions]").inner_text()

    assert "expired" in text
    assert "=1+1 <b>contract</b>" in text


def test_values_of_intercom_and_reviewers_are_escaped(page: Page, project: Project) -> None:
    assert SCRIPT in page.locator("main").inner_text()
    html = (project.folder / "output" / "access-review.html").read_text(encoding="utf-8")
    assert SCRIPT not in html


def test_the_grid_can_be_filtered_folded_and_sorted_with_the_keyboard(page: Page) -> None:
    rows = page.locator("#grid tbody tr:visible")
    everyone = rows.count()

    page.locator("#filter").fill("tomás")
    assert rows.count() == 1
    page.locator("#filter").fill("")
    page.locator("#fold").check()
    assert 0 < rows.count() < everyone
    page.locator("#fold").uncheck()
    button = page.locator("#grid thead button").first
    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.locator("#grid thead th").first.get_attribute("aria-sort") == "descending"
    names = page.locator("#grid tbody th").all_inner_texts()
    assert names[0] > names[-1]


def luminance(color: str) -> float:
    parts = [int(part) / 255 for part in color.split("(")[1].rstrip(")").split(",")[:3]]
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_light_and_dark(scheme: str, page: Page) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for selector in ("body", ".soft", ".mark", ".good", "a"):
        color = page.locator(selector).first.evaluate("node => getComputedStyle(node).color")
        light, dark = sorted((luminance(color), luminance(background)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, selector


def test_the_index_lists_all_reviews(project: Project, browser: Browser) -> None:
    for page in shown(browser, project.folder / "reviews" / "index.html"):
        rows = page.locator("tbody tr")

        assert rows.count() == 2
        assert f"{SECOND}\n" in rows.first.inner_text()
        assert "aoife@example.com" in rows.nth(1).inner_text()


def test_a_review_is_completed_with_every_decision_and_the_evidence_of_removals(
    project: Project, browser: Browser
) -> None:
    record = project.folder / "reviews" / FIRST / "completion" / "completion.json"
    assert '"decided_about_own_access": []' in record.read_text(encoding="utf-8")
    for page in shown(browser, record.with_name("completion.html")):
        text = page.locator("body").inner_text()
        assert "removed (verified)" in text
        assert "Control totals" in text
        assert "Attested that they reviewed every row: aoife@example.com" in text
        assert page.locator("#decisions").inner_text() == "All decisions (45)"
    emails = [path.name for path in (project.folder / "outbox").rglob("*.eml")]
    assert len(emails) == 3
    assert "integrity check passed" in project.run("verify")
    complete_all(project, FIRST)
    assert "the review was completed on" in project.error("import-decisions")


def test_the_completion_report_shows_the_quality_of_the_review(
    project: Project, browser: Browser
) -> None:
    folder = project.folder / "reviews" / FIRST / "completion"
    quality = json.loads((folder / "completion.json").read_text(encoding="utf-8"))["quality"]
    for page in shown(browser, folder / "completion.html"):
        text = page.locator("section[aria-labelledby=quality]").inner_text()

    found = {row["reviewer"].partition("@")[0]: row for row in quality["reviewers"]}
    assert sum(row["rows"] for row in found.values()) == 45
    assert found["aoife"]["approved_percent"] == 90
    assert found["aoife"]["in_bulk"] == {"rows": 28, "decision": "approve", "on": str(day(90))}
    assert found["grace"]["in_bulk"] is None
    pairs = [["aoife@example.com", f"{name}@example.com"] for name in ("grace", "tomas")]
    assert quality["pairs"] == pairs
    assert f"28 rows: approve, on {day(90)}" in text
    assert "decided about each other: aoife@example.com and grace@example.com; aoife@" in text


def test_pages_are_readable_on_paper(page: Page, tmp_path: Path) -> None:
    page.pdf(path=str(tmp_path / "page.pdf"))

    assert page.evaluate(
        "dispatchEvent(new Event('beforeprint')),"
        " [...document.querySelectorAll('details')].every(part => part.open)"
    )
