"""A signal ends the tap with one sentence on stderr and exit code 1.

It imports as little as can be: until its handlers are there, Ctrl-C ends in a traceback.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn


NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


def handle_signals() -> None:
    """End at a signal from now on, unless whoever started the tap ignores it, as nohup does."""
    for name in NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)


def ignore_signals() -> None:
    """Let a run that is complete come to its end, where `handle_signals` would end it."""
    for name in NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is _end:
            signal.signal(number, signal.SIG_IGN)


def _end(_signum: int, _frame: FrameType | None) -> NoReturn:
    # Nothing is flushed: a target that no longer reads would block the exit for ever.
    try:
        os.write(2, b"Stopped by a signal before the end: incomplete sync.\n")
    finally:
        os._exit(1)
