"""Upgrade reviews by versions before this package: add files in today's format, change none."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import click

from intercom_access_review.files import make_folder
from intercom_access_review.project import REVIEWS, Row, sha256
from intercom_access_review.records import (
    Completion,
    Decision,
    DecisionImport,
    Review,
    StreamTotals,
    Sync,
    Totals,
    write_record,
)
from intercom_access_review.totals import totals_of
from intercom_access_review.worksheets import OLD_DECISIONS, read_rows, write_csv

if TYPE_CHECKING:
    from pathlib import Path

EVIDENCE = "evidence.json"
CLOSING = "closed/closing.json"


def load(path: Path) -> Row:
    """Read a JSON object."""
    content: Row = json.loads(path.read_text(encoding="utf-8"))
    return content


def decided_files(folder: Path) -> list[Path]:
    """Return the records of decisions, the oldest first."""
    return sorted(folder.glob("decided-*.json"), key=lambda path: (len(path.name), path.name))


def problems_of(folder: Path) -> list[str]:
    """Return what differs from what the files of a review say about each other."""
    evidence, closing = load(folder / EVIDENCE), folder / CLOSING
    known = [(folder, evidence["files"])]
    known += [(REVIEWS / name, files) for name, files in evidence["earlier_reviews"].items()]
    if closing.exists():
        known.append((folder, load(closing)["files"]))
        known += [(REVIEWS / name, files) for name, files in load(closing)["reviews"].items()]
    last = sha256(folder / EVIDENCE)
    before: list[Row] = []
    problems = []
    for number, path in enumerate(decided_files(folder), start=1):
        record = load(path)
        if path.name != f"decided-{number}.json" or record.get("after", last) != last:
            problems.append(f"{path} does not follow the file before it")
        if any(row not in record["decisions"] for row in before):
            problems.append(f"{path} lacks decisions of the file before it")
        last, before = sha256(path), record["decisions"]
        known.append((folder, record.get("lists") or {record["file"]: record["sha256"]}))
    return problems + [
        f"{root / name} is missing or was changed"
        for root, files in known
        for name, digest in files.items()
        if not (root / name).is_file() or sha256(root / name) != digest
    ]


def convert(folder: Path) -> None:
    """Write the files of today's format beside those of a review.

    Raises:
        click.ClickException: The review was changed since it was written.
    """
    try:
        problems = problems_of(folder)
        evidence = load(folder / EVIDENCE)
        review = review_of(folder.name, evidence)
        write_record(folder / "review.json", review)
        rows = {row["row"]: row for _, row in read_rows(folder / "access-review.csv")}
        for path in sorted((folder / "lists").glob("*.csv")):
            rows |= {row["row"]: row for _, row in read_rows(path)}
        shutil.copytree(folder / "lists", folder / "worksheets", dirs_exist_ok=True)
        write_csv(folder / "worksheets" / "all.csv", list(rows.values()))
        if decided_files(folder):
            make_folder(folder / "imports" / "1")
            record = DecisionImport(decisions=decisions_of(folder), attestations=[])
            write_record(folder / "imports" / "1" / "decisions.json", record)
        if (folder / CLOSING).exists():
            make_folder(folder / "completion")
            write_record(folder / "completion" / "completion.json", completion_of(folder, review))
    except (OSError, LookupError, TypeError, AttributeError, ValueError) as error:
        problems = [repr(error)]
    if problems:
        raise click.ClickException("\n- ".join([f"{folder} was changed:", *problems]))


def totals_by_stream(evidence: Row) -> dict[str, StreamTotals]:
    """Return the control totals of a review; the oldest ones have only counts."""
    totals = {}
    for stream, known in evidence.get("control_totals", {}).items():
        sent, loaded = (
            Totals(known[n]["rows"], known[n]["keys_sha256"]) for n in ("sent", "loaded")
        )
        totals[stream] = StreamTotals(sent=sent, loaded=loaded)
    for stream, read in evidence["lists"].items():
        sent = Totals(read.get("row_count") or 0, "")
        totals.setdefault(stream, StreamTotals(sent=sent, loaded=sent))
    return totals


def review_of(name: str, evidence: Row) -> Review:
    """Return the record of a review."""
    lists, workspace = evidence["lists"], evidence["workspace"]
    logs = lists.get("activity_logs", {})
    sync = Sync(
        as_of=evidence["as_of"],
        is_time_simulated=bool(evidence.get("as_of_is_pretended")),
        source_hosts=[],
        workspace=workspace | {"id": workspace["workspace_id"]},
        token_owner=evidence["token_owner"],
        api_version=evidence.get("api_version"),
        tap_version=evidence.get("tap_version"),
        read_at={stream: read["read_at"] for stream, read in lists.items()},
        logs_from=logs.get("read_from"),
        logs_to=logs.get("read_at"),
        totals=totals_by_stream(evidence),
        complete=evidence.get("complete", {}),
        files={},
        reconciliation=None,
        operator=evidence.get("read_by", {}),
        code=evidence.get("code", {}),
    )
    return Review(
        review=name,
        rows=evidence["rows_to_decide"],
        deadlines=evidence.get("deadlines", {}),
        sync=sync,
        tests=evidence.get("tests", {}),
        scope_limitations=evidence.get("known_limits", []),
    )


def decision_of(row: Row, imported_at: str, file: str) -> Decision:
    """Return a decision in today's format."""
    names = (
        "access_key",
        "thing",
        "person",
        "email",
        "reason",
        "until",
        "decided_by",
        "decided_on",
    )
    return Decision(
        **{name: row.get(name) or "" for name in names},
        decision=OLD_DECISIONS[row["decision"]],
        due_on=row.get("remove_by") or "",
        imported_at=imported_at,
        file=f"../{file}",
    )


def decisions_of(folder: Path) -> list[Decision]:
    """Return all decisions, and then the exceptions that accepted a revocation as a risk."""
    first: dict[str, Decision] = {}
    for path in decided_files(folder):
        record = load(path)
        for row in record["decisions"]:
            decision = decision_of(row, record["taken_over_at"], record["file"])
            first.setdefault(row["access_key"], decision)
    decisions, closing = list(first.values()), folder / CLOSING
    for row in load(closing)["removals"] if closing.exists() else ():
        if (row["accepted"] or {}).get("in") == "accepted.csv":
            known = row["accepted"]
            exception = row | {
                "decision": "exception",
                "reason": known["reason"],
                "until": known["until"],
            }
            exception |= {"decided_by": known["by"], "decided_on": known["on"]}
            decisions.append(decision_of(exception, load(closing)["closed_at"], "accepted.csv"))
    return decisions


def completion_of(folder: Path, review: Review) -> Completion:
    """Return the end of a review, as far as later steps use it."""
    closing = load(folder / CLOSING)
    current = {decision.access_key: decision for decision in decisions_of(folder)}
    totals = totals_of({(key,): None for key in current})
    return Completion(
        review=folder.name,
        completed_at=closing["closed_at"],
        sync=review.sync,
        decisions=list(current.values()),
        attestations=[],
        revocations=closing["removals"],
        exceptions=closing["exceptions"],
        tests=closing["tests"],
        review_totals=review.sync.totals,
        rows_to_decide=totals,
        rows_decided=totals,
    )
