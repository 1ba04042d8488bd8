"""The access token never leaves: detected where Intercom echoes it, blanked where others read."""

from __future__ import annotations

import functools
import html
import re

SHORTEST_ECHO = 16
"""Characters of a token, at the least, before finding it whole in a response is no accident."""

SHORTEST_PIECE = 8
"""Characters of the shortest piece of the token that is blanked in a text."""

EXCERPT_LENGTH = 120
"""Characters of a foreign text that a message shows, at the most."""

LONGEST_TEXT = 16 * 1024
"""Characters of a foreign text that are looked at, at the most: searching takes its time."""

LONGEST_ESCAPE = 12
"""Characters that stand for one, at the most, where a text is cut before it is searched."""

ESCAPE = r"""
    %(?:25)*(?P<percent>[0-9a-f]{2})      # in URLs, also twice
    | \\{1,16}(?:u00|x)(?P<hex>[0-9a-f]{2})    # in JSON, and where Python shows bytes
    | \\{1,16}(?P<char>["'/\\])
    | &(?P<entity>\#?\w{1,8});            # in HTML
"""
FLAGS = re.IGNORECASE | re.VERBOSE | re.DOTALL
ESCAPED = re.compile(ESCAPE, FLAGS)
CHARACTER = re.compile(f"{ESCAPE} | .", FLAGS)

ESCAPED_BYTES = (
    (b"\\u00", re.compile(rb"\\u00([2-7][0-9a-fA-F])"), 16),
    (b"%", re.compile(rb"%(?:25)*([2-7][0-9a-fA-F])"), 16),
    (b"&#x", re.compile(rb"&#x0*([2-7][0-9a-fA-F]);"), 16),
    (b"&#", re.compile(rb"&#0*([3-9][0-9]|1[0-2][0-9]);"), 10),
)
"""Escapes of printable ASCII: what they begin with (`in` is faster), pattern, base of the code."""


def echoes(content: bytes | bytearray, token: str) -> bool:
    """Tell whether a response's body holds the token, however JSON, URLs or HTML escape it."""
    if len(token) < SHORTEST_ECHO:
        return False
    wanted = token.encode()
    if wanted in content:
        return True
    escapes = any(sign in content for sign in (b"\\", b"%", b"&"))
    return escapes and wanted in _unescaped(content)


def _unescaped(content: bytes | bytearray) -> bytes | bytearray:
    """Give a body as it reads without escapes."""
    while b"\\\\" in content:
        content = content.replace(b"\\\\", b"\\")
    for escaped, char in ((b"\\/", b"/"), (b'\\"', b'"')):
        if escaped in content:
            content = content.replace(escaped, char)
    for beginning, pattern, base in ESCAPED_BYTES:
        if beginning in content:
            content = pattern.sub(lambda match, base=base: bytes([int(match[1], base)]), content)
    return content


def masked(text: str, *secrets: str) -> str:
    """Blank secrets, and every piece of them of eight characters or more, however escaped."""
    pieces = _pieces(secrets)
    plain = _letters(ESCAPED.sub(_character, text))
    if not any(piece in plain for piece in pieces):
        return text
    units = [(match.group(), _character(match)) for match in CHARACTER.finditer(text)]
    places = [place for place, (_, char) in enumerate(units) if _letters(char)]
    plain = "".join(units[place][1] for place in places)
    for piece in pieces:
        for match in re.finditer(f"(?={re.escape(piece)})", plain):
            last = match.start() + len(piece) - 1
            for place in range(places[match.start()], places[last] + 1):
                units[place] = ("*", "*")
    return "".join(raw for raw, _ in units)


@functools.cache
def _pieces(secrets: tuple[str, ...]) -> set[str]:
    return {
        letters[start : start + SHORTEST_PIECE]
        for letters in map(_letters, secrets)
        for start in range(max(1, len(letters) - SHORTEST_PIECE + 1))
        if letters
    }


def _letters(text: str) -> str:
    """Leave out what may stand between characters: zeros of UTF-16, breaks of long lines."""
    text = "".join(text.split())
    return text if text.isprintable() else "".join(filter(str.isprintable, text))


def _character(match: re.Match[str]) -> str:
    """Give the character that an escape stands for, any other as it is."""
    groups = match.groupdict()
    if code := groups["percent"] or groups["hex"]:
        return chr(int(code, 16))
    if groups["entity"]:
        char = html.unescape(match.group())
        return char if len(char) == 1 else "\0"
    return groups["char"] or match.group()


def excerpt(text: str, token: str, length: int = EXCERPT_LENGTH) -> str:
    """Shorten foreign text to one printable line that holds no part of the token."""
    line = " ".join(text[:LONGEST_TEXT].split())
    line = masked(line[: length + len(token) * LONGEST_ESCAPE + 1], token)
    line = "".join(char if char.isprintable() else "?" for char in line)
    return line if len(line) <= length else f"{line[:length]}..."
