"""The pages of the documentation, with their code blocks and tables."""

import re

from tests.tap import ROOT

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for pages in ("*.md", "docs/*.md", "examples/*/README.md", "packages/*/*.md")
    for path in sorted(ROOT.glob(pages))
}
"""The text of each page by its path."""

README = PAGES["README.md"]
BLOCK = re.compile(r"^```(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    """Return all code blocks of a language, in the order of the pages."""
    return [
        text for page in PAGES.values() for name, text in BLOCK.findall(page) if name == language
    ]


def block(after: str, language: str) -> str:
    """Return the first code block of a language after words that occur only once in all pages."""
    (page,) = [text for text in PAGES.values() if after in text]
    _, rest = page.split(after)
    texts: list[str] = [text for name, text in BLOCK.findall(rest) if name == language]
    return texts[0]


def row(cell: str) -> list[str]:
    """Return the cells of the table row with this first cell. Only one page may have such a row."""
    start = f"| {cell} | "
    (cells,) = [
        text for page in PAGES.values() for text in page.splitlines() if text.startswith(start)
    ]
    return cells.strip("| ").split(" | ")
