"""Import completed worksheets. A worksheet with a problem isn't imported at all."""

import os
import shutil
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

import click

from intercom_access_review.archive import Archived
from intercom_access_review.files import make_folder
from intercom_access_review.inputs import mailbox, normalized_address
from intercom_access_review.legacy import is_legacy
from intercom_access_review.manifest import new_step, next_folder
from intercom_access_review.page import access_phrase
from intercom_access_review.project import INBOX, Row, entries, iso_day, now, parse_day, sha256
from intercom_access_review.records import Decision, DecisionImport, write_record
from intercom_access_review.settings import Settings, deadline
from intercom_access_review.spreadsheets import CSV_SUFFIXES
from intercom_access_review.texts import bullets, reveal_hidden
from intercom_access_review.worksheets import (
    DECIDED,
    DECISIONS,
    Texts,
    as_read,
    file_name,
    read_rows,
    reviewer_of_attestation,
)

SUFFIXES = CSV_SUFFIXES | {".xlsx"}
COMPARED = ("decision", "reason", "until")
DAY = timedelta(days=1)
"""Because of time zones, the reviewer's date can be a day before or after the date in UTC."""

Checks = list[tuple[object, str]]
"""Whether each check fails, with the problem that it finds."""


class Refusal(NamedTuple):
    """A file in the inbox that was not imported."""

    path: Path
    message: str
    reviewers: set[str]
    """The reviewers of the worksheet, if it is of the newest review."""


def refused(path: Path, problems: list[str]) -> click.ClickException:
    """Return an error that lists the problems of a worksheet."""
    return click.ClickException(bullets(reveal_hidden(f"{path} was not imported:"), problems))


def review_of(path: Path, rows: list[tuple[int, Texts]], reviews: list[Archived]) -> Archived:
    """Return the open review that a worksheet belongs to.

    Raises:
        click.ClickException: The review doesn't exist, or is completed.
    """
    names = {row.get("review", "").removeprefix("review of ") for _, row in rows} - {""}
    old = [review for review in reviews if is_legacy(review.folder)]
    names = names or {review.name for review in old[-1:]}  # their access-review.csv doesn't name it
    review = next((review for review in reviews if names == {review.name}), None)
    if not names:
        text = "the column review is missing or empty. Return the worksheet that you were sent."
        raise refused(path, [text])
    if review is None:
        raise refused(path, [f"it belongs to the review {', '.join(sorted(names))}."])
    if review.completion:
        raise refused(path, [f"the review was completed on {review.completion.completed_at[:10]}."])
    return review


def decision_of(row: Texts, review: Archived, path: Path, imported_at: str) -> Decision:
    """Return the decision in a row. A revocation gets a due date for the removal."""
    decided = parse_day(row["decided on"])
    decision = Decision(
        access_key=row["row"],
        thing=row["access"],
        person=row["person"],
        email=row["email"],
        decision=row["decision"],
        reason=row["reason"],
        until=iso_day(row["until"]),
        decided_by=normalized_address(row["decided by"]),
        decided_on=iso_day(row["decided on"]),
        due_on="",
        imported_at=imported_at,
        file=path.name,
    )
    if decision.decision == "revoke" and decided:
        days = review.record.deadlines
        decision.due_on = deadline(decided, days, "remove", row["privileged"])
    return decision


def is_different(one: Decision, other: Decision) -> bool:
    """Return whether two decisions about a row differ. The first one can be of an old review."""
    return any(as_read(getattr(one, name)) != getattr(other, name) for name in COMPARED)


def problem_of(
    new: Decision, earlier: Decision | None, sent: Texts, signature: Checks
) -> str | None:
    """Return the problem of a decision, or None.

    Args:
        new: The decision.
        earlier: The last imported decision about the row, if there is one.
        sent: The row as it was sent.
        signature: The checks of its reviewer and date.
    """
    on, until = parse_day(new.decided_on), parse_day(new.until)
    excepted = new.decision == "exception"
    is_privileged = sent["privileged"] and sent.get("focus")  # older worksheets have no focus
    known = ", ".join(DECISIONS)
    checks: Checks = [
        (new.decision not in DECISIONS, f"decision {new.decision!r} is unknown. Use {known}."),
        (not sent["reviewer"], "the row has no reviewer. Name one in reassignments.csv."),
        *signature,
        (excepted and not new.reason, "an exception needs a reason."),
        (excepted and not new.until, "the end date is missing. Fill in 'until'."),
        (
            new.decision == "approve" and is_privileged and not new.reason,
            "this is privileged access. To approve it, enter a reason.",
        ),
        (
            excepted and (until is None or on is None or until <= on),
            f"'until' is {new.until!r}. An exception ends on a date after the decision.",
        ),
        (not excepted and new.until, "only an exception has an end date. Leave 'until' empty."),
        (
            earlier and new.reason in {"", earlier.reason},
            f"it changes '{earlier and earlier.decision}'. Give a new reason for the change.",
        ),
    ]
    return first_problem(checks)


