"""Objects that the streams of one run share."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from tap_intercom_access.clock import RunClock
from tap_intercom_access.evidence import Evidence
from tap_intercom_access.intercom import Intercom
from tap_intercom_access.intercom.errors import counted
from tap_intercom_access.output import flush_stdout
from tap_intercom_access.streams.identity import Identity

logger = logging.getLogger("tap-intercom-access")


@dataclass
class Run:
    """One run of the tap."""

    intercom: Intercom
    evidence: Evidence
    clock: RunClock
    identity: Identity = field(init=False)
    """The workspace that the token belongs to. The stream `workspaces` sets it."""
    requests: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    """Number of rows by stream, for the streams that were read completely."""
    is_used: bool = False
    """Whether a stream was read, or a sync has begun."""

    def finish(self) -> None:
        """Log the result and complete the evidence.

        Raises:
            TapError: if the evidence can't be completed.
        """
        flush_stdout()
        self.evidence.complete(self.clock.readings)
        counts = ", ".join(f"{stream} {rows}" for stream, rows in self.rows.items())
        requests = counted(self.requests, "request")
        logger.info("Sync complete: %s; %s", counts or "no streams", requests)
