"""The example project: two reviews of a workspace, looked at in a real browser."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from playwright.sync_api import sync_playwright

from tap_intercom_access.sandbox.history import DAY
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.sandbox.workspace import demo
from tests.commands import ROOT, environment
from tests.meltano import copied, output_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

pytestmark = [pytest.mark.targets, pytest.mark.xdist_group("review")]

EXAMPLE = ROOT / "examples" / "access-review"
SCRIPT = "<script>alert('Dana')</script>"
FORMULA = '=HYPERLINK("http://evil.example")'
BACK = 91 * DAY
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge", "microsoft-edge")


def review(project: Path, sandbox: Sandbox, *options: str, **variables: str) -> None:
    days = timedelta(days=180)
    start = f"{datetime.now(timezone.utc) - days:%Y-%m-%d}"
    variables |= sandbox.settings | {
        "TAP_INTERCOM_ACCESS_START_DATE": start,
        "WORKSPACE_NAME": "Acme & Sons",
    }
    output_of(project, "run", *options, "access-review", **variables)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after two reviews of the demo, a quarter apart."""
    folder = copied("access-review", tmp_path_factory.mktemp("review") / "access-review")
    (folder / "transform" / "seeds" / "employees.csv").write_text(
        "email,name\n" + "".join(f"{p.email},x\n" for p in demo().admins[:11]), encoding="utf-8"
    )
    now = int(time.time())
    workspace = demo(now - BACK)
    admins = {admin.id: admin for admin in workspace.admins}
    admins[1012].name = SCRIPT
    admins[1008].name = FORMULA
    workspace.teams[2].name = "Billing <b>& more</b>"
    workspace.teams[3].members.append(4711)  # nobody knows who that is
    then = datetime.fromtimestamp(now - BACK, tz=timezone.utc)
    with Sandbox(workspace) as sandbox:
        review(folder, sandbox, REVIEWED_AT=f"{then:%Y-%m-%d %H:%M:%S}")
        workspace.a_quarter_later(now - BACK)
        review(folder, sandbox, "--full-refresh")
    return folder


def query(project: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(project / "output" / "review.duckdb"), read_only=True) as connection:
        connection.execute(f"attach '{project}/output/load.duckdb' as loaded (read_only)")
        return connection.execute(sql).fetchall()


def test_the_grants_are_what_everybody_has_now(project: Path) -> None:
    kinds = dict(query(project, "select kind, count(*) from access_grants group by 1"))
    since = query(
        project,
        "select kind, thing, date_diff('day', since, now()::timestamp) from access_grants "
        "where admin_id = '1004' order by kind, thing",
    )

    assert kinds == {"workspace": 12, "role": 10, "seat": 9, "team": 14}
    assert [(kind, thing, days > 80) for kind, thing, days in since] == [
        ("role", "Support lead", False),
        ("seat", "inbox", True),
        ("team", "Escalations ⚡", True),
        ("team", "Night shift", False),
        ("team", "Support", True),
        ("workspace", "", True),
    ]


def test_the_changes_tell_the_story_and_who_did_it(project: Path) -> None:
    rows = query(project, "select name, change, thing, done_by from access_changes")

    assert {row for row in rows if row[0] != "Lina Haddad"} == {
        ("Marcus Webb", "left", "", "aoife@example.com"),
        ("Marcus Webb", "role taken", "Support agent", None),
        ("Marcus Webb", "seat taken", "inbox", None),
        ("Marcus Webb", "team taken", "Escalations ⚡", None),
        ("Marcus Webb", "team taken", "Support", None),
        ("Priya Raman", "seat taken", "inbox", "aoife@example.com"),
        ("Zoë Müller", "role changed", "Support lead", "aoife@example.com"),
        ("Zoë Müller", "team given", "Night shift", "tomas@example.com"),
        ("陈伟", "team taken", "Support", None),
        (SCRIPT, "seat given", "inbox", None),
    }
    assert ("Lina Haddad", "joined", "", "tomas@example.com") in rows


def test_the_findings_are_the_ones_to_look_at(project: Path) -> None:
    rows = query(project, "select finding, admin_id from review_findings order by 1, 2")

    assert rows == [
        ("no_role", "1007"),
        ("no_role", "1012"),
        ("no_team", "1007"),
        ("no_team", "1008"),
        ("no_team", "1012"),
        ("not_employed", "1012"),
        ("not_employed", "1013"),
        ("personal_mailbox", "1012"),
        ("seat_unused", "1012"),
        ("shared_mailbox", "1009"),
        ("unknown_member", "4711"),
    ]


def test_the_history_keeps_who_left(project: Path) -> None:
    rows = query(
        project, "select count(*), count(dbt_valid_to) from admin_history where admin_id = '1010'"
    )

    assert rows == [(1, 1)]
    assert len(query(project, "from reviews")) == 2


