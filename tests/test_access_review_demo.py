"""The example project: the demo that plays all of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.browser import shown
from tests.reviews import FIRST, SECOND

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = [pytest.mark.targets, pytest.mark.xdist_group("demo")]


def test_the_demo_plays_all_of_it(demo_played: tuple[Path, str]) -> None:
    project, printed = demo_played

    assert "42 keep, 2 remove, 1 exception, 0 undecided" in printed
    assert "12 addresses, differences: none" in (
        project / "demo" / "reviews" / SECOND / "access-review.html"
    ).read_text(encoding="utf-8")
    assert f"{FIRST}: closed. 45 decisions, 2 removals, each gone or accepted" in printed
    assert "signed by grace@example.com (ED25519" in printed
    assert "Replay: the same rows and keys as in the recorded run: activity_logs" in printed
    assert f"{FIRST}: CHANGED: access-review.csv is not what was written" in printed
    assert (project / "demo" / "reviews" / SECOND / "access-review.xlsx").exists()
    assert not (project / "reviews").exists()


def test_what_comes_of_pretended_times_is_marked_in_a_review_of_today(
    demo_played: tuple[Path, str],
) -> None:
    reviews = demo_played[0] / "demo" / "reviews"
    page = (reviews / SECOND / "access-review.html").read_text(encoding="utf-8")
    closing = (reviews / FIRST / "closed" / "closing.html").read_text(encoding="utf-8")
    evidence = json.loads((reviews / SECOND / "evidence.json").read_text(encoding="utf-8"))

    assert evidence["as_of_is_pretended"] is False
    assert any(
        f"syncs are pretended, as only the demo may do: {FIRST}" in text
        for text in evidence["known_limits"]
    )
    assert "Times of earlier syncs are pretended" in page
    assert f"<time>{FIRST} (pretended) to {SECOND}</time>" in page
    assert f"Reviewed as of {FIRST} 12:00 UTC (pretended)" in closing
    assert f"seen last by the sync of {FIRST} 12:00 UTC (pretended)" in closing


def test_the_page_of_the_demo_shows_what_was_done_and_what_was_forgotten(
    demo_played: tuple[Path, str], browser: Browser
) -> None:
    for page in shown(browser, demo_played[0] / "demo" / "output" / "access-review.html"):
        removed = page.locator("section[aria-labelledby=removals]").inner_text()

        assert "Changes since the previous review (15)" in page.locator("#changes").inner_text()
        assert "Dana Levi" in page.locator("details").first.inner_text()
        assert "gone, since" in removed
        assert "still there" in removed
