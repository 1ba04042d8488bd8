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
    """What every JSON file has."""

    format: int = FORMAT


class Totals(msgspec.Struct):
    """A control total of rows."""

    rows: int
    sha256: str
    """Of the whole rows, in the form in which the tables have them."""


class StreamTotals(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The control totals of a stream, which are equal."""

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
    """Whether the demo simulates as_of. Whether the data is simulated shows in source_hosts."""
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
    """What the inputs don't say."""


class Review(Record):
    """A review: what was read, and what has to be decided."""

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
    """Last day for a revocation; empty: no deadline."""
    imported_at: str
    file: str
    """The completed worksheet."""


class DecisionImport(Record):
    """The decisions of one import."""

    decisions: list[Decision]
    attestations: list[Row] = []
    """Who confirmed that they reviewed every row, and when: reviewer, attested_on, and file"""


class Reassignment(msgspec.Struct, kw_only=True):
    """The change of the reviewer of a row."""

    access_key: str
    sender: str
    receiver: str
    by: str
    reason: str
    until: str
    """The last day; empty: for good."""


class ReassignmentStep(Record):
    """The rows that changed their reviewer in one step."""

    reassigned_at: str
    reassignments: list[Reassignment]


class Removals(Record):
    """The removals that a sync verified, as the pages show them from then on."""

    sync: Sync
    removals: list[Row]


class Completion(Record):
    """The end of a review."""

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


class Manifest(Record):
    """What a step wrote, and after which step."""

    step: Step
    review: str
    written_at: str
    operator: Row
    source_hosts: list[str]
    package: Row
    """The version of this package, and the SHA-256 of its files"""
    files: dict[str, str]
    """The SHA-256 of each file of the step, by path below its folder."""
    previous: str = ""
    """The path of the manifest before, below the archive; empty for the first one."""
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
    """Write a record as a JSON file that people can read, too."""
    text = msgspec.json.format(msgspec.json.encode(record), indent=2).decode()
    write_text(path, f"{text}\n")
