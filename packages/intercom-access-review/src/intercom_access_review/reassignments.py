"""Reassign rows of open reviews to other reviewers, based on inputs/reassignments.csv."""

import shutil

import click

from intercom_access_review.archive import Archived
from intercom_access_review.inputs import Inputs, mailbox
from intercom_access_review.manifest import new_step, next_folder
from intercom_access_review.project import INPUTS, Row, now
from intercom_access_review.records import Reassignment, ReassignmentStep, write_record
from intercom_access_review.state import State
from intercom_access_review.worksheets import write_worksheet


def reassigned(review: Archived, inputs: Inputs, state: State) -> list[Reassignment]:
    """Return the reassignments that an open review doesn't have yet."""
    changes = []
    for key, row in review.rows.items():
        wanted = next_reviewer(key, row["reviewer"], review, inputs)
        if wanted is None or wanted["to"] == row["reviewer"]:
            continue
        if state.is_own(key, wanted["to"]):
            stays = f"stays with {row['reviewer']}" if row["reviewer"] else "has no reviewer"
            click.echo(f"{key} {stays}: it is {wanted['to']}'s own access.")
            continue
        change = {name: wanted[name] for name in ("by", "reason", "until")}
        changes.append(
            Reassignment(access_key=key, sender=row["reviewer"], receiver=wanted["to"], **change)
        )
    return changes


def next_reviewer(key: str, reviewer: str, review: Archived, inputs: Inputs) -> Row | None:
    """Return the reassignment that applies to a row now, or None.

    A line for all rows doesn't apply to decided rows. When it ends, undecided rows go back.
    """
    for one in inputs.reassignments:
        named = one["row"] == key
        if one["from"] == reviewer and (named or not (one["row"] or key in review.decisions)):
            return one
    last = review.reassigned.get(key)
    if last and last.receiver == reviewer and key not in review.decisions:
        today = now()[:10]
        is_over = last.until and last.until < today
        if is_over and inputs.last_days.get(mailbox(last.sender), today) >= today:
            return {"to": last.sender, "by": last.by, "reason": f"until {last.until}", "until": ""}
    return None


def reassign_rows(state: State, inputs: Inputs) -> int:
    """Reassign rows of open reviews, write new worksheets, and return how many rows changed."""
    path, count = INPUTS / "reassignments.csv", 0
    for review in state.reviews:
        changes = [] if review.completion else reassigned(review, inputs, state)
        if not changes:
            continue
        record = ReassignmentStep(reassigned_at=now(), reassignments=changes)
        review.add(record)
        target = next_folder(review.folder / "reassignments")
        people = {one.sender for one in changes} | {one.receiver for one in changes}
        named = {one.access_key for one in changes}
        with new_step(
            "reassignment", review.name, target, review.record.sync.source_hosts, state.settings
        ) as new:
            if path.exists():  # rows also go back without it
                shutil.copyfile(path, new / path.name)
            for reviewer in sorted(people - {""}):
                rows = [
                    row
                    for key, row in review.rows.items()
                    if row["reviewer"] == reviewer and (key in named or key not in review.decisions)
                ]
                if rows:
                    write_worksheet(new / "worksheets", review.name, reviewer, rows)
            write_record(new / "reassignments.json", record)
        click.echo(f"{target}: reassigned rows: {len(changes)}")
        count += len(changes)
    return count