def is_filled_in(row: Texts) -> bool:
    """Return whether a reviewer entered anything in a row."""
    return any(row[name] for name in DECIDED)


def first_problem(checks: Checks) -> str | None:
    """Return the text of the first check that fails, or None."""
    return next((problem for fails, problem in checks if fails), None)


class Completed:
    """A completed worksheet, with its new decisions and its problems."""

    def __init__(self, path: Path, reviews: list[Archived], left: dict[str, str]) -> None:
        """Read the rows.

        Raises:
            click.ClickException: It is not a worksheet of an open review.
        """
        if path.name.encode(errors="ignore").decode() != path.name:
            raise refused(path, ["its name is not valid UTF-8. Rename it."])
        if path.suffix.lower() not in SUFFIXES or path.is_symlink() or not path.is_file():
            raise refused(path, ["only .xlsx, .csv, and .txt files are read. Save it as .xlsx."])
        self.path, self.left = path, left
        self.rows, self.sha256 = read_rows(path), sha256(path)
        self.review = review_of(path, self.rows, reviews)
        self.reviewed = date.fromisoformat(self.review.record.sync.as_of[:10])
        self.decisions: dict[str, Decision] = {}
        self.attestations: list[Row] = []
        self.problems: list[str] = []

    def read(self, imported_at: str) -> None:
        """Read the decisions and attestations.

        Raises:
            click.ClickException: The worksheet has problems.
        """
        if slashed := sum("/" in row["until"] + row["decided on"] for _, row in self.rows):
            text = "dates with slashes are ambiguous. Use dates such as 2026-08-26. Rows:"
            raise refused(self.path, [f"{text} {slashed}."])
        seen: set[str] = set()
        ordered = sorted(self.rows, key=lambda one: bool(reviewer_of_attestation(one[1]["row"])))
        for number, row in ordered:  # attestations last
            if reviewer := reviewer_of_attestation(row["row"]):
                name, problem = "the attestation", self._read_attestation(row, reviewer)
            else:
                access = access_phrase(row.get("kind"), row.get("access"))
                name, problem = f"{row.get('person')}, {access}", self._read_row(row, imported_at)
            problem = "the row is in the worksheet twice." if row["row"] in seen else problem
            seen.add(row["row"])
            if problem:
                self.problems.append(f"line {number} ({name}): {problem}")
        if not (self.problems or self.decisions or self.attestations):
            text = "it contains no new decision or attestation. If that is right, delete the file."
            self.problems.append(text)
        if self.problems:
            raise refused(self.path, self.problems)

    def _signature(self, row: Texts, reviewer: str) -> Checks:
        """Return the checks of the reviewer and the date of a decision or attestation."""
        by, on = normalized_address(row["decided by"]), parse_day(row["decided on"])
        last_day = parse_day(self.left.get(mailbox(by), ""))
        reviewed, tomorrow = self.reviewed, datetime.now(timezone.utc).date() + DAY
        return [
            (not by, f"'decided by' is empty. Enter {reviewer}."),
            (by != reviewer, f"'decided by' is {by}, but the reviewer is {reviewer}."),
            (
                on is None,
                f"'decided on' {row['decided on']!r} is not a valid date. Use {reviewed}.",
            ),
            (on and on < reviewed - DAY, f"'decided on' {on} is before the review."),
            (on and on > tomorrow, f"'decided on' {on} is in the future."),
            (last_day and on and last_day < on, f"{by} left on {last_day}, before the decision."),
        ]

    def _read_row(self, row: Texts, imported_at: str) -> str | None:
        """Add the decision of a row, and return the problem of the row, or None."""
        sent, earlier = self.review.rows.get(row["row"]), self.review.decisions.get(row["row"])
        if sent is None:
            return "the row is not in the review."
        own = {*DECIDED, "reviewer"} if row["row"] in self.review.reassigned else {*DECIDED}
        if changed := [n for n in row if n not in own and row[n] != sent.get(n, "")]:
            return f"{', '.join(changed)} was changed. Return the worksheet that you were sent."
        if not row["decision"]:
            missing = f"the imported decision '{earlier.decision}' is missing." if earlier else ""
            return missing or ("it has no decision." if is_filled_in(row) else None)
        completed = sent | {name: row[name] for name in ("row", *DECIDED)}
        decision = decision_of(completed, self.review, self.path, imported_at)
        if earlier and not is_different(earlier, decision):
            return None
        self.decisions[row["row"]] = decision
        return problem_of(decision, earlier, sent, self._signature(row, sent["reviewer"]))

    def _read_attestation(self, row: Texts, reviewer: str) -> str | None:
        """Add an attestation that is filled in, and return its problem, or None."""
        if not is_filled_in(row):
            return None
        day = iso_day(row["decided on"])
        earlier = [one for one in self.review.attestations if one["reviewer"] == reviewer]
        if self.decisions or all(one["attested_on"] < day for one in earlier):
            new = {"reviewer": reviewer, "attested_on": day, "file": self.path.name}
            self.attestations.append(new)
        own = {key for key, sent in self.review.rows.items() if sent["reviewer"] == reviewer}
        undecided = len(own - {*self.review.decisions, *self.decisions})
        missing = f"rows of {reviewer} without a decision: {undecided}"
        return first_problem(
            [
                (not own, f"{reviewer} reviews no row of this review."),
                (row["decision"] != "approve", f"decision is {row['decision']!r}. Enter approve."),
                *self._signature(row, reviewer),
                (undecided, f"{missing}. Decide all of them, or leave this row empty."),
            ]
        )


