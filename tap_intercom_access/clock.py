"""The clocks of a run. Their times decide what it reads, and what it writes into the state."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from tap_intercom_access.intercom.clock import Clock

MAX_DIFFERENCE = 300
"""Seconds by which both clocks may differ without a warning."""

logger = logging.getLogger("tap-intercom-access")


class RunClock:
    """Intercom's clock and this machine's. A replay uses recorded times instead."""

    def __init__(self, intercom: Clock) -> None:
        """Start the run now."""
        self._intercom = intercom
        self._has_warned = False
        self.began_at = time.time()
        """Unix seconds when the run began."""
        self.readings: dict[str, list[tuple[int, int]]] = {}
        """The results of `times`, by stream."""

    def times(self, stream: str) -> tuple[int, int]:
        """Return Unix seconds by Intercom's clock and by this machine's."""
        at_intercom, here = int(self._intercom.now()), int(time.time())
        self.readings.setdefault(stream, []).append((at_intercom, here))
        difference = int(self._intercom.difference)
        if abs(difference) > MAX_DIFFERENCE and not self._has_warned:
            self._has_warned = True
            logger.warning(
                "Intercom's clock is %s %s this machine's. Using Intercom's time. Check this "
                "machine's clock, and whether a proxy returns old responses",
                timedelta(seconds=abs(difference)),
                "ahead of" if difference > 0 else "behind",
            )
        return at_intercom, here