def test_the_list_has_a_row_per_grant_and_no_formula(project: Path) -> None:
    path = project / "output" / "access-review.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))

    assert len(rows) == 45
    assert all(row["decision (keep or remove)"] == row["reviewer"] == "" for row in rows)
    assert f"'{FORMULA}" in {row["name"] for row in rows}
    assert not any(value.startswith(("=", "+", "-", "@")) for row in rows for value in row.values())


@pytest.fixture(scope="module")
def page(project: Path) -> Iterator[Page]:
    """The page in a browser that reports every error, and reaches nothing but the file."""
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        found = next(filter(None, map(shutil.which, BROWSERS)), own if own.exists() else None)
        if found is None:
            pytest.skip("no browser: install Chromium, or run 'playwright install chromium'")
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        shown = browser.new_page(viewport={"width": 1280, "height": 1000})
        problems: list[str] = []
        requests: list[str] = []
        shown.on("console", lambda message: problems.append(message.text))
        shown.on("pageerror", lambda error: problems.append(str(error)))
        shown.on("dialog", lambda dialog: problems.append(dialog.message))
        shown.on("request", lambda request: requests.append(request.url))
        url = (project / "output" / "access-review.html").as_uri()
        shown.goto(url)
        shown.screenshot(path=str(project / "output" / "page.png"), full_page=True)
        yield shown
        browser.close()
    assert problems == []
    assert requests == [url]


def names(page: Page) -> list[str]:
    texts = page.locator("#grid tbody tr:visible th").all_inner_texts()
    return [text.split("\n")[0] for text in texts]


def test_the_page_shows_the_evidence_at_its_top(page: Page) -> None:
    header = page.locator("header").inner_text()

    assert "Access review: Acme & Sons" in header
    assert "Previous review: " in header
    assert re.findall(r"^\d+$", header, flags=re.MULTILINE)[:3] == ["12", "4", "14"]
    assert (ROOT / "examples" / "access-review" / "page.png").exists()


def test_what_comes_from_intercom_is_only_text(page: Page) -> None:
    assert SCRIPT in names(page)
    assert page.locator("script").count() == 1
    assert page.locator("#grid b").count() == 0
    assert "Billing <b>& more</b>" in page.locator("#grid thead").inner_text()
    assert "Billing <b>& more</b>" in (page.locator("svg").text_content() or "")


def test_the_grid_can_be_filtered(page: Page) -> None:
    page.get_by_label("Filter").fill("night shift")
    assert names(page) == ["4711", "Lina Haddad", "Zoë Müller"]
    assert page.locator("#shown").inner_text() == "3 shown"

    page.get_by_label("Filter").fill("")
    assert len(names(page)) == 13


def test_the_grid_can_be_sorted_with_the_keyboard(page: Page) -> None:
    button = page.get_by_role("button", name="E-mail")
    column = page.locator("#grid tbody td:nth-child(2)")
    button.focus()
    page.keyboard.press("Enter")
    up = column.all_inner_texts()
    assert up == sorted(up)
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("E-mail")

    page.keyboard.press("Enter")
    assert column.all_inner_texts() == sorted(up, reverse=True)


def test_the_page_prints_all_of_it(page: Page, project: Path) -> None:
    path = project / "output" / "page.pdf"
    page.pdf(path=str(path), prefer_css_page_size=True)

    assert path.read_bytes().startswith(b"%PDF")
    assert path.stat().st_size > 20_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_text_has_contrast_in_light_and_dark(scheme: Any, page: Page) -> None:  # noqa: ANN401
    page.emulate_media(color_scheme=scheme)
    contrasts = page.evaluate(
        """() => {
            const light = colour => {
                const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(part =>
                    (part /= 255) <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
                return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2];
            };
            const back = light(getComputedStyle(document.body).backgroundColor);
            return ["body", ".soft", "small", "time", "ul.findings strong"].map(selector => {
                const text = light(getComputedStyle(document.querySelector(selector)).color);
                return (Math.max(text, back) + .05) / (Math.min(text, back) + .05);
            });
        }"""
    )
    page.emulate_media(color_scheme="light")

    assert min(contrasts) >= 4.5


def test_the_command_of_the_readme_shows_two_reviews(tmp_path: Path) -> None:
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"```bash\n(\./.*)\n```", readme)
    project = copied("access-review", tmp_path / "access-review")

    done = subprocess.run(
        [command],
        capture_output=True,
        check=False,
        cwd=project,
        encoding="utf-8",
        env=environment(),
        timeout=400,
    )

    assert done.returncode == 0, done.stderr[-5000:]
    html = (project / "output" / "access-review.html").read_text(encoding="utf-8")
    assert "Changes since the last review (15)" in html
    assert os.access(project / "output" / "access-review.csv", os.R_OK)
