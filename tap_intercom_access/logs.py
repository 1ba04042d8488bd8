"""Log formatting: masks secrets, and writes one line per record."""

from __future__ import annotations

import copy
import logging
import re
import urllib.request
from urllib.parse import unquote

from typing_extensions import override

from tap_intercom_access.intercom.redaction import LONGEST_TEXT, keep_secret, masked

USER_AND_PASSWORD = re.compile(r"(?:\w+://)?([^:@]*):(.*)@", re.DOTALL)

PASSWORD_IN_URL = re.compile(r"//[^\s@:]{0,100}:[^\s@]{0,200}@")


def mask_secrets_in_logs() -> None:
    """Mask the access token and proxy passwords in all existing log handlers."""
    logging.raiseExceptions = False  # otherwise, logging prints unformatted records and tracebacks
    for url in urllib.request.getproxies().values():
        if match := USER_AND_PASSWORD.match(url):
            pair, password = ":".join(match.groups()), match[2]
            # Libraries quote parts of a password that look like a path or a query.
            parts = [pair, unquote(pair), password, unquote(password), *re.split(r"[/?#\\]", pair)]
            for secret in parts:
                keep_secret(secret)
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.Logger.manager.loggerDict)]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        handler.setFormatter(SafeFormatter(handler.formatter or logging.Formatter()))


class SafeFormatter(logging.Formatter):
    """Formats like another formatter, then masks secrets and escapes all characters except ASCII.

    Meltano 2.20 and some terminals can't read other characters.
    """

    def __init__(self, inner: logging.Formatter) -> None:
        """Store the other formatter."""
        super().__init__()
        self._inner = inner

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Format a record. Only at the level DEBUG, add the traceback, indented."""
        record = copy.copy(record)
        if logging.getLogger().getEffectiveLevel() > logging.DEBUG:
            record.exc_info = record.exc_text = record.stack_info = None
        message = masked(record.getMessage())
        if len(message) > LONGEST_TEXT:
            message = f"{message[:LONGEST_TEXT]}..."
        record.msg, record.args = message if message.isprintable() else _escaped(message), None
        text = PASSWORD_IN_URL.sub("//***@", masked(self._inner.format(record)))
        return "\n    | ".join(map(_escaped, text.split("\n")))


def _escaped(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char.isascii() and char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )
