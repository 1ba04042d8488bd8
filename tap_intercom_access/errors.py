"""What ends a run, as the sentence that the user reads.

The exceptions::

Exception
└── TapError               expected; the text is the whole sentence
├── InputError         configuration, catalog or state cannot be used
├── StreamError        a list was not read to its end (for what happens at Intercom see
│                      `intercom/errors.py`)
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


class TargetGoneError(TapError):
    """The target closed the pipe before everything was written."""

    def __init__(self) -> None:
        """Say so, and where to look for the reason."""
        super().__init__(
            "The target closed the pipe before the end: this sync is incomplete. See the target's "
            "own messages for the reason."
        )


def in_words(error: Exception) -> str:
    """Turn any failure into one sentence."""
    if isinstance(error, (TapError, SingerSDKError)):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'The operating system'}: {error.strerror or error}."
    return (
        f"Unexpected {type(error).__name__}: {error}. This is a fault of the tap: please report it "
        "with what TAP_INTERCOM_ACCESS_LOGLEVEL=DEBUG prints."
    )
