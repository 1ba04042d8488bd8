"""Pages, messages, and docstrings are in plain English."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs import PAGES
from tests.tap import ROOT

FOLDERS = ("tap_intercom_access", "tests", "benchmarks", "docs", ".ci", "examples", "packages")

HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
NOT_PROSE = re.compile(r"^```.*?^ *```$|<!--.*?-->|!\[[^\]]*\]\([^)]*\)", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
TABLE_ROW = re.compile(r"^ *\|(.*)\|$", re.MULTILINE)
LIST_ITEM = re.compile(r"^ *(?:[-*]|\d+\.) ", re.MULTILINE)
END_OF_SENTENCE = re.compile(r"(?<=[.!?])[*)\"']*\s+(?=[*(\"'`\[]*[A-Z`])")


def sentences(page: str) -> list[str]:
    """Return the sentences of a page: paragraphs, list items, and cells of tables."""
    text = LINK.sub(r"\1", NOT_PROSE.sub("", page))
    text = HEADING.sub("", text)
    text = TABLE_ROW.sub(lambda match: "\n\n" + match[1].replace(" | ", "\n\n") + "\n\n", text)
    text = LIST_ITEM.sub("\n\n", text)
    paragraphs = (" ".join(part.split()) for part in re.split(r"\n\s*\n", text))
    return [one for part in paragraphs for one in END_OF_SENTENCE.split(part) if one]


def python_files() -> Iterator[Path]:
    """Yield the Python files of the repository."""
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))


@cache
def parsed(path: Path) -> list[ast.AST]:
    """Return the nodes of a Python file."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def texts() -> list[tuple[str, str]]:
    """Return the lines of all pages and the strings of all Python files, with their places."""
    found = [
        (f"{name}:{number}", line)
        for name, page in PAGES.items()
        for number, line in enumerate(NOT_PROSE.sub(_blank, page).splitlines(), 1)
    ]
    return found + [
        (f"{path.relative_to(ROOT).as_posix()}:{node.lineno}", " ".join(node.value.split()))
        for path in python_files()
        for node in parsed(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def _blank(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


LONGEST_SENTENCE = 30
"""Number of words."""

PHRASES = {
    r"(?<!there )\b(is|are) no (?!longer|more|later|earlier|such)\w": "is not a",
    r"\bnobody\b(?!@)": "not, or the missing noun",
    r"\bpretend": "simulated",
    r"\btaken over\b": "imported",
    r"\bstands? in\b": "is in",
    r"\bwhat is to\b": "the noun",
    r"\bby hand\b": "manual",
    r"\bhand(s|ed)? on\b": "pass on",
    r"\bdoes not tell\b": "doesn't expose, or doesn't contain",
    r"\ba fault of\b": "a bug in",
    r"^(Give (?!the app\b)|Tell whether|Say whether)": "Return",
}
"""Regular expressions of phrases, with their replacements."""

SLOGANS = re.compile(
    r"^(complete or loud|(do|keep|select) it( again)?|what it (costs|promises)"
    r"|.* does(n't| not) (tell|know))$",
    re.IGNORECASE,
)
"""Headings that don't name a task or a topic."""


@pytest.mark.parametrize("phrase", PHRASES)
def test_phrases_have_plain_replacements(phrase: str) -> None:
    pattern = re.compile(phrase, re.IGNORECASE)

    found = [
        f"{place}: {text[:100]}"
        for place, text in texts()
        if not place.startswith("tests/test_prose.py") and pattern.search(text)
    ]

    assert found == [], f"write {PHRASES[phrase]!r} instead"


@pytest.mark.parametrize("page", PAGES)
def test_sentences_of_a_page_are_short(page: str) -> None:
    long = [text for text in sentences(PAGES[page]) if len(text.split()) > LONGEST_SENTENCE]

    assert long == []


@pytest.mark.parametrize("page", PAGES)
def test_headings_of_a_page_name_a_task_or_a_topic(page: str) -> None:
    assert [text for text in HEADING.findall(PAGES[page]) if SLOGANS.match(text)] == []
