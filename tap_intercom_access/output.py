"""Writes Singer messages to stdout: records in bulk, all other messages immediately."""

from __future__ import annotations

import sys

from singer_sdk.contrib.msgspec import MsgSpecWriter, serialize_jsonl
from singer_sdk.singerlib import RecordMessage
from singer_sdk.singerlib.encoding.simple import Message
from typing_extensions import override

from tap_intercom_access.errors import stdout_error

BULK = 64 * 1024
"""Bytes of records to buffer before writing."""


def buffer_stdout() -> None:
    """Buffer stdout. Otherwise, PYTHONUNBUFFERED would cause a system call for each record.

    Raises:
        TapError: if stdout is closed.
    """
    if sys.stdout is None:
        raise stdout_error(OSError(0, "it is closed"))
    sys.stdout = open(  # noqa: SIM115 (stays open)
        sys.stdout.fileno(),
        "w",
        buffering=BULK,
        encoding=sys.stdout.encoding,
        errors="backslashreplace",  # for --about in an ASCII locale; messages are always UTF-8
        closefd=False,
    )


def flush_stdout() -> None:
    """Write the buffered output.

    Raises:
        TapError: if stdout can't be written: the target closed the pipe, or a disk is full.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        raise stdout_error(error) from error


class PipeWriter(MsgSpecWriter):
    """Writes messages, and fails if the target has closed the pipe."""

    @override
    def write_message(self, message: Message) -> None:
        """Write a message to stdout. Records are written in bulk, all others immediately.

        Raises:
            TapError: if stdout can't be written.
        """
        try:
            sys.stdout.buffer.write(serialize_jsonl(message.to_dict()))
        except OSError as error:
            raise stdout_error(error) from error
        if not isinstance(message, RecordMessage):
            flush_stdout()
