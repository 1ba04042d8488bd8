"""The reviews in the archive, with their decisions and later steps."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from pathlib import Path

from intercom_access_review.project import Row, iso, utc
from intercom_access_review.records import (
    Completion,
    Decision,
    DecisionImport,
    Reassignment,
    ReassignmentStep,
    Record,
    Removals,
    Review,
    Step,
    read_record,
)
from intercom_access_review.worksheets import Texts, read_rows, reviewer_of_attestation

INDEX = "index.html"
STEPS: dict[Step, tuple[str, type[Record]]] = {
    "review": ("review.json", Review),
    "import": ("decisions.json", DecisionImport),
    "reassignment": ("reassignments.json", ReassignmentStep),
    "removals": ("removals.json", Removals),
    "completion": ("completion.json", Completion),
}
"""The file and the class of the record of each step."""

OutcomeKey = tuple[str, "str | None"]
"""The key of a decision and its outcome in a review: access key and time of import, in seconds."""


def decision_key(decision: Decision) -> OutcomeKey:
    """Return the key of a decision."""
    return decision.access_key, iso(utc(decision.imported_at))


def outcome_key(row: Row) -> OutcomeKey:
    """Return the key of a row of the table outcomes."""
    return row["access_key"], row["imported_at"]


@dataclass
class Archived:
    """A review in the archive."""

    folder: Path
    record: Review
    imported: list[Decision] = field(default_factory=list)
    """All decisions in the order of import, including those that were changed later."""
    decisions: dict[str, Decision] = field(default_factory=dict)
    """The current decisions, by access key."""
    open_decisions: dict[str, Decision] = field(default_factory=dict)
    """The decisions that have outcomes, by access key.

    A row has its first revocation since its last approval or verified removal, or else its current
    exception.
    """
    attestations: list[Row] = field(default_factory=list)
    """The newest attestation of each reviewer who got no row after it."""
    removals: dict[OutcomeKey, Row] = field(default_factory=dict)
    """The verified removals, as rows of the table outcomes."""
    completion: Completion | None = None
    reassignments: list[Reassignment] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the folder, which begins with the day of the review."""
        return self.folder.name

    @cached_property
    def rows(self) -> dict[str, Texts]:
        """The worksheet rows to decide, by access key, with their current reviewers."""
        rows = read_rows(self.folder / "worksheets" / "all.csv")
        found = {row["row"]: row for _, row in rows if not reviewer_of_attestation(row["row"])}
        for one in self.reassignments:
            found[one.access_key]["reviewer"] = one.receiver
        return found

    @property
    def reassigned(self) -> dict[str, Reassignment]:
        """The last reassignment of each row that has one."""
        return {one.access_key: one for one in self.reassignments}

    @property
    def counts(self) -> Counter[str]:
        """The number of rows with each decision."""
        return Counter(decision.decision for decision in self.decisions.values())

    @property
    def undecided(self) -> int:
        """The number of rows without a decision."""
        return self.record.rows - len(self.decisions)

    def add(self, record: Record) -> None:
        """Add a later step."""
        if isinstance(record, DecisionImport):  # which may change earlier decisions
            self.imported += record.decisions
            self.decisions |= {decision.access_key: decision for decision in record.decisions}
            for decision in record.decisions:
                self._open(decision)
            known = [*self.attestations, *record.attestations]
            known.sort(key=itemgetter("attested_on"))
            self.attestations = list({one["reviewer"]: one for one in known}.values())
        elif isinstance(record, ReassignmentStep):
            self.reassignments += record.reassignments
            receivers = {one.receiver for one in record.reassignments}
            self.attestations = [x for x in self.attestations if x["reviewer"] not in receivers]
            self.__dict__.pop("rows", None)
        elif isinstance(record, Removals):
            self.removals |= {outcome_key(row): row for row in record.removals}
        elif isinstance(record, Completion):
            self.completion = record

    def _open(self, new: Decision) -> None:
        """Update the open decision about a row."""
        known = self.open_decisions.get(new.access_key)
        if new.decision == "approve":
            self.open_decisions.pop(new.access_key, None)
        elif known is None or known.decision != "revoke" or decision_key(known) in self.removals:
            self.open_decisions[new.access_key] = new


def read_step(step: Step, folder: Path) -> Record:
    """Read the record of a step."""
    name, kind = STEPS[step]
    return read_record(folder / name, kind)


def add_step(reviews: dict[str, Archived], name: str, folder: Path, record: Record) -> None:
    """Add a step to the reviews by name, which contain all earlier steps.

    Args:
        reviews: The reviews.
        name: The name of the review of the step.
        folder: The folder of the step.
        record: The record of the step.
    """
    if isinstance(record, Review):
        reviews[name] = Archived(folder, record)
    else:
        reviews[name].add(record)


def due_day(row: Texts) -> str:
    """Return the due date of a row, or an empty string if it has no deadline."""
    return row.get("due", "").rpartition(" ")[2]


def decision_row(review: Archived, decision: Decision) -> Row:
    """Return a decision as a row of the table decisions."""
    admin, kind, thing_id = [*decision.access_key.split("/", 2), ""][:3]
    row = {name: getattr(decision, name) or None for name in decision.__struct_fields__}
    return row | {
        "review": review.name,
        "reviewed_at": utc(review.record.sync.as_of),
        "admin_id": admin,
        "kind": kind,
        "thing_id": thing_id,
        "email": decision.email,
        "reason": decision.reason,
        "imported_at": utc(decision.imported_at),
        "has_outcome": decision is review.open_decisions.get(decision.access_key),
    }


def archive_tables(reviews: list[Archived]) -> dict[str, list[Row]]:
    """Return the tables of the reviews and of the decisions in them, in the order of import."""
    decisions = [decision_row(review, one) for review in reviews for one in review.imported]
    decisions.sort(key=itemgetter("imported_at"))
    return {
        "reviews": [
            {"review": review.name, "reviewed_at": utc(review.record.sync.as_of)}
            for review in reviews
        ],
        "decisions": [row | {"number": n} for n, row in enumerate(decisions, start=1)],
        "removals": [
            {
                "review": review.name,
                "access_key": row["access_key"],
                "imported_at": utc(row["imported_at"]),
                "removed_detected_at": utc(row["removed_detected_at"]),
            }
            for review in reviews
            for row in review.removals.values()
        ],
        "worksheet_rows": [
            {
                "review": review.name,
                "access_key": row["row"],
                "reviewer": row["reviewer"] or None,
                "decide_by": due_day(row) or None,
            }
            for review in reviews[-1:]
            for row in review.rows.values()
        ],
    }
