"""Intercom's time, independent of this machine's clock."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime

LATEST = 253_370_764_800
"""The start of the year 9999 in Unix seconds. Later times could exceed the last valid date."""


class Clock:
    """Intercom's clock, set by the header `Date`. Without one, this machine's clock."""

    def __init__(self) -> None:
        """Start with this machine's clock."""
        self.difference = 0.0
        """The largest difference between a `Date` and this machine's clock, in seconds."""
        self._ahead: float | None = None  # Intercom's Unix time minus this machine's monotonic time

    @property
    def is_set(self) -> bool:
        """Whether a response had a valid `Date`."""
        return self._ahead is not None

    def observe(self, headers: Mapping[str, str]) -> None:
        """Set the clock from the headers of a response that just arrived."""
        if (date := date_of(headers.get("Date"))) is not None:
            self._ahead = date - time.monotonic()
            self.difference = max(self.difference, date - time.time(), key=abs)

    def now(self) -> float:
        """Return Unix seconds. They may lag by one second plus the latency of a response."""
        return time.time() if self._ahead is None else time.monotonic() + self._ahead


def date_of(header: str | None) -> float | None:
    """Return the date in an HTTP header as Unix seconds, None if it is not a date."""
    try:
        date = parsedate_to_datetime(header or "")
        seconds = (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()
    except (OverflowError, ValueError):  # OverflowError: an offset from UTC with many digits
        return None
    return seconds if 0 <= seconds < LATEST else None
