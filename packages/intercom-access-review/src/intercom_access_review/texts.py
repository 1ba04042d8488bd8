"""Compare, show, and escape strings that people typed."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

# Invisible characters: most format characters, and some blank letters and marks.
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
BLANK = "\u2800\u3164\uffa0"  # as wide as a letter
# Invisible characters that some scripts and emoji need.
JOINERS = "\u180b-\u180d\u180f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef"
CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
NONCHARACTERS = "\ufdd0-\ufdef\ufffe\uffff"
# Characters that start a formula, and their full-width, small, raised, and lowered forms, which
# become such a character when a program normalizes strings (NFKC).
SIGNS = (
    "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212"
    "\u207a\u207b\u207c\u208a\u208b\u208c\u2a75\u2a76\ufb29"
)
BEFORE_SIGN = rf'\s"{CONTROLS}{INVISIBLE}'
# With semicolons as delimiters, a cell starts after each of them.
FORMULA = re.compile(rf"(^|;)(?=[{BEFORE_SIGN}]*[{SIGNS}])")
ESCAPED_FORMULA = re.compile(rf"(^|;)[{BEFORE_SIGN}']*(?=[{SIGNS}])")
HIDDEN = re.compile(rf"(?![{JOINERS}\t\n\r])[{CONTROLS}{INVISIBLE}{NONCHARACTERS}]")
BOT_ADDRESS = re.compile(r"operator\+[a-z0-9_-]+@intercom\.io", re.ASCII | re.IGNORECASE)


def single_line(text: str | None) -> str:
    """Return a string with single spaces in place of line breaks, controls, and other spaces."""
    return " ".join(re.sub(f"[{CONTROLS}]", " ", text or "").split())


def bullets(title: str, lines: list[str], most: int = 20) -> str:
    """Return a title and a bulleted list. A long list is cut off."""
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return "\n- ".join([title, *lines[:most], *more])


def comparison_key(text: str | None) -> str:
    """Return a key that is equal for strings that look the same, in any case."""
    spaced = re.sub(f"[{BLANK}]", " ", single_line(text))
    visible = re.sub(f"[{INVISIBLE}]", "", spaced)
    folded = unicodedata.normalize("NFC", visible).casefold()
    return " ".join(unicodedata.normalize("NFC", folded).split())


def visible_name(text: str | None) -> str:
    """Return a name as a single line, or an empty string if all its characters are invisible."""
    return single_line(text) if comparison_key(text) else ""


def distinct_names(names: dict[str, str]) -> dict[str, str]:
    """Return names by ID, with the ID appended to names that look the same."""
    count = Counter(map(comparison_key, names.values()))
    return {
        id_: f"{name} ({id_})" if name != id_ and count[comparison_key(name)] > 1 else name
        for id_, name in names.items()
    }


def is_bot_address(email: str | None) -> bool:
    """Return whether an address is that of Intercom's own bot (Fin, formerly Operator)."""
    return BOT_ADDRESS.fullmatch(single_line(email)) is not None


def escape_formulas(text: str) -> str:
    """Add an apostrophe before each string that a spreadsheet program would run as a formula."""
    return FORMULA.sub(r"\1'", text)


def unescape_formulas(text: str) -> str:
    """Remove the apostrophes that `escape_formulas` may have added."""
    return ESCAPED_FORMULA.sub(lambda match: match.group().replace("'", ""), text)


def reveal_hidden(text: str) -> str:
    """Replace characters that could hide something, such as a right-to-left override, by a code."""
    return HIDDEN.sub(lambda match: f"⟨U+{ord(match.group()):04X}⟩", text)
