"""Pages in a real browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge", "microsoft-edge")


WHOLE = """(cells, pattern) => cells.flatMap(cell => {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), found = [];
    const range = document.createRange();
    while (texts.nextNode())
        for (const word of texts.currentNode.data.matchAll(new RegExp(pattern, "g"))) {
            range.setStart(texts.currentNode, word.index);
            range.setEnd(texts.currentNode, word.index + word[0].length);
            if (range.getClientRects().length > 1) found.push(word[0]);
        }
    return found;
})"""


def broken_words(page: Page, selector: str, word: str = r"\S+") -> list[str]:
    """Return the words that are broken across lines, in all elements that match a selector."""
    found: list[str] = page.locator(selector).evaluate_all(WHOLE, word)
    return found


def launched() -> Iterator[Browser]:
    """Yield an installed browser."""
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        path = next(filter(None, map(shutil.which, BROWSERS)), own if own.exists() else None)
        if path is None:
            pytest.skip("no browser: install Chromium, or run 'playwright install chromium'")
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def shown(browser: Browser, path: Path, width: int = 1280) -> Iterator[Page]:
    """Yield a page that reports every error, and can't load anything but its file."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    problems: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    yield page
    page.close()
    assert problems == []
    assert requests == [path.as_uri()]
