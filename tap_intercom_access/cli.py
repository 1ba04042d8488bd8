"""The command line: every failure ends in one message on stderr and exit code 1."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import NoReturn

import click

from tap_intercom_access.errors import InputError, describe
from tap_intercom_access.intercom.redaction import excerpt, keep_secret
from tap_intercom_access.logs import mask_secrets_in_logs
from tap_intercom_access.output import buffer_stdout, flush_stdout
from tap_intercom_access.tap import TapIntercomAccess

PREFIX = "TAP_INTERCOM_ACCESS_"
"""The prefix of the tap's environment variables."""


def main() -> None:
    """Run the command line."""
    if sys.stderr is None:  # closed by the parent; the next opened file would get its descriptor
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 (stays open)
    try:
        keep_secret(os.environ.get(f"{PREFIX}ACCESS_TOKEN", ""))
        command = _set_up_logging()
        buffer_stdout()
        code = _run(command)
        flush_stdout()
    except click.ClickException as error:
        _fail(error.format_message(), error)
    except click.Abort as error:
        _fail("Interrupted: this sync is incomplete.", error)
    except Exception as error:  # noqa: BLE001 (the one place that turns failures into messages)
        _fail(describe(error), error)
    os._exit(code)  # sys.exit would reset the signal handlers first


def _set_up_logging() -> click.Command:
    """Return the command. Creating it makes the SDK set up logging.

    Raises:
        InputError: if the variables for logging have wrong values.
    """
    try:
        return TapIntercomAccess.cli
    except Exception as error:
        columns = "%(asctime)s | %(levelname)-8s | %(name)-30s | %(message)s"
        logging.basicConfig(force=True, format=columns)
        raise InputError(
            f"Can't set up logging ({excerpt(str(error))}). Correct {PREFIX}LOGLEVEL (DEBUG, "
            "INFO, WARNING, ERROR) or SINGER_SDK_LOG_CONFIG."
        ) from error
    finally:
        mask_secrets_in_logs()


def _run(command: click.Command) -> int:
    """Run the command, and return its exit code."""
    try:
        return int(command(standalone_mode=False) or 0)
    except SystemExit as ended:  # after --about
        return int(ended.code or 0)


def _fail(message: str, error: Exception) -> NoReturn:
    logging.getLogger(TapIntercomAccess.name).error("%s", message)
    logging.getLogger(TapIntercomAccess.name).debug("Traceback of the error above", exc_info=error)
    with contextlib.suppress(OSError, AttributeError):  # the target may have ended
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)  # sys.exit would wait for threads that still send requests
