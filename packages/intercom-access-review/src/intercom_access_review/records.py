"""The JSON files of a project. Each has a format number."""

from pathlib import Path
from typing import Literal, TypeVar

import click
import msgspec

from intercom_access_review.files import write_text
from intercom_access_review.project import Row

FORMAT = 1
Step = Literal["review", "import", "reassignment", "removals", "completion"]


class Record(msgspec.Struct, kw_only=True):
    """The base of all JSON files."""

    format: int = FORMAT


class Totals(msgspec.Struct):
    """A control total of rows."""

    rows: int
    sha256: str
    """The SHA-256 of the whole rows, in the form of the tables."""


class StreamTotals(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The control totals of a stream. They are equal, or the run fails."""

    sent: Totals
    loaded: Totals
    reviewed: Totals | None = None


class Sync(Record):
    """A complete sync. Syncs of earlier versions have only the first values."""

    as_of: str
    workspace: Row
    """id, name, and region"""
    token_owner: Row
    """id, name, and email"""
    is_time_simulated: bool = False
    """Whether as_of is simulated (demo). Whether the data is simulated shows in source_hosts."""
    source_hosts: list[str] = []
    read_at: dict[str, str] = {}
    logs_from: str | None = None
    logs_to: str | None = None
    totals: dict[str, StreamTotals] = {}
    complete: Row = {}
    """The last line of the tap's evidence."""
    files: dict[str, str] = {}
    """The SHA-256 of the files of the evidence."""
    reconciliation: Row | None = None
    operator: Row = {}
    code: Row = {}
    inputs: dict[str, str] = {}
    """The SHA-256 of the files in inputs/."""
    input_notes: list[str] = []
    """Scope limitations of the inputs, such as a missing column."""


class Review(Record):
    """A review: its sync, its deadlines, and the number of rows to decide."""

    review: str
    rows: int
    deadlines: dict[str, int]
    sync: Sync
    tests: Row = {}
    scope_limitations: list[str] = []


class Tables(Record):
    """The tables behind the page of a review, by name."""

    tables: dict[str, list[Row]]


class Decision(msgspec.Struct, kw_only=True):
    """The decision about a row of a worksheet."""

    access_key: str
    thing: str
    person: str
    email: str
    decision: str
    reason: str
    until: str
    decided_by: str
    decided_on: str
    due_on: str
    """The due date of the removal; empty: no deadline."""
    imported_at: str
    file: str
    """The completed worksheet."""


class DecisionImport(Record):
    """The decisions of one import."""

    decisions: list[Decision]
    attestations: list[Row] = []
    """Confirmations that every row was reviewed, with reviewer, attested_on, and file."""


class Reassignment(msgspec.Struct, kw_only=True):
    """The change of the reviewer of a row."""

    access_key: str
    sender: str
    receiver: str
    by: str
    reason: str
    until: str
    """The last day; empty: permanent."""


class ReassignmentStep(Record):
    """The reassignments of one step."""

    reassigned_at: str
    reassignments: list[Reassignment]


class UnbuiltLogs(Record):
    """The log entries that the tap read since the last build, if later steps failed."""

    began_at: str | None
    """The bookmark from which the first of these runs read. None: from the start date."""
    entries: dict[str, str]
    """The time of each entry by its ID."""


class Removals(Record):
    """The removals that a sync verified. Later pages and reports show them unchanged."""

    sync: Sync
    removals: list[Row]


class Completion(Record):
    """The completion report of a review."""

    review: str
    completed_at: str
    sync: Sync
    decisions: list[Decision]
    revocations: list[Row]
    exceptions: list[Row]
    attestations: list[Row] = []
    tests: Row = {}
    reassignments: list[Reassignment] = []
    quality: Row = {}


class Package(msgspec.Struct):
    """The version of this package, and the SHA-256 of its files."""

    version: str
    sha256: str


class Manifest(Record):
    """The files of a step with their hashes, and the path and hash of the previous manifest."""

    step: Step
    review: str
    written_at: str
    operator: Row
    source_hosts: list[str]
    package: Package
    files: dict[str, str]
    """The SHA-256 of each file of the step, by path below its folder."""
    previous: str = ""
    """The path of the previous manifest in the archive; empty for the first one."""
    previous_sha256: str = ""


class Items(Record):
    """The items needing attention of the last sync."""

    as_of: str
    workspace_id: str
    compared_with: str | None
    first_seen_since: str
    items: list[Row]
    is_time_simulated: bool = False


R = TypeVar("R", bound=Record)


def read_record(path: Path, kind: type[R]) -> R:
    """Read a JSON file.

    Raises:
        click.ClickException: The file is missing, was changed, or has a newer format.
    """
    try:
        content = path.read_bytes()
        found = msgspec.json.decode(content, type=Record).format
        if found <= FORMAT:
            return msgspec.json.decode(content, type=kind)
    except OSError as error:
        raise click.ClickException(f"Cannot read {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{path} was changed: {error}.") from error
    raise click.ClickException(
        f"{path} has format {found}. This version of intercom-access-review reads formats up to "
        f"{FORMAT}. Upgrade it."
    )


def write_record(path: Path, record: Record) -> None:
    """Write a record as an indented JSON file."""
    text = msgspec.json.format(msgspec.json.encode(record), indent=2).decode()
    write_text(path, f"{text}\n")
