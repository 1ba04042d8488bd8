"""Singer messages to stdout: records in bulk, all else at once, until the target goes away."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter, serialize_jsonl
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

from tap_intercom_access.errors import StdoutError, TargetGoneError

if TYPE_CHECKING:
    from singer_sdk.singerlib.encoding.simple import Message

BULK = 64 * 1024
"""Bytes of records that are handed on at once."""


def buffer_stdout() -> None:
    """Write to stdout in bulk: with PYTHONUNBUFFERED set, each record would be a system call.

    Raises:
        StdoutError: if it is closed.
    """
    if sys.stdout is None:
        raise StdoutError("it is closed")
    sys.stdout = open(  # noqa: SIM115 (a descriptor that stays open)
        sys.stdout.fileno(),
        "w",
        buffering=BULK,
        encoding=sys.stdout.encoding,
        errors="backslashreplace",  # --about in an ASCII locale; messages are always in UTF-8
        closefd=False,
    )


def flush_stdout() -> None:
    """Hand on what was written so far.

    Raises:
        TargetGoneError: if nobody reads any more.
        StdoutError: if it cannot be written for another reason, such as a full disk.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise TargetGoneError from error
    except OSError as error:
        raise StdoutError(error.strerror) from error


class PipeWriter(MsgSpecWriter):
    """Writes messages until the target goes away.

    Every method raises what `flush_stdout` does.
    """

    @override
    def write_message(self, message: Message) -> None:
        """Write a message to stdout; records are handed on in bulk, all else at once."""
        try:
            sys.stdout.buffer.write(serialize_jsonl(message.to_dict()))
        except BrokenPipeError as error:
            raise TargetGoneError from error
        except OSError as error:
            raise StdoutError(error.strerror) from error
        if not isinstance(message, RecordMessage):
            self.flush()

    def flush(self) -> None:
        """Hand on the records so far, because the next ones may take a while."""
        flush_stdout()
