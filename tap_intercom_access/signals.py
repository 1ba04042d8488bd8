"""Signal handlers that end the tap with one message on stderr and exit code 1.

This module imports little: until its handlers are installed, Ctrl-C prints a traceback.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_is_ending = threading.Lock()
_is_complete = threading.Event()

SIGNALS = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]


def handle_signals() -> None:
    """Install the handlers, except for signals that are ignored already, as with nohup."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    # Python calls handlers only between two instructions, and a DNS lookup is one that takes long.
    with contextlib.suppress(RuntimeError):  # if no thread can be started, only the handlers work
        threading.Thread(target=_end_at_signal, args=(reader,), daemon=True).start()
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)


@contextlib.contextmanager
def completing() -> Iterator[None]:
    """Ignore signals until the block ends. After it, a signal ends the tap with exit code 0."""
    with _is_ending:
        yield
        _is_complete.set()


def _end_at_signal(reader: int) -> None:
    os.read(reader, 1)
    _end()


def _end(_signum: int = 0, _frame: FrameType | None = None) -> None:
    if not _is_ending.acquire(blocking=False):
        return  # the other thread is ending the tap
    if _is_complete.is_set():
        os._exit(0)
    # Don't flush stdout: a target that no longer reads would block the exit forever.
    try:
        if select.select([], [2], [], 0)[1]:  # a full pipe would block, too
            os.write(2, b"Stopped by a signal before the end: this sync is incomplete.\n")
    finally:
        os._exit(1)
