"""Waits for Intercom's rate limit. All threads share it.

Intercom counts requests in periods. The headers of a response contain the limit for a period, the
number of requests left, and the time when the next period begins.

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
"""Length of a period in seconds. The tap waits as long after a 429 without a time."""

MAX_WAIT = 300.0
"""Seconds that one request may wait for the limit in total, before the sync fails."""


class RateLimit:
    """The requests left in the current period, and the start of the next one. It is thread-safe."""

    def __init__(self) -> None:
        """Start without a limit. The first responses set it."""
        self._changed = threading.Condition()
        self._size = self._left = math.inf  # requests in a period, and those left in this one
        self._reset = ""  # X-RateLimit-Reset of the period, empty if unknown
        self._resume_at = self._paused_until = 0.0  # by this machine's monotonic clock
        self._logged = False

    def take(self) -> None:
        """Wait until a request is allowed, and count it."""
        with self._changed:
            while 0 < (ahead := self._wait()) <= MAX_WAIT:
                if not self._logged:
                    logger.info("Rate limit reached; waiting %.1f seconds", ahead)
                self._logged = True
                self._changed.wait(ahead)
            self._logged = False
            if self._left < 1:
                self._left, self._reset = self._size, ""
            self._left -= 1

    def _wait(self) -> float:
        until = self._paused_until if self._left >= 1 else max(self._paused_until, self._resume_at)
        return until - time.monotonic()

    def learn(self, headers: Mapping[str, str], now: float) -> None:
        """Update the period from the headers of a response.

        Args:
            headers: The headers of the response.
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
                # Our count includes requests in flight. Intercom's count includes other apps.
                self._left = min(self._left, left)
                self._resume_at = min(self._resume_at, resume_at)  # `now` has no fraction
            else:
                self._left = left if self._reset else min(self._left, left)
                self._reset, self._resume_at = name, resume_at
            self._size = max(size or math.inf, left)
            self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        """Delay all requests by a number of seconds."""
        with self._changed:
            self._paused_until = max(self._paused_until, time.monotonic() + seconds)
            self._changed.notify_all()


def requested_wait(headers: Mapping[str, str], now: float) -> float:
    """Return the seconds to wait after a 429: the longest time in its headers, at least one."""
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
