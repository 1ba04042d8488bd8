"""The command line. Each command is in the module of its step, which is imported when it runs."""

from __future__ import annotations

from importlib import import_module

import click
from typing_extensions import override

from intercom_access_review.files import restrict_umask

COMMANDS = {
    "init": "init:init",
    "prepare": "sync:prepare",
    "review": "steps:review",
    "sync": "steps:sync",
    "import-decisions": "steps:import_decisions",
    "reassign": "steps:reassign",
    "complete": "steps:complete",
    "verify": "verify:verify",
    "reproduce": "reproduce:reproduce",
    "export": "export.command:export",
}
OLD_COMMANDS = {"load": "prepare", "decisions": "import-decisions", "close": "complete"}
"""Names of versions before this package. They work for one version."""
DROPPED = ("archive", "findings", "outbox", "page", "seal", "snapshot")
"""Steps of those versions that are part of other steps now."""


class Commands(click.Group):
    """The commands, also under their old names."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        del ctx
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command."""
        del ctx
        if cmd_name in DROPPED:
            click.echo(f"Warning: '{cmd_name}' does nothing. Other steps do it now.", err=True)
            return click.Command(cmd_name, callback=lambda: None)
        name = OLD_COMMANDS.get(cmd_name, cmd_name)
        if name != cmd_name:
            click.echo(f"Warning: use '{name}' instead of '{cmd_name}'.", err=True)
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name].partition(":")
        command: click.Command = getattr(
            import_module(f"intercom_access_review.{module}"), attribute
        )
        return command


@click.group(cls=Commands)
@click.version_option(package_name="intercom-access-review")
def main() -> None:
    """Review who has access to an Intercom workspace."""
    restrict_umask()
