"""The commands of the steps after the tap."""

from __future__ import annotations

import click

from intercom_access_review.completion import complete_reviews
from intercom_access_review.decisions import import_worksheets
from intercom_access_review.emails import write_emails
from intercom_access_review.inputs import load_inputs
from intercom_access_review.items import ITEM_KINDS, alert, write_items
from intercom_access_review.new_review import write_review
from intercom_access_review.reassignments import reassign_rows
from intercom_access_review.settings import load_settings
from intercom_access_review.state import State
from intercom_access_review.sync import finish_sync, load_sync, record_removals
from intercom_access_review.verify import load_archive
from intercom_access_review.warehouse import open_warehouse


def last_state() -> State:
    """Return the last sync and the archive."""
    settings = load_settings(ITEM_KINDS)
    sync, reviews = load_sync(), load_archive(settings)
    return State(sync, reviews, open_warehouse(settings), settings)


@click.command()
def review() -> None:
    """Write a new review from the sync of the tap."""
    state = finish_sync()
    record_removals(state)
    write_review(state)
    state.write_index()
    write_emails(state, load_inputs())
    write_items(state.items, state.sync)


@click.command()
def sync() -> None:
    """Check the outcomes of decisions with the sync of the tap, and write reminders."""
    state, inputs = finish_sync(), load_inputs()
    record_removals(state)
    if reassign_rows(state, inputs):  # including those that ended
        state.rebuild()
    state.write_pages()
    write_emails(state, inputs)
    alert(write_items(state.items, state.sync), state.settings)


@click.command()
def import_decisions() -> None:
    """Import the completed worksheets in inbox/."""
    state = last_state()
    inputs = load_inputs()
    number, problems = import_worksheets(state.reviews, inputs.last_days, state.settings)
    if state.is_behind:  # also if an earlier import was stopped
        state.rebuild()
        state.write_pages()
    write_emails(state, inputs)
    if problems:
        raise click.ClickException("\n".join(problems))
    click.echo(f"Imported {number} {'worksheet' if number == 1 else 'worksheets'}")


@click.command()
def reassign() -> None:
    """Reassign rows to other reviewers, based on inputs/reassignments.csv."""
    state, inputs = last_state(), load_inputs()
    if reassign_rows(state, inputs):
        state.rebuild()
        state.write_pages()
    else:
        click.echo("No rows were reassigned.")
    write_emails(state, inputs)


@click.command()
def complete() -> None:
    """Complete the reviews in which every row is decided and every revocation is settled."""
    state = last_state()
    if state.is_behind:
        state.rebuild()
    record_removals(state)  # in case the sync stopped before this step
    completed, missing = complete_reviews(state)
    state.write_pages()
    if missing and not completed:
        raise click.ClickException("\n".join(missing))
    click.echo("\n".join([f"Completed reviews: {completed}", *missing]))
