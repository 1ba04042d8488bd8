"""Compute everything in a review again, from the responses and worksheets that it keeps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from intercom_access_review import legacy
from intercom_access_review.archive import numbered
from intercom_access_review.decisions import SUFFIXES, decision_of, is_different
from intercom_access_review.project import iso_day
from intercom_access_review.records import Removals, read_record
from intercom_access_review.sync_record import problems_of_sync
from intercom_access_review.totals import ENTITLEMENTS, difference, totals_of_worksheets
from intercom_access_review.worksheets import DECIDED, read_rows, reviewer_of_attestation

if TYPE_CHECKING:
    from intercom_access_review.archive import Archived
    from intercom_access_review.records import Decision
    from intercom_access_review.worksheets import Texts


def problems_of_review(review: Archived) -> list[str]:
    """Return what differs when everything in a review is computed again."""
    rows = review.rows
    problems = problems_of_syncs(review) + problems_of_decisions(review)
    if len(rows) != review.record.rows:
        problems.append(f"the worksheets have {len(rows)} rows instead of {review.record.rows}")
    if review.completion and review.completion.decisions != list(review.decisions.values()):
        problems.append("completion.json doesn't have the decisions that were imported")
    return problems


def problems_of_syncs(review: Archived) -> list[str]:
    """Return what the kept responses don't show: totals, worksheets, and removals."""
    totals = review.record.sync.totals
    if ENTITLEMENTS not in totals:  # of an earlier version
        return []
    problems, _ = problems_of_sync(review.folder, review.record.sync)
    sent, reviewed = totals[ENTITLEMENTS].sent, totals_of_worksheets(review.rows)
    if problem := difference(ENTITLEMENTS, sent, reviewed, "are in the worksheets"):
        problems.append(problem)
    for path in numbered(review.folder / "removals"):
        record = read_record(path / "removals.json", Removals)
        found, there = problems_of_sync(path, record.sync)
        problems += found
        problems += [
            f"removals/{path.name} has {row['access_key']}, which still existed"
            for row in record.removals
            if row["access_key"] in there
        ]
    if review.completion:
        problems += problems_of_sync(review.folder / "completion", review.completion.sync)[0]
    return problems


def problems_of_decisions(review: Archived) -> list[str]:
    """Return the decisions and attestations that no completed worksheet has."""
    rows: dict[str, dict[str, Texts]] = {}
    for folder in numbered(review.folder / "imports"):
        for path in folder.iterdir():
            if path.suffix.lower() in SUFFIXES:
                found = {row["row"]: row for _, row in read_rows(path)}
                rows[f"{folder.name}/{path.name}"] = found
    is_old = (review.folder / legacy.EVIDENCE).exists()
    problems = [
        f"the decision about {one.access_key!r} is not that of imports/{one.file}"
        for one in review.imported
        if not (is_old and one.file.startswith("../"))
        and not is_from(one, rows.get(one.file, {}).get(one.access_key), review)
    ]
    attested = {
        (row["reviewer"], iso_day(row["decided on"]))
        for found in rows.values()
        for key, row in found.items()
        if reviewer_of_attestation(key)
    }
    return problems + [
        f"the attestation of {one['reviewer']} is in no worksheet"
        for one in review.attestations
        if (one["reviewer"], one["attested_on"]) not in attested
    ]


def is_from(decision: Decision, row: Texts | None, review: Archived) -> bool:
    """Return whether a decision is that of a row of a completed worksheet."""
    if row is None:
        return False
    decided = {name: row[name] for name in DECIDED}
    again = decision_of(review.rows[decision.access_key] | decided, review, Path(), "")
    same = ("decided_by", "decided_on", "due_on")
    return not is_different(again, decision) and all(
        getattr(again, name) == getattr(decision, name) for name in same
    )
