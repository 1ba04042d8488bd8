"""Waiting for Intercom's rate limit, which all threads share.

Intercom counts requests in periods. Its responses say how many a period has, how many are left, and
when the next one begins.

Source: https://developers.intercom.com/docs/references/rest-api/errors/rate-limiting
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Mapping

from tap_intercom_access.intercom.clock import date_of

logger = logging.getLogger("tap-intercom-access")

PERIOD = 10.0
"""Seconds that Intercom counts requests in: the wait when a 429 does not say how long."""

MAX_WAIT = 300.0
"""Seconds that one request waits for the limit, over all its 429s, before the sync fails."""


class RateLimit:
    """What is left of the current period, and when the next one begins; safe between threads."""

    def __init__(self) -> None:
        """Start with nothing known: the first requests go out, and their responses tell."""
        self._changed = threading.Condition()
        self._size = self._left = math.inf  # requests of a period, and what is left of this one
        self._reset = ""  # the period's X-RateLimit-Reset; empty until a response has it
        self._resume_at = self._paused_until = 0.0  # by this machine's monotonic clock
        self._announced = False

    def take(self) -> None:
        """Wait until the period has a request left, and take it."""
        with self._changed:
            while 0 < (ahead := self._wait()) <= MAX_WAIT:
                if not self._announced:
                    logger.info("Rate limit used up: waiting %.1f seconds for its reset", ahead)
                self._announced = True
                self._changed.wait(ahead)
            self._announced = False
            if self._left < 1:
                self._left, self._reset = self._size, ""
            self._left -= 1

    def _wait(self) -> float:
        until = self._paused_until if self._left >= 1 else max(self._paused_until, self._resume_at)
        return until - time.monotonic()

    def learn(self, headers: Mapping[str, str], now: float) -> None:
        """Take what a response says of the period.

        Args:
            headers: Of the response.
            now: Unix seconds by Intercom's clock.
        """
        left, size, reset = (
            _number(headers.get(f"X-RateLimit-{name}")) for name in ("Remaining", "Limit", "Reset")
        )
        if left is None or reset is None:
            return
        name, resume_at = headers["X-RateLimit-Reset"], time.monotonic() + reset - now
        with self._changed:
            if name == self._reset:
                # Requests that left since are in our count; those of other apps in Intercom's.
                self._left = min(self._left, left)
                self._resume_at = min(self._resume_at, resume_at)  # `now` is in whole seconds
            else:
                self._left = left if self._reset else min(self._left, left)
                self._reset, self._resume_at = name, resume_at
            self._size = max(size or math.inf, left)
            self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        """Hold back all requests for so long."""
        with self._changed:
            self._paused_until = max(self._paused_until, time.monotonic() + seconds)
            self._changed.notify_all()


def requested_wait(headers: Mapping[str, str], now: float) -> float:
    """Give the seconds to wait after a 429: the longest that its headers name, at least one."""
    waits = []
    if reset := _number(headers.get("X-RateLimit-Reset")):
        waits.append(reset - now)
    retry_after = headers.get("Retry-After")
    if (seconds := _number(retry_after)) is not None:
        waits.append(seconds)
    elif (until := date_of(retry_after)) is not None:
        waits.append(until - now)
    return max(1.0, *waits) if waits else PERIOD


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
