"""Pages, messages, and docstrings are in plain English."""

import re

import pytest

from tests.docs import PAGES
from tests.prose import HEADING, docstrings, python_files, sentences, texts
from tests.tap import ROOT

LONGEST_SENTENCE = 30
"""Words."""

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
}
"""Regular expressions, with what to write instead."""

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


def test_docstrings_begin_with_verbs_such_as_return_not_with_give() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text.splitlines()[0]}"
        for path in python_files()
        for line, text in docstrings(path)
        if re.match(r"(Give|Tell whether|Say whether)\b", text)
    ]

    assert found == []


@pytest.mark.parametrize("page", PAGES)
def test_sentences_of_a_page_are_short(page: str) -> None:
    long = [text for text in sentences(PAGES[page]) if len(text.split()) > LONGEST_SENTENCE]

    assert long == []


@pytest.mark.parametrize("page", PAGES)
def test_headings_of_a_page_name_a_task_or_a_topic(page: str) -> None:
    assert [text for text in HEADING.findall(PAGES[page]) if SLOGANS.match(text)] == []
