"""The command line. Each command is in the module of its step."""

import click

from intercom_access_review import steps
from intercom_access_review.export import export
from intercom_access_review.files import restrict_umask
from intercom_access_review.init import init
from intercom_access_review.reproduce import reproduce
from intercom_access_review.sync import prepare
from intercom_access_review.verify import verify

OLD_NAMES = {"load": prepare, "decisions": steps.import_decisions, "close": steps.complete}
"""Command names of versions before this package. They work in this version only."""
DROPPED = ("archive", "findings", "outbox", "page", "seal", "snapshot")
"""Commands of those versions whose work is part of other steps now."""


@click.group()
@click.version_option(package_name="intercom-access-review")
def main() -> None:
    """Review who has access to an Intercom workspace."""
    restrict_umask()


for command in (init, prepare, verify, reproduce, export):
    main.add_command(command)
for command in (steps.review, steps.sync, steps.import_decisions, steps.reassign, steps.complete):
    main.add_command(command)
for old, command in OLD_NAMES.items():
    advice = f"Use '{command.name}' instead."
    main.add_command(click.Command(old, callback=command.callback, deprecated=advice, hidden=True))
for old in DROPPED:
    advice = "It does nothing, because other steps do it now."
    main.add_command(click.Command(old, callback=bool, deprecated=advice, hidden=True))
