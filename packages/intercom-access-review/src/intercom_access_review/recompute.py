"""Compute the steps of an archive again from its files, and return what differs."""

from contextlib import suppress
from pathlib import Path

import click

from intercom_access_review import legacy
from intercom_access_review.archive import STEPS, Archived, decision_key, outcome_key
from intercom_access_review.completion import timeliness_tests
from intercom_access_review.decisions import SUFFIXES, Completed, import_of
from intercom_access_review.evidence import read_evidence
from intercom_access_review.identity import running_package
from intercom_access_review.inputs import COLUMNS, checked
from intercom_access_review.project import Row, entries
from intercom_access_review.quality import review_quality
from intercom_access_review.records import (
    Completion,
    DecisionImport,
    Manifest,
    Reassignment,
    ReassignmentStep,
    Record,
    Removals,
    Review,
)
from intercom_access_review.spreadsheets import read_table
from intercom_access_review.sync_record import (
    ENTITLEMENTS,
    difference,
    entitlements,
    problems_of_sync,
    totals_of,
    totals_of_worksheets,
)

DECISION_COLUMNS = ("decided_by", "decided_on", "reason", "until", "due_on")
"""The columns of the table outcomes that come from the decision."""


def problems_of_record(
    folder: Path, manifest: Manifest, record: Record, reviews: dict[str, Archived]
) -> list[str]:
    """Compute a step again, and return the differences.

    Args:
        folder: The folder of the step.
        manifest: The manifest of the step.
        record: The record of the step.
        reviews: The reviews before the step, by name.
    """
    if isinstance(record, Review):
        return problems_of_review(folder, record)
    review = reviews[manifest.review]
    name = (folder / STEPS[manifest.step][0]).relative_to(review.folder).as_posix()
    if legacy.is_legacy(review.folder) and (old := legacy.records_of(review.folder).get(name)):
        return [] if record == old else [f"{name} differs from {legacy.EVIDENCE}"]
    if isinstance(record, DecisionImport):
        return problems_of_import(folder, record, review)
    if isinstance(record, ReassignmentStep):
        return problems_of_reassignments(folder, record, review)
    if isinstance(record, Removals):
        return problems_of_removals(folder, record, review)
    if isinstance(record, Completion):
        return problems_of_completion(folder, record, review) + problems_of_tests(
            record, manifest, review
        )
    return []


def problems_of_review(folder: Path, record: Review) -> list[str]:
    """Return the differences between the worksheets, the record, and the responses."""
    evidence = read_evidence(folder / "intercom")
    rows = Archived(folder, record).rows
    sent, reviewed = totals_of(entitlements(evidence.rows)), totals_of_worksheets(rows)
    problems = difference(ENTITLEMENTS, sent, reviewed, "are in the worksheets")
    if len(rows) != record.rows:
        problems.append(f"the worksheets have {len(rows)} rows instead of {record.rows}")
    if legacy.is_legacy(folder):
        if record != legacy.records_of(folder)["review.json"]:
            problems.append(f"review.json differs from {legacy.EVIDENCE}")
        return problems + legacy.problems_of(folder)
    known = record.sync.totals.get(ENTITLEMENTS)
    if known and known.reviewed is None:
        problems.append("review.json doesn't have the control total of the worksheets")
    return problems + problems_of_sync(evidence, record.sync, folder.name)


def problems_of_import(folder: Path, record: DecisionImport, review: Archived) -> list[str]:
    """Return the decisions and attestations that differ from the completed worksheets."""
    times = [one.imported_at for one in [*review.imported[-1:], *record.decisions]]
    completed = []
    for path in entries(folder):
        if path.suffix.lower() in SUFFIXES:
            worksheet = Completed(path, [review], {})
            with suppress(click.ClickException):  # a rule that is newer than the import
                worksheet.read(times[-1] if record.decisions else "")
            completed.append(worksheet)
    again = import_of(completed, folder.name)
    name = f"imports/{folder.name}"
    problems = []
    if record.decisions != again.decisions:
        keys = {
            one.access_key
            for one in [*record.decisions, *again.decisions]
            if one not in record.decisions or one not in again.decisions
        }
        rows = ", ".join(sorted(keys)) or "several rows"
        problems.append(f"the decisions about {rows} differ from the worksheets in {name}")
    if record.attestations != again.attestations:
        problems.append(f"the attestations differ from the worksheets in {name}")
    if times != sorted(times):
        problems.append(f"{name} is older than the import before it")
    return problems


