"""Masks secrets in text that people or other programs read."""

from __future__ import annotations

import base64
import html
import re
from functools import cache

SHORTEST_SECRET = 8
"""Characters of the shortest secret. Shorter strings may be parts of ordinary words."""

SHORTEST_ECHO = 16
"""Characters of the shortest token whose presence in a response can't be a coincidence."""

EXCERPT_LENGTH = 120
"""Characters of text from a response in a message, at most."""

LONGEST_TEXT = 16 * 1024
"""Characters of text from a response that are searched for secrets. The rest is dropped."""

LONGEST_SECRET = 1024
"""Characters before that cut that are also dropped, because they may be part of a secret."""

_secrets: set[str] = set()


def keep_secret(text: str) -> None:
    """Mask a string, and each of its words, from now on."""
    _secrets.update(word for word in {text, *text.split()} if len(word) >= SHORTEST_SECRET)


def masked(text: str) -> str:
    """Return a text with each secret masked, also as URLs, JSON, HTML, and Base64 encode it."""
    for secret in sorted(_secrets, key=len, reverse=True):  # a secret may contain another one
        for pattern in _patterns(secret):
            text = re.sub(pattern, "***", text)
    return text


def echoes(content: bytes | bytearray, token: str) -> bool:
    """Return whether a response's body contains the token, also if it is encoded."""
    if len(token) < SHORTEST_ECHO:
        return False
    if token.encode() in content or _base64(token).encode() in content:
        return True
    has_escapes = any(sign in content for sign in (b"\\", b"%", b"&"))  # regex searches are slow
    return has_escapes and any(re.search(one.encode(), content) for one in _patterns(token))


def beginning(text: str) -> str:
    """Return the beginning of a text from a response, with each secret masked."""
    if len(text) <= LONGEST_TEXT:
        return masked(text)
    return masked(text[:LONGEST_TEXT])[:-LONGEST_SECRET]


def excerpt(text: str, length: int = EXCERPT_LENGTH) -> str:
    """Return text from a response as one short, printable line without secrets."""
    line = " ".join(beginning(text).split())
    line = "".join(char if char.isprintable() else "?" for char in line)
    return line if len(line) <= length else f"{line[:length]}..."


@cache
def _patterns(secret: str) -> list[str]:
    """Return regular expressions for the encodings of a secret.

    Encoders escape either a few special characters or every character.
    """
    special = "".join(
        char if char.isalnum() else f"(?:{'|'.join([re.escape(char), *_escapes(char)])})"
        for char in secret
    )
    every = ["".join(escapes) for escapes in zip(*map(_escapes, secret), strict=True)]
    return [special, *every, re.escape(_base64(secret))]


def _base64(secret: str) -> str:
    return base64.b64encode(secret.encode()).decode().rstrip("=")


def _escapes(char: str) -> tuple[str, str, str]:
    """Return regular expressions for a character in JSON, URLs, and HTML, also escaped twice."""
    code = f"{ord(char):02x}"
    digits = "".join(f"[{digit}{digit.upper()}]" for digit in code)
    named = f"|{html.escape(char)}" if char in "<>&'\"" else ""
    return (
        rf"\\+(?:u00{digits}|{re.escape(char)})",
        rf"%(?:25)*{digits}",
        rf"(?:&\#0*{ord(char)};|&\#[xX]0*{digits};{named})",
    )
