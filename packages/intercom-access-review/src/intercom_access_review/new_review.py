"""Write a new review: a folder in the archive with page, worksheets, responses, and inputs."""

from collections import Counter
from datetime import date
from itertools import chain, count
from pathlib import Path

import click

from intercom_access_review.archive import Archived, due_day
from intercom_access_review.evidence import copy_sources
from intercom_access_review.files import write_text
from intercom_access_review.manifest import new_step
from intercom_access_review.page import SENTENCES, render
from intercom_access_review.project import PAGE, REVIEWS, Row, as_json, parse_day, utc
from intercom_access_review.records import Review, Sync, Tables, write_record
from intercom_access_review.settings import deadline
from intercom_access_review.state import State
from intercom_access_review.sync_record import ENTITLEMENTS, difference, totals_of_worksheets
from intercom_access_review.worksheets import FORM, Texts, plain, write_worksheets

TABLES = {
    "access_changes": ("change_key",),
    "access_grants": ("access_key",),
    "accounts": ("admin_id",),
    "outcomes": ("review", "access_key"),
    "privileged_access": ("admin_id",),
    "review_items": ("item_key",),
    "syncs": ("as_of",),
    "team_sizes": ("team_id",),
    "terminated_users": ("admin_id",),
}
"""The tables that are kept with a review, with their key columns."""
TEXTS = {name: SENTENCES.from_string(text) for name, text in FORM["texts"].items()}
"""The templates of the columns of a worksheet."""
ASSIGN = "Assign them in inputs/reassignments.csv."


def worksheet_rows(review: str, state: State) -> list[Texts]:
    """Return a row for each entitlement. Rows to look at first come first.

    Args:
        review: The name of the review, which begins with its day.
        state: The sync, the archive, and the warehouse.
    """
    sentences: dict[str, list[str]] = {}
    for item in state.items:
        sentences.setdefault(item["admin_id"], []).append(item["sentence"])
    rows, began = [], date.fromisoformat(review[:10])
    for fact in sorted(state.table("worksheet_facts"), key=lambda fact: not fact["focus"]):
        values = fact | {
            "fact": fact,
            "due": deadline(began, state.settings.deadlines, "decide", fact["privileged"]),
            "previous": state.previous,
            "review": review,
            "sentences": sentences.get(fact["admin_id"], []),
        }
        rows.append({name: plain(text.render(values)) for name, text in TEXTS.items()})
    return rows


def planned_progress(review: str, rows: list[Texts]) -> list[Row]:
    """Return the progress of a new review, in which no row is decided yet."""
    counts = Counter((row["reviewer"], due_day(row)) for row in rows)
    begun = {"review": review, "decided": 0, "decided_late": 0, "is_overdue": False}
    return [
        {"reviewer": reviewer or None, "decide_by": parse_day(due), "row_count": number, **begun}
        for (reviewer, due), number in sorted(counts.items())
    ]


def compare_reviewed(sync: Sync, rows: list[Texts]) -> None:
    """Compare the entitlements that Intercom sent with the rows to decide.

    Raises:
        click.ClickException: The entitlements differ.
    """
    totals = sync.totals[ENTITLEMENTS]
    totals.reviewed = totals_of_worksheets({row["row"]: row for row in rows})
    for text in difference(ENTITLEMENTS, totals.sent, totals.reviewed, "are in the worksheets"):
        raise click.ClickException(f"No review was written. {text}.")


def write_results(folder: Path, review: str, rows: list[Texts], state: State) -> None:
    """Write the page, the worksheets, and the tables behind the page."""
    write_text(folder / PAGE.name, state.page(planned_progress(review, rows)))
    write_worksheets(folder / "worksheets", review, rows)
    found = {name: state.table(name) for name in TABLES} | {"outcomes": state.outcomes}
    tables = {name: [as_json(row) for row in rows] for name, rows in found.items()}
    write_record(folder / "tables.json", Tables(tables=tables))


def check_is_new(state: State) -> None:
    """Raise an error if the last review is from this sync, or from another workspace."""
    last = state.reviews[-1] if state.reviews else None
    if last and utc(last.record.sync.as_of) >= utc(state.sync.as_of):
        raise click.ClickException(
            f"{last.folder} is from this sync or a later one. Run the sync again."
        )
    if last and last.record.sync.workspace["id"] != state.sync.workspace["id"]:
        raise click.ClickException(
            f"{REVIEWS}/ has reviews of the workspace {last.record.sync.workspace['id']}, and this "
            f"is {state.sync.workspace['id']}. Create a project for each workspace."
        )


def write_review(state: State) -> None:
    """Write the folder of a new review."""
    check_is_new(state)
    sync, day = state.sync, state.sync.as_of[:10]
    names = chain([day], (f"{day}-{number}" for number in count(2)))
    folder = next(REVIEWS / name for name in names if not (REVIEWS / name).exists())
    rows = worksheet_rows(folder.name, state)
    compare_reviewed(sync, rows)
    limitations = render("scope.txt.j2", sync=sync, reviews=state.reviews, table=state.table)
    record = Review(
        review=folder.name,
        rows=len(rows),
        deadlines=state.settings.deadlines,
        sync=sync,
        tests=state.table("control_tests")[0],
        scope_limitations=[line for line in limitations.splitlines() if line.strip()],
    )
    with new_step("review", folder.name, folder, sync.source_hosts, state.settings) as new:
        write_results(new, folder.name, rows, state)
        copy_sources(sync, new)
        write_record(new / "review.json", record)
    write_text(PAGE, (folder / PAGE.name).read_text(encoding="utf-8"))
    state.reviews.append(Archived(folder, record))
    click.echo(f"{folder}: {len(rows)} rows to decide.")
    if unassigned := sum(not row["reviewer"] for row in rows):
        click.echo(f"Warning: rows without a reviewer: {unassigned}. {ASSIGN}", err=True)
