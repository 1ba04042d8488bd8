"""Texts that people typed, in forms that the files can hold."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from files import Row

BREAKS = {"Cc", "Cs", "Zl", "Zp"}  # control characters, halves of characters, line separators
NOT_IN_FILE_NAMES = re.compile(r'[\\/:*?"<>|\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]')
FILE_NAME_BYTES = 100
UNSEEN_LETTER = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0]")

# What a spreadsheet program takes for the beginning of a formula, and what looks or becomes like it
# where a program normalises texts (NFKC): full-width, small, raised and lowered forms.
SIGNS = (
    "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212"
    "\u207a\u207b\u207c\u208a\u208b\u208c\u2a75\u2a76\ufb29"
)
# What may stand before it unseen: blanks, quotes, and characters without a width.
UNSEEN = (
    r'\s"\x00-\x1f\x7f-\x9f'
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"
)
# Where columns are divided by semicolons, a cell begins after each of them.
FORMULA = re.compile(rf"(^|;)(?=[{UNSEEN}]*[{SIGNS}])")


def clean(text: str | None) -> str:
    """Give a text without line breaks, control characters and blanks around it."""
    kept = (" " if unicodedata.category(char) in BREAKS else char for char in text or "")
    return " ".join("".join(kept).split())


def looks(text: str | None) -> str:
    """Give a name as people compare it: without regard to case, and without what nobody sees."""
    seen = "".join(
        char
        for char in clean(text)
        if unicodedata.category(char) != "Cf" and not UNSEEN_LETTER.match(char)
    )
    return " ".join(seen.split()).casefold()


def name_of(text: str | None) -> str:
    """Give a name, or nothing where nobody would see anything of it."""
    return clean(text) if looks(text) else ""


def told_apart(names: dict[str, str]) -> dict[str, str]:
    """Give names by id; those that look the same have their ids added."""
    count = Counter(map(looks, names.values()))
    return {
        id_: f"{name} ({id_})" if name != id_ and count[looks(name)] > 1 else name
        for id_, name in names.items()
    }


def file_name(text: str | None) -> str:
    """Give as much of a text as the name of a file can hold on every system."""
    safe = NOT_IN_FILE_NAMES.sub("_", clean(text)).strip(" .")
    cut = safe.encode()[:FILE_NAME_BYTES].decode(errors="ignore")  # systems count bytes
    return cut.rstrip(" .\N{ZERO WIDTH JOINER}")


def defuse(text: str) -> str:
    """Keep a spreadsheet program from taking a text, or what follows a semicolon, for a formula."""
    return FORMULA.sub(r"\1'", text)


def csv_text(table: list[Row]) -> str:
    """Give a table as CSV in which no spreadsheet program sees a formula."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(table[0]))
    writer.writeheader()
    writer.writerows({name: defuse(value) for name, value in row.items()} for row in table)
    return text.getvalue()
