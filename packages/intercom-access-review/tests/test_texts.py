"""Strings are compared by how they look, and never become formulas."""

from __future__ import annotations

import csv
import io
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from intercom_access_review.page import TEMPLATES
from intercom_access_review.texts import (
    comparison_key,
    distinct_names,
    escape_formulas,
    is_bot_address,
    reveal_hidden,
    single_line,
    unescape_formulas,
    visible_name,
)

SIGNS = "=＋－＠−﹦⁼₊⩵﬩@+-"  # noqa: RUF001
INVISIBLE = "\u00ad\u034f\u115f\u1160\u200b\u200d\u202e\u2060\u3164\ufe0f\ufeff"
TEXTS = st.text(
    st.one_of(st.sampled_from(f"{SIGNS}{INVISIBLE};'\"\t\n \u00a0\u2028\x00ab,"), st.characters()),
    max_size=12,
)


@settings(deadline=None)
@example(text="a; ＝1+1")  # noqa: RUF001
@example(text='a;"=1+1"')
@example(text="\u200d\u00ad\ufe0f+1")
@example(text="a;\u202e=1")
@example(text=";=cmd|' /C calc'!A0")
@given(text=TEXTS)
def test_a_spreadsheet_program_runs_no_cell_whatever_the_delimiter(text: str) -> None:
    escaped = escape_formulas(text)

    written = io.StringIO()
    csv.writer(written).writerow([escaped.replace("\x00", "")])  # Python 3.10 can't write it
    cells = [written.getvalue(), escaped, *escaped.split(";"), *escaped.replace('"', "").split(";")]
    for cell in cells:
        drawn = [c for c in cell if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
        first = unicodedata.normalize("NFKC", "".join(drawn).strip(f'{INVISIBLE}" \u2800'))[:1]
        assert first not in {*"=+-@−"}, cell  # noqa: RUF001


@settings(deadline=None)
@example(text="\u115f'=1")
@example(text="' '=1;\u200b=1")
@given(text=TEXTS)
def test_unescaping_restores_what_was_escaped(text: str) -> None:
    assert unescape_formulas(escape_formulas(text)) == unescape_formulas(text)


@settings(deadline=None)
@example(text="a\u0345\u0301")
@example(text="ß\u0301")
@given(text=TEXTS)
def test_a_comparison_key_is_stable_under_normalization_and_case(text: str) -> None:
    key = comparison_key(text)

    assert comparison_key(key) == key
    for form in ("NFC", "NFD"):
        assert comparison_key(unicodedata.normalize(form, text)) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Café", "cafe\u0301"),
        ("STRASSE", "straße"),
        ("Ni\u200bght", "night"),
        ("support\u2060", "  Support\n"),
        ("Night\u2800Shift", "night \u3164shift"),
        ("İ", "i\u0307"),
        ("ΟΔΟΣ", "οδος"),
        ("\u200b", ""),
    ],
)
def test_names_that_look_the_same_are_equal(one: str, other: str) -> None:
    assert comparison_key(one) == comparison_key(other)


def test_names_that_look_different_are_not_equal() -> None:
    names = ["Ann", "Ånn", "Ann B", "AnnB", "", "ı", "i"]  # noqa: RUF001

    assert len({comparison_key(name) for name in names}) == len(names)


def test_names_that_look_the_same_get_their_ids() -> None:
    names = {"1": "Support", "2": "support\u200b", "3": "Sales", "4": "4", "5": "4"}

    assert distinct_names(names) == {
        "1": "Support (1)",
        "2": "support\u200b (2)",
        "3": "Sales",
        "4": "4",
        "5": "4 (5)",
    }


def test_a_name_is_one_visible_line() -> None:
    assert single_line(" a\n\tb\x00c\u2028d\ud83de ") == "a b c d e"
    assert visible_name("\u3164 \u200b\u2800") == visible_name(None) == ""
    assert visible_name("a\u200db\n") == "a\u200db"


def test_hidden_characters_are_shown_as_codes() -> None:
    shown = "👨\u200d👩 ❤\ufe0f \u0645\u200c\u06cc a\tb\nc"

    assert reveal_hidden("a\x00b\u202ec\ud800\ufeff") == "a⟨U+0000⟩b⟨U+202E⟩c⟨U+D800⟩⟨U+FEFF⟩"
    assert reveal_hidden(shown) == shown


@pytest.mark.parametrize(
    ("email", "is_bot"),
    [
        ("operator+abc123@intercom.io", True),
        (" Operator+A_b-C@INTERCOM.io ", True),
        ("operator@intercom.io", False),
        ("operator+@intercom.io", False),
        ("operator+a.b@intercom.io", False),
        ("operator+1@intercom.io.example.com", False),
        ("operator+1@intercomXio", False),
        ("x.operator+1@intercom.io", False),
        ("operator+1@intercom.io, a@example.com", False),
        ("ann+operator@intercom.io", False),
        ("operator+1@intercom.\u0131o", False),
        (None, False),
    ],
)
def test_only_the_address_of_the_bot_makes_a_bot(email: str | None, is_bot: bool) -> None:  # noqa: FBT001
    assert is_bot_address(email) == is_bot


@pytest.mark.parametrize(
    ("macro", "shown"),
    [
        ("between('2026-11-30T01', '2026-11-30T02')", "on 2026-11-30"),
        ("between('2026-11-29T01', '2026-11-30T02')", "between 2026-11-29 and 2026-11-30"),
        ("span(5, 5)", "5"),
        ("span(5, 6)", "5 to 6"),
    ],
)
def test_equal_days_and_numbers_of_days_are_shown_once(macro: str, shown: str) -> None:
    template = "{% from 'macros.html.j2' import between, span %}{{ " + macro + " }}"

    assert TEMPLATES.from_string(template).render() == shown
