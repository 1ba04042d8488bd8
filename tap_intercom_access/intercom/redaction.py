"""The access token never leaves: found where Intercom echoes it, blanked where others read."""

from __future__ import annotations

import re

SHORTEST_ECHO = 16
"""Characters of a token, at the least, before finding it whole in a response is no accident."""

SHORTEST_PIECE = 8
"""Characters of the shortest piece of the token that is blanked in a text."""

EXCERPT_LENGTH = 120
"""Characters of a foreign text that a message shows, at the most."""


def echoes(content: bytes, token: str) -> bool:
    """Tell whether a response's body holds the token, also as JSON escapes it."""
    forms = (token, token.replace("/", r"\/")) if len(token) >= SHORTEST_ECHO else ()
    return any(form.encode() in content for form in forms)


def masked(text: str, token: str) -> str:
    """Blank the token, and every piece of it of eight characters or more, in a text."""
    length = min(SHORTEST_PIECE, len(token))
    starts = range(len(token) - length + 1) if token else ()
    pieces = "|".join({re.escape(token[start : start + length]) for start in starts})
    if not pieces:
        return text
    chars = list(text)
    for match in re.finditer(f"(?=({pieces}))", text):
        chars[match.start(1) : match.end(1)] = "*" * length
    return "".join(chars)


def excerpt(text: str, token: str) -> str:
    """Shorten foreign text to one printable line that holds no part of the token."""
    line = " ".join(masked(text, token).split())
    line = "".join(char if char.isprintable() else "?" for char in line)
    return line if len(line) <= EXCERPT_LENGTH else f"{line[:EXCERPT_LENGTH]}..."
