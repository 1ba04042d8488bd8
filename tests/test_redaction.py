"""The token in foreign text: found, blanked, and cut to one line."""

from __future__ import annotations

import pytest

from tap_intercom_access.intercom.redaction import echoes, excerpt, masked

TOKEN = "abcdefghijklmnop"  # noqa: S105 (opens nothing)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nothing here", "nothing here"),
        (f"the {TOKEN}.", f"the {'*' * 16}."),
        ("abcdefgh", "*" * 8),
        ("abcdefg", "abcdefg"),
        ("xx ijklmnop xx", f"xx {'*' * 8} xx"),
        ("bcdefghi", "*" * 8),
        (f"{TOKEN}{TOKEN}", "*" * 32),
        ("abcdefghx", f"{'*' * 8}x"),
        ("", ""),
    ],
)
def test_every_piece_of_eight_characters_is_blanked(text: str, shown: str) -> None:
    assert masked(text, TOKEN) == shown


def test_the_last_piece_of_a_token_of_odd_length_is_blanked() -> None:
    assert masked("hijklmno", TOKEN[:15]) == "*" * 8


@pytest.mark.parametrize(
    ("token", "shown"), [("a.c", "*** abc"), ("", "a.c abc"), ("a.c abc", "*" * 7)]
)
def test_a_short_token_is_blanked_as_a_whole(token: str, shown: str) -> None:
    assert masked("a.c abc", token) == shown


@pytest.mark.parametrize(
    ("content", "token", "expected"),
    [
        (f'{{"a": "{TOKEN}"}}', TOKEN, True),
        (f'{{"a": "{TOKEN[:15]}"}}', TOKEN, False),
        (f'{{"a": "{TOKEN[:15]}"}}', TOKEN[:15], False),
        (r'{"a": "abcdefgh\/ijklmnop"}', "abcdefgh/ijklmnop", True),
        ("{}", "", False),
    ],
)
def test_a_whole_token_is_found_also_as_json_escapes_it(
    content: str,
    token: str,
    expected: bool,  # noqa: FBT001
) -> None:
    assert echoes(content.encode(), token) == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n b\t\tc ", "a b c"),
        ("a\x00\x1bb", "a??b"),
        ("y" * 120, "y" * 120),
        ("y" * 121, "y" * 120 + "..."),
        (f"{'y' * 110}{TOKEN}", f"{'y' * 110}{'*' * 10}..."),
    ],
)
def test_an_excerpt_is_one_short_printable_line(text: str, shown: str) -> None:
    assert excerpt(text, TOKEN) == shown
