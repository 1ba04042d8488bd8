"""Command line of the sandbox."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tap_intercom_access.sandbox.demo import advance_quarter, demo, generate_workspace
from tap_intercom_access.sandbox.models import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_intercom_access.sandbox.workspace import Workspace


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--admins", type=click.IntRange(1), help="Number of teammates, instead of the demo.")
@click.option("--teams", type=click.IntRange(0), help="Number of teams, instead of the demo.")
@click.option("--page-size", type=click.IntRange(1), help="Rows per page  [default: one page]")
@click.option(
    "--quarter",
    type=click.IntRange(1, 2),
    help="The demo a quarter ago (1), or a quarter after that (2), with joiners and leavers.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port  [default: free one]")
@click.option(
    "--replay",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Give the responses in an evidence folder of the tap again, instead of the demo.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def main(  # noqa: PLR0913, PLR0917 (one for each option)
    admins: int | None,
    teams: int | None,
    page_size: int | None,
    quarter: int | None,
    port: int,
    replay: Path | None,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND beside an Intercom workspace on this machine, to try a pipeline without a token.

    COMMAND finds TAP_INTERCOM_ACCESS_BASE_URL and TAP_INTERCOM_ACCESS_ACCESS_TOKEN set; its exit
    code is handed on. Without COMMAND, both settings are printed and the workspace stays up until
    Ctrl-C.
    """
    try:
        from tap_intercom_access.sandbox import server  # noqa: PLC0415 (needs Flask)
    except ImportError as error:
        raise click.ClickException(
            f"{error}. The sandbox needs a web server beside the tap: pip install flask"
        ) from error
    if replay:
        if (admins, teams, page_size, quarter) != (None, None, None, None):
            raise click.UsageError("--replay answers from its folder alone")
        sys.exit(_replay(replay, port, command))
    if admins is None and teams is None:
        workspace = _demo(quarter)
    else:
        workspace = generate_workspace(
            12 if admins is None else admins, 4 if teams is None else teams
        )
    with server.Sandbox(workspace, server.Behaviour(page_size=page_size), port=port) as sandbox:
        sys.exit(_run(command, sandbox.settings) if command else _stay(sandbox.settings))


def _replay(folder: Path, port: int, command: tuple[str, ...]) -> int:
    """Run a command beside a recorded run; unless it makes the same requests, it has failed."""
    from tap_intercom_access.sandbox.replay import Replay, ReplayError  # noqa: PLC0415 (needs Flask)

    try:
        replay = Replay(folder, port=port)
    except ReplayError as error:
        raise click.ClickException(str(error)) from error
    with replay:
        code = _run(command, replay.settings) if command else _stay(replay.settings)
    if replay.problems:
        raise click.ClickException(f"Not the recorded run: {replay.problems[0]}.")
    if replay.left:
        click.echo(f"{replay.left} recorded responses were not requested.", err=True)
        return code or int(replay.has_answered)
    return code


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
    return code if code >= 0 else 128 - code  # as a shell says that a signal ended it


def _stay(settings: Mapping[str, str]) -> int:
    for name, value in settings.items():
        click.echo(f"export {name}={value}")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return 0
    return 0
