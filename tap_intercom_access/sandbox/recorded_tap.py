"""Run the tap with the times of a recorded sync: `python -m ... TIMES.json ARGUMENTS`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from typing_extensions import override

from tap_intercom_access.cli import main
from tap_intercom_access.clock import RunClock
from tap_intercom_access.intercom.clock import Clock
from tap_intercom_access.tap import TapIntercomAccess

RECORDED = json.loads(Path(sys.argv.pop(1)).read_text(encoding="utf-8"))


class RecordedClock(RunClock):
    """Returns the times of a recorded sync."""

    def __init__(self, clock: Clock) -> None:
        """Use the start time of the recorded sync."""
        super().__init__(clock)
        self.began_at = RECORDED["began_at"]

    @override
    def times(self, stream: str) -> tuple[int, int]:
        recorded = RECORDED["times"].get(stream)
        at_intercom, here = recorded.pop(0) if recorded else super().times(stream)
        return at_intercom, here


TapIntercomAccess.clock_class = RecordedClock
main()
