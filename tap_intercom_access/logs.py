"""The one door of all that is logged: no secret, no traceback, nothing foreign begins a line."""

from __future__ import annotations

import base64
import copy
import logging
import re
import urllib.request
from urllib.parse import unquote

from typing_extensions import override

from tap_intercom_access.intercom.redaction import LONGEST_TEXT, SHORTEST_PIECE, masked

SHORTEST_PASSWORD = 4
"""Characters of a password of a proxy, at the least, that is blanked wherever it stands."""

USER_AND_PASSWORD = re.compile(r"(?:\w+://)?([^:@]*):(.*)@", re.DOTALL)

PASSWORD_IN_URL = re.compile(r"//[^\s@:]{0,100}:[^\s@]{0,200}@")


_secrets: set[str] = set()


def keep_secret(text: str) -> None:
    """Blank a text from now on, and all of its words, in everything that is logged."""
    for word in {text, *text.split()}:
        _secrets.update(_forms(word))


def guard() -> None:
    """Let every handler that logging has by now blank secrets, and passwords of proxies."""
    logging.raiseExceptions = False  # it prints what it cannot format, with a traceback
    _secrets.update(_passwords())
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.Logger.manager.loggerDict)]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        handler.setFormatter(SafeFormatter(handler.formatter or logging.Formatter()))


def without_secrets(text: str) -> str:
    """Blank secrets in a text, and every piece of them, and passwords in URLs."""
    return PASSWORD_IN_URL.sub("//***@", masked(text, *sorted(_secrets)))


class SafeFormatter(logging.Formatter):
    """Formats as another formatter does, then blanks secrets and escapes all but ASCII.

    Meltano 2.20 and some terminals cannot read anything else.
    """

    def __init__(self, inner: logging.Formatter) -> None:
        """Take what formats."""
        super().__init__()
        self._inner = inner

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Format a record; with a traceback, indented, only at the level DEBUG."""
        record = copy.copy(record)
        if logging.getLogger().getEffectiveLevel() > logging.DEBUG:
            record.exc_info = record.exc_text = record.stack_info = None
        message = record.getMessage()
        if len(message) > LONGEST_TEXT:
            message = f"{message[:LONGEST_TEXT]}..."
            record.msg, record.args = message, None
        text = self._inner.format(record)
        if not message.isprintable():
            text = text.replace(message, _escaped(message), 1)
        text = without_secrets(text)
        return "\n    | ".join(map(_escaped, text.split("\n")))


def _forms(secret: str) -> set[str]:
    """Give a secret as it is, and as Base64 has it, wherever in the encoded text it begins.

    One that is too short to be known again in a text is left out.
    """
    result = {secret}
    for before, first in enumerate((0, 2, 3)):
        encoded = base64.b64encode(b"." * before + secret.encode()).decode()
        # The characters at both ends also hold bits of what stands beside it.
        result.add(encoded.rstrip("=")[first:-1])
    return {form for form in result if len(form) >= SHORTEST_PIECE}


def _passwords() -> set[str]:
    """Give the passwords of proxies in the environment, also where their URL cannot be parsed."""
    found = set()
    for url in urllib.request.getproxies().values():
        if match := USER_AND_PASSWORD.match(url):
            user, password = match.groups()
            for plain in {password, unquote(password)}:
                found |= {plain, *_forms(f"{unquote(user)}:{plain}")}
    return {password for password in found if len(password) >= SHORTEST_PASSWORD}


def _escaped(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char.isascii() and char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )
