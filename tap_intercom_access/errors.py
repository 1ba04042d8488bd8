"""Failures that end a run, and the messages that users read.

The exceptions::

    Exception
    ├── IntercomError          Intercom's response can't be used (see `intercom/errors.py`)
    └── TapError               expected: the message contains what failed, where, and what to do
        ├── InputError         configuration, catalog, or state can't be used
        └── StreamError        a list wasn't read completely
"""

from __future__ import annotations

from singer_sdk.exceptions import SingerSDKError

from tap_intercom_access.intercom import IntercomError


class TapError(Exception):
    """A failure that isn't a bug in the tap."""


class InputError(TapError):
    """Configuration, catalog, or state can't be used. The message lists every problem."""


class StreamError(TapError):
    """A stream wasn't read completely. The message begins with its name."""


def stdout_error(error: OSError) -> TapError:
    """Return the error for a failure to write to stdout."""
    if isinstance(error, BrokenPipeError):
        return TapError(
            "The target closed the pipe before the end of the sync, so this sync is incomplete. "
            "See the target's own messages for the reason."
        )
    return TapError(
        f"Can't write to stdout ({error.strerror}), so the output is incomplete. Pipe it to a "
        "target, or to a file on a disk with enough space."
    )


def describe(error: Exception) -> str:
    """Return the message for any exception."""
    if isinstance(error, (TapError, IntercomError, SingerSDKError)):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'Operating system error'}: {error.strerror or error}."
    if isinstance(error, MemoryError):
        return "Out of memory. Add memory, or run less at the same time."
    if isinstance(error, RecursionError):
        return "The input contains a value that is nested too deeply. Find and remove it."
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return (
            "Can't start another thread. Raise the process limit (ulimit -u, or the container's), "
            "or run less at the same time."
        )
    return (
        f"Unexpected {type(error).__name__}: {error}. This is a bug in the tap. Please report it, "
        "and include the output of a run with TAP_INTERCOM_ACCESS_LOGLEVEL=DEBUG."
    )
