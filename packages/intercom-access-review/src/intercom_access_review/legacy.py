"""Upgrade reviews of versions before this package: add files in today's format, change none."""

import json
from pathlib import Path

import click
import msgspec

from intercom_access_review.manifest import NAME, new_step, seal_step, show_hash
from intercom_access_review.project import REVIEWS, Row, sha256
from intercom_access_review.records import (
    Completion,
    Decision,
    DecisionImport,
    Record,
    Review,
    Step,
    StreamTotals,
    Sync,
    Totals,
    write_record,
)
from intercom_access_review.settings import Settings
from intercom_access_review.texts import bullets
from intercom_access_review.worksheets import OLD_DECISIONS, read_rows, write_worksheets

EVIDENCE = "evidence.json"
CLOSING = "closed/closing.json"


def load(path: Path) -> Row:
    """Read a JSON object."""
    content: Row = json.loads(path.read_text(encoding="utf-8"))
    return content


def decided_files(folder: Path) -> list[Path]:
    """Return the records of decisions, the oldest first."""
    return sorted(folder.glob("decided-*.json"), key=lambda path: (len(path.name), path.name))


def is_legacy(folder: Path) -> bool:
    """Return whether a version before this package wrote a review."""
    return (folder / EVIDENCE).is_file()


def problems_of(folder: Path) -> list[str]:
    """Return the files of a review that are missing, or differ from the recorded hashes."""
    try:
        return changed_files(folder)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        return [f"{folder / EVIDENCE} has unexpected values ({error!r})"]


def changed_files(folder: Path) -> list[str]:
    """Return the files of a review that are missing, or differ from the recorded hashes."""
    evidence, closing = load(folder / EVIDENCE), folder / CLOSING
    known = [(folder, evidence["files"])]
    known += [(folder.parent / name, files) for name, files in evidence["earlier_reviews"].items()]
    if closing.exists():
        known.append((folder, load(closing)["files"]))
        known += [(folder.parent / name, files) for name, files in load(closing)["reviews"].items()]
    last = sha256(folder / EVIDENCE)
    before: list[Row] = []
    problems = []
    for number, path in enumerate(decided_files(folder), start=1):
        record = load(path)
        if path.name != f"decided-{number}.json" or record.get("after", last) != last:
            problems.append(f"{path} does not match the file before it")
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


def upgrade(settings: Settings) -> None:
    """Add the steps of today's format to each review of an earlier version that lacks them."""
    for path in sorted(REVIEWS.glob(f"[0-9]*[0-9]/{EVIDENCE}")):
        folder = path.parent
        try:
            if not (folder / NAME).exists():
                click.echo(f"An earlier version wrote {folder}. Adding its manifest.")
                add_review(folder, settings)
            for name, record in records_of(folder).items():
                target = (folder / name).parent
                if not target.exists():
                    step: Step = "import" if isinstance(record, DecisionImport) else "completion"
                    with new_step(step, folder.name, target, [], settings) as new:
                        write_record(new / Path(name).name, record)
        except (OSError, LookupError, TypeError, AttributeError, ValueError) as error:
            raise click.ClickException(f"{folder} was changed: {error!r}.") from error


def add_review(folder: Path, settings: Settings) -> None:
    """Write the record and the worksheets of a review.

    Raises:
        click.ClickException: The review was changed since it was written.
    """
    if problems := problems_of(folder):
        raise click.ClickException(bullets(f"{folder} was changed:", problems))
    rows = {row["row"]: row for _, row in read_rows(folder / "access-review.csv")}
    for path in sorted((folder / "lists").glob("*.csv")):
        rows |= {row["row"]: row for _, row in read_rows(path)}
    write_worksheets(folder / "worksheets", folder.name, list(rows.values()))
    write_record(folder / "review.json", review_of(folder))
    seal_step(folder, "review", folder.name, [], settings)
    show_hash(folder)


def records_of(folder: Path) -> dict[str, Record]:
    """Return the records that `upgrade` adds to a review, by path."""
    records: dict[str, Record] = {"review.json": review_of(folder)}
    if decided_files(folder):
        records["imports/1/decisions.json"] = DecisionImport(decisions=decisions_of(folder))
    if (folder / CLOSING).exists():
        records["completion/completion.json"] = completion_of(folder)
    return records


def completion_of(folder: Path) -> Completion:
    """Return the record of the completion, with the values that later steps use."""
    closing = load(folder / CLOSING)
    return Completion(
        review=folder.name,
        completed_at=closing["closed_at"],
        sync=review_of(folder).sync,
        decisions=list({one.access_key: one for one in decisions_of(folder)}.values()),
        revocations=closing["removals"],
        exceptions=closing["exceptions"],
    )


def review_of(folder: Path) -> Review:
    """Return the record of a review, with the values that later steps use."""
    evidence = load(folder / EVIDENCE)
    workspace, totals = evidence["workspace"], {}
    for stream, known in evidence["control_totals"].items():
        sent = Totals(known["sent"]["rows"], "")
        totals[stream] = StreamTotals(sent=sent, loaded=sent)
    sync = Sync(
        as_of=evidence["as_of"],
        is_time_simulated=evidence["as_of_is_pretended"],
        workspace=workspace | {"id": workspace["workspace_id"]},
        token_owner=evidence["token_owner"],
        totals=totals,
    )
    rows, days = evidence["rows_to_decide"], evidence["deadlines"]
    return Review(review=folder.name, rows=rows, deadlines=days, sync=sync)


def decision_of(row: Row, imported_at: str, file: str) -> Decision:
    """Return a decision in today's format."""
    known = {name: value or "" for name, value in row.items()}
    known |= {"decision": OLD_DECISIONS[row["decision"]], "due_on": known.get("remove_by", "")}
    return msgspec.convert(known | {"imported_at": imported_at, "file": f"../{file}"}, Decision)


def decisions_of(folder: Path) -> list[Decision]:
    """Return all decisions, followed by the exceptions that accepted the risk of a revocation."""
    first: dict[str, Decision] = {}
    for path in decided_files(folder):
        record = load(path)
        for row in record["decisions"]:
            decision = decision_of(row, record["taken_over_at"], record["file"])
            first.setdefault(row["access_key"], decision)
    decisions, closing = list(first.values()), folder / CLOSING
    for row in load(closing)["removals"] if closing.exists() else ():
        known = row["accepted"] or {}
        if known.get("in") == "accepted.csv":
            by = {"decided_by": known["by"], "decided_on": known["on"], "decision": "exception"}
            at = load(closing)["closed_at"]
            decisions.append(decision_of(row | known | by, at, "accepted.csv"))
    return decisions
