"""The sandbox's command line."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import click

from tap_intercom_access.sandbox.demo import advance_quarter, demo, generate_workspace
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.workspace import Workspace


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--admins", type=click.IntRange(1), help="Number of teammates. Replaces the demo.")
@click.option("--teams", type=click.IntRange(0), help="Number of teams. Replaces the demo.")
@click.option("--page-size", type=click.IntRange(1), help="Rows per page  [default: one page]")
@click.option(
    "--quarter",
    type=click.IntRange(1, 2),
    help="The demo a quarter ago (1), or today (2), after a joiner, a leaver, and changes.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port  [default: free one]")
@click.option(
    "--replay",
    "folder",
    type=click.Path(path_type=Path),
    help="Run the tap on the recorded responses in its evidence folder, and compare the results.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def main(  # noqa: PLR0913, PLR0917 (one for each option)
    admins: int | None,
    teams: int | None,
    page_size: int | None,
    quarter: int | None,
    port: int,
    folder: Path | None,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND with a simulated Intercom workspace on this machine, without a token.

    TAP_INTERCOM_ACCESS_BASE_URL and TAP_INTERCOM_ACCESS_ACCESS_TOKEN are set for COMMAND, and the
    exit code is that of COMMAND. Without COMMAND, both variables are printed, and the workspace
    stays up until Ctrl-C.
    """
    try:
        from tap_intercom_access.sandbox import replay, server  # noqa: PLC0415 (needs Flask)
    except ImportError as error:
        raise click.ClickException(
            f"{error}. The sandbox needs Flask. Run: pip install flask"
        ) from error
    if folder:
        if command or (admins, teams, page_size, quarter, port) != (None, None, None, None, 0):
            raise click.UsageError(
                "--replay runs the tap itself. It takes no COMMAND and no other option."
            )
        click.echo(replay.replay(folder), err=True)
        return
    if admins is None and teams is None:
        workspace = _demo(quarter)
    else:
        workspace = generate_workspace(admins or 12, 4 if teams is None else teams)
    with server.Sandbox(workspace, server.Behaviour(page_size=page_size), port=port) as sandbox:
        if command:
            sys.exit(_run(command, sandbox.settings))
        for name, value in sandbox.settings.items():
            click.echo(f"export {name}={value}")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


def _demo(quarter: int | None) -> Workspace:
    a_quarter_ago = int(time.time()) - 91 * DAY
    workspace = demo(a_quarter_ago if quarter else None)
    if quarter == 2:  # noqa: PLR2004 (there are two)
        advance_quarter(workspace, a_quarter_ago)
    return workspace


def _run(command: tuple[str, ...], settings: Mapping[str, str]) -> int:
    try:
        code = subprocess.run(command, env=os.environ | settings, check=False).returncode  # noqa: S603
    except OSError as error:
        raise click.ClickException(f"{command[0]}: {error.strerror}") from error
    return code if code >= 0 else 128 - code  # the exit code of a shell after a signal