def problems_of_reassignments(
    folder: Path, record: ReassignmentStep, review: Archived
) -> list[str]:
    """Return the reassignments that don't follow from the input, or from the end of another one."""
    path = folder / "reassignments.csv"
    lines: list[Row] = []
    if path.exists():
        lines = checked(path, read_table(path, COLUMNS["reassignments"]), ("row", "from"))
    return [
        f"the reassignment of {one.access_key!r} is not in {path.name} of reassignments/"
        f"{folder.name}"
        for one in record.reassignments
        if one.sender != review.rows[one.access_key]["reviewer"]
        or not (is_in_input(one, lines) or undoes(one, review.reassigned.get(one.access_key)))
    ]


def is_in_input(one: Reassignment, lines: list[Row]) -> bool:
    """Return whether a line is about a reassignment. Its reviewer can be that of another line."""
    return any(line["to"] == one.receiver for line in lines) and any(
        line["row"] in {"", one.access_key}
        and (one.sender, one.by, one.reason, one.until)
        == (line["from"], line["by"], line["reason"], line["until"])
        for line in lines
    )


def undoes(one: Reassignment, last: Reassignment | None) -> bool:
    """Return whether a reassignment undoes the last one, whose time is over."""
    return last is not None and (one.sender, one.receiver, one.by, one.reason, one.until) == (
        *(last.receiver, last.sender, last.by),
        *(f"until {last.until}", ""),
    )


def problems_of_removals(folder: Path, record: Removals, review: Archived) -> list[str]:
    """Return the removals of access that was not revoked, or that the responses contain."""
    evidence = read_evidence(folder / "intercom")
    there = {key for (key,) in entitlements(evidence.rows)}
    keys = [row["access_key"] for row in record.removals]
    checks = {
        "still has access": there.intersection(keys),
        "was not revoked, or not as listed": {
            row["access_key"]
            for row in record.removals
            if not is_decided(row, review, "revoke") or outcome_key(row) in review.removals
        },
        "is listed twice": {key for key in keys if keys.count(key) > 1},
    }
    return problems_of_sync(evidence, record.sync, folder.name) + [
        f"removals/{folder.name}: {key} {text}"
        for text, found in checks.items()
        for key in sorted(found)
    ]


def problems_of_completion(folder: Path, record: Completion, review: Archived) -> list[str]:
    """Return the values of a completion report that differ from the steps before it."""
    evidence = read_evidence(folder / "intercom")
    checks = {
        "the decisions": record.decisions == list(review.decisions.values()),
        "the attestations": record.attestations == review.attestations,
        "the reassignments": record.reassignments == review.reassignments,
        "the revocations": has_outcomes(record.revocations, review, "revoke"),
        "the exceptions": has_outcomes(record.exceptions, review, "exception"),
        "the removals": all(
            is_recorded(row, review) for row in record.revocations if row["outcome"] == "removed"
        ),
    }
    return problems_of_sync(evidence, record.sync, folder.name) + [
        f"completion.json doesn't have {name} of the steps before it"
        for name, is_right in checks.items()
        if not is_right
    ]


def problems_of_tests(record: Completion, manifest: Manifest, review: Archived) -> list[str]:
    """Return the tests of a completion report that differ, if this version computed them."""
    if manifest.package != running_package():
        return []
    tests = timeliness_tests(review, record.revocations)
    quality = review_quality(review.decisions.values(), lambda *_: False)["reviewers"]
    problems = []
    if not tests.items() <= record.tests.items():
        problems.append("the timeliness in completion.json differs from the decisions")
    if quality != record.quality["reviewers"]:
        problems.append("the quality of decisions in completion.json differs from the decisions")
    return problems


def has_outcomes(rows: list[Row], review: Archived, decision: str) -> bool:
    """Return whether rows of the table outcomes are about the decisions of one kind."""
    decisions = review.open_decisions.values()
    keys = sorted(one.access_key for one in decisions if one.decision == decision)
    return sorted(row["access_key"] for row in rows) == keys and all(
        is_decided(row, review, decision) for row in rows
    )


def is_decided(row: Row, review: Archived, decision: str) -> bool:
    """Return whether a row of the table outcomes is about a decision of one kind."""
    one = review.open_decisions.get(row["access_key"])
    return (
        one is not None
        and one.decision == decision
        and decision_key(one) == outcome_key(row)
        and all((row[name] or "") == getattr(one, name) for name in DECISION_COLUMNS)
    )


def is_recorded(row: Row, review: Archived) -> bool:
    """Return whether an outcome is a recorded removal. The access can be given again later."""
    later = {"given_again_at": None}
    return row | later == review.removals.get(outcome_key(row), {}) | later