def disagreements(completed: list[Completed]) -> dict[Path, str]:
    """Return a problem for each worksheet that contradicts another one about a row."""
    problems: dict[Path, str] = {}
    known: dict[tuple[str, str], tuple[Path, Decision]] = {}
    for one in completed:
        for key, decision in one.decisions.items():
            other, first = known.setdefault((one.review.name, key), (one.path, decision))
            if is_different(first, decision):
                text = f"{other} and {one.path} disagree on row {key!r}. Neither was imported."
                problems |= {other: text, one.path: text}
    return problems


def reviewers_of(path: Path, reviews: list[Archived]) -> set[str]:
    """Return the reviewers in a worksheet. If it can't be read, use the name of the file."""
    newest = reviews[-1:]  # emails are only about this review
    known = {row["reviewer"] for review in newest for row in review.rows.values()} - {""}
    names = {"", *(f"review of {review.name}" for review in newest)}
    if path.is_symlink() or not path.is_file() or not os.access(path, os.R_OK):
        return set()
    try:
        rows = [row for _, row in read_rows(path)]
    except click.ClickException:
        return {reviewer for reviewer in known if path.name.startswith(file_name(reviewer))}
    return known & {row["reviewer"] for row in rows if row.get("review", "") in names}


def check_inbox(
    reviews: list[Archived], left: dict[str, str], imported_at: str
) -> tuple[list[Completed], list[Refusal]]:
    """Return the worksheets in the inbox that can be imported, and the refusals of the others."""
    completed: list[Completed] = []
    messages: dict[Path, str] = {}
    for path in entries(INBOX):
        try:
            worksheet = Completed(path, reviews, left)
            worksheet.read(imported_at)
            completed.append(worksheet)
        except click.ClickException as error:  # noqa: PERF203 (one file must not stop the others)
            messages[path] = error.message
    messages |= disagreements(completed)
    refusals = [Refusal(path, text, reviewers_of(path, reviews)) for path, text in messages.items()]
    return [one for one in completed if one.path not in messages], refusals


def import_worksheets(
    reviews: list[Archived], left: dict[str, str], settings: Settings
) -> tuple[int, list[str]]:
    """Import the worksheets in the inbox; return how many, and the refusals of the others.

    Args:
        reviews: All reviews.
        left: Last days of work by mailbox.
        settings: The settings.
    """
    make_folder(INBOX)
    completed, refusals = check_inbox(reviews, left, now())
    problems = list(dict.fromkeys(refusal.message for refusal in refusals))
    for review in reviews:
        if of_review := [one for one in completed if one.review is review]:
            write_import(review, of_review, settings)
    return len(completed), problems


def import_of(completed: list[Completed], number: str) -> DecisionImport:
    """Return the decisions and attestations of completed worksheets.

    Args:
        completed: The worksheets.
        number: The name of the folder of the import.
    """
    decisions = {key: decision for one in completed for key, decision in one.decisions.items()}
    for decision in decisions.values():
        decision.file = f"{number}/{decision.file}"
    attestations = [attestation for one in completed for attestation in one.attestations]
    return DecisionImport(decisions=list(decisions.values()), attestations=attestations)


def write_import(review: Archived, completed: list[Completed], settings: Settings) -> None:
    """Write a new import with decisions, and move the worksheets from the inbox into it."""
    target = next_folder(review.folder / "imports")
    record = import_of(completed, target.name)
    hosts = review.record.sync.source_hosts
    with new_step("import", review.name, target, hosts, settings) as new:
        for one in completed:
            shutil.copyfile(one.path, new / one.path.name)
            if sha256(new / one.path.name) != one.sha256:
                raise refused(one.path, ["another program changed it. Import it again."])
        write_record(new / "decisions.json", record)
    for one in completed:
        one.path.unlink()
    review.add(record)
    counts = [f"{review.counts[word]} {word}" for word in DECISIONS]
    click.echo(f"{target}: {', '.join(counts)}, {review.undecided} undecided")
