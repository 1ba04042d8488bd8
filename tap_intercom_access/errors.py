"""What ends a run, as the sentence that the user reads.

The exceptions::

Exception
└── TapError               expected; the text is the whole sentence
├── InputError         configuration, catalog or state cannot be used
├── StreamError        a list was not read to its end (for what happens at Intercom see
│                      `intercom/errors.py`)
├── EvidenceError      the evidence cannot be kept, or a replay went another way
├── StdoutError        stdout is closed, or its disk is full
└── TargetGoneError    nobody reads stdout any more
"""

from __future__ import annotations

from singer_sdk.exceptions import SingerSDKError


class TapError(Exception):
    """A failure that is nobody's bug; its text says what was wrong, where, and what to do next."""


class InputError(TapError):
    """Configuration, catalog or state cannot be used; the text lists every fault."""


class StreamError(TapError):
    """A stream was not read to its end; the text begins with its name."""


class EvidenceError(TapError):
    """The evidence of a run cannot be kept, or its replay is not what was recorded."""


class TargetGoneError(TapError):
    """The target closed the pipe before everything was written."""

    def __init__(self) -> None:
        """Say so, and where to look for the reason."""
        super().__init__(
            "The target closed the pipe before the end: this sync is incomplete. See the target's "
            "own messages for the reason."
        )


class StdoutError(TapError):
    """Stdout takes nothing, or nothing more."""

    def __init__(self, reason: str | None) -> None:
        """Take the reason, as the operating system gives it."""
        super().__init__(
            f"stdout cannot be written ({reason}): what was written so far is incomplete. Give it "
            "a target, or a file with enough space."
        )


def in_words(error: Exception) -> str:
    """Turn any failure into one sentence."""
    if isinstance(error, (TapError, SingerSDKError)):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'The operating system'}: {error.strerror or error}."
    if isinstance(error, MemoryError):
        return "This machine has not enough memory. Give it more, or run less beside it."
    if isinstance(error, RecursionError):
        return "A value of the input is nested too deeply to be read: look for it and take it out."
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return (
            "The operating system gives no further thread. Raise the limit of processes (ulimit "
            "-u, or the container's), or run less beside it."
        )
    return (
        f"Unexpected {type(error).__name__}: {error}. This is a fault of the tap: please report it "
        "with what TAP_INTERCOM_ACCESS_LOGLEVEL=DEBUG prints."
    )
