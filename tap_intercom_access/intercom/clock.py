"""What time it is at Intercom, whatever the clock of this machine says."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime

LATEST = 253_370_764_800
"""Unix seconds at which the year 9999 begins: what a clock adds to them still is a date."""


class Clock:
    """Intercom's clock, as the `Date` of its responses tells it; this machine's until one does."""

    def __init__(self) -> None:
        """Start with no response."""
        self._ahead: float | None = None  # Intercom's Unix time less this machine's monotonic one

    @property
    def is_set(self) -> bool:
        """Whether a response had a readable `Date`."""
        return self._ahead is not None

    def observe(self, headers: Mapping[str, str]) -> None:
        """Take the time from the headers of a response that has just come."""
        if (date := date_of(headers.get("Date"))) is not None:
            self._ahead = date - time.monotonic()

    def now(self) -> float:
        """Give Unix seconds, less the way that the response took and a broken second."""
        return time.time() if self._ahead is None else time.monotonic() + self._ahead


def date_of(header: str | None) -> float | None:
    """Read a date as HTTP headers write it, in Unix seconds; None where it is none."""
    try:
        date = parsedate_to_datetime(header or "")
        seconds = (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()
    except (OverflowError, ValueError):  # the former for an offset from UTC of many digits
        return None
    return seconds if 0 <= seconds < LATEST else None
