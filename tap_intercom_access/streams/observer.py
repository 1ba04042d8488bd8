"""Observes the requests of a stream: writes evidence, counts, and logs."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

import msgspec
from typing_extensions import override

from tap_intercom_access.intercom import Observer
from tap_intercom_access.intercom.client import Exchange
from tap_intercom_access.intercom.decoding import unknown_keys
from tap_intercom_access.intercom.endpoints import Request
from tap_intercom_access.intercom.errors import counted
from tap_intercom_access.intercom.redaction import excerpt
from tap_intercom_access.output import flush_stdout
from tap_intercom_access.streams.run import Run

logger = logging.getLogger("tap-intercom-access")


class StreamObserver(Observer):
    """Observes the requests of one stream. Windows are read in several threads."""

    def __init__(self, stream: str, shape: type[msgspec.Struct], run: Run) -> None:
        self.stream = stream
        self._shape = shape
        self._run = run
        self._lock = threading.Lock()
        self._is_first = True
        self._replaced: dict[tuple[str, str], None] = {}

    @override
    def before_request(self, request: Request[Any]) -> None:
        if threading.current_thread() is threading.main_thread():
            flush_stdout()  # the target can process these records meanwhile

    @override
    def after_exchange(self, exchange: Exchange) -> None:
        with self._lock:
            self._replaced |= dict.fromkeys(exchange.decoded.replaced if exchange.decoded else ())
            is_first, self._is_first = self._is_first, False
            self._run.requests += exchange.response is not None
        if exchange.response and is_first and logger.isEnabledFor(logging.DEBUG):
            self._log_unknown_keys(exchange.response.content, exchange.request.endpoint.key)
        clock = self._run.intercom.clock
        self._run.evidence.record(self.stream, exchange, clock.now() if clock.is_set else None)

    def log_replaced(self) -> None:
        """Warn about the strings in which characters were replaced."""
        if self._replaced:
            row_id, field = min(self._replaced)
            logger.warning(
                "%s: Replaced NUL characters or unpaired surrogates, which databases refuse, with "
                "U+FFFD in %s, such as %s",
                self.stream,
                counted(len(self._replaced), "string"),
                excerpt(f"{field} of row {row_id}"),
            )

    def _log_unknown_keys(self, content: bytes | bytearray, key: str) -> None:
        """Log the keys of the first row that the tap doesn't export."""
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            return  # the client raises an error
        rows = body.get(key) if isinstance(body, dict) else body
        row = rows[0] if isinstance(rows, list) and rows else None
        if unknown := sorted(unknown_keys(row, self._shape)):
            names = ", ".join(map(excerpt, unknown))
            logger.debug("%s: Intercom sends fields that aren't exported: %s", self.stream, names)
