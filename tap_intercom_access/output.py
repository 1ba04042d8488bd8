"""Singer messages to stdout: records in bulk, all else at once, until the target goes away."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter, serialize_jsonl
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

from tap_intercom_access.errors import TargetGoneError

if TYPE_CHECKING:
    from singer_sdk.singerlib.encoding.simple import Message

BULK = 64 * 1024
"""Bytes of records that are handed on at once."""


def buffer_stdout() -> None:
    """Write to stdout in bulk: with PYTHONUNBUFFERED set, each record would be a system call."""
    sys.stdout = open(  # noqa: SIM115 (a descriptor that stays open)
        sys.stdout.fileno(), "w", buffering=BULK, encoding=sys.stdout.encoding, closefd=False
    )


def escape_stderr() -> None:
    """Write the log in ASCII, names in it as escapes: Meltano 2.20 reads nothing else."""
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(encoding="ascii", errors="backslashreplace")


class PipeWriter(MsgSpecWriter):
    """Writes messages until the target goes away.

    Every method raises TargetGoneError once nobody reads any more.
    """

    @override
    def write_message(self, message: Message) -> None:
        """Write a message to stdout; records are handed on in bulk, all else at once."""
        try:
            sys.stdout.buffer.write(serialize_jsonl(message.to_dict()))
        except BrokenPipeError as error:
            raise TargetGoneError from error
        if not isinstance(message, RecordMessage):
            self.flush()

    def flush(self) -> None:
        """Hand on the records so far, because the next ones may take a while."""
        try:
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise TargetGoneError from error
