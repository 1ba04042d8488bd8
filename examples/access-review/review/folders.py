"""Where everything is, and what a review leaves in its folder."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

HOME = Path(os.environ.get("REVIEW_HOME", "."))
SEEDS = HOME / "seeds"  # what the company knows: who is employed, who reviews what
REVIEWS = HOME / "reviews"  # the archive: a folder for each review, never written again
OUTPUT = HOME / "output"
LOADED = OUTPUT / "load"  # the rows of the last sync, where DuckDB reads them
FOR_DBT = OUTPUT / "seeds"
SYNC = OUTPUT / "sync.json"  # what the last complete sync read

EVIDENCE = {"as_of", "workspace", "earlier_reviews", "rows_to_decide", "files"}

Row = dict[str, Any]


def sha256(path: Path) -> str:
    """Give the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def is_as_written(path: Path, known: str) -> bool:
    """Tell whether a file is there and has the SHA-256 that it had."""
    return path.exists() and sha256(path) == known


def now() -> str:
    """Give the time of this machine in UTC, as it stands in the evidence."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def day(text: str) -> date | None:
    """Give a date such as 2026-08-26, or nothing."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None


def timestamp(time: str) -> str:
    """Give a time in UTC in the form that a database takes."""
    return time.removesuffix("+00:00").replace("T", " ")


def read_json(path: Path) -> Row:
    """Give what a file of ours holds; it ends here if somebody broke it."""
    try:
        content: Row = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"{path} cannot be read: {error}")
    return content


def write_json(path: Path, value: object) -> None:
    """Write a file that people can read, too."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    path.write_text(f"{text}\n", encoding="utf-8", newline="\n")


def write_seed(name: str, columns: list[str], rows: list[Row]) -> None:
    """Write rows as a seed of dbt."""
    FOR_DBT.mkdir(parents=True, exist_ok=True)
    with (FOR_DBT / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


@dataclass
class Review:
    """A folder of the archive."""

    folder: Path

    @cached_property
    def evidence(self) -> Row:
        """What stands in evidence.json."""
        path = self.folder / "evidence.json"
        evidence = read_json(path)
        if not evidence.keys() >= EVIDENCE:
            sys.exit(f"{path} was changed: it is no evidence of a review any more")
        return evidence

    @property
    def name(self) -> str:
        """The name of the folder: the date of the review."""
        return self.folder.name

    @property
    def taken_over(self) -> list[Path]:
        """What was taken over of the decisions, each file with all that was decided by then."""
        return sorted(self.folder.glob("decided-*.json"), key=lambda path: int(path.stem[8:]))

    @property
    def last_taken_over(self) -> Row:
        """What was taken over last, with the name and the SHA-256 of the signed file."""
        return read_json(self.taken_over[-1])

    @property
    def sealed(self) -> list[Path]:
        """The files that vouch for all others."""
        return [self.folder / "evidence.json", *self.taken_over]

    @property
    def decisions(self) -> list[Row]:
        """The decisions that were taken over."""
        if not self.taken_over:
            return []
        decisions: list[Row] = self.last_taken_over["decisions"]
        return decisions

    @property
    def counts(self) -> Counter[str]:
        """How often each decision was taken."""
        return Counter(decision["decision"] for decision in self.decisions)

    @property
    def undecided(self) -> int:
        """How many rows are not decided yet."""
        rows: int = self.evidence["rows_to_decide"]
        return rows - self.counts.total()

    def changed(self) -> list[str]:
        """Say which files of the snapshot are not what the evidence says."""
        return [
            f"{name} is not what was written"
            for name, known in self.evidence["files"].items()
            if not is_as_written(self.folder / name, known)
        ]


def reviews() -> list[Review]:
    """Give all reviews, the oldest first."""
    known = [Review(path.parent) for path in REVIEWS.glob("*/evidence.json")]
    return sorted(known, key=lambda review: str(review.evidence["as_of"]))


def write_review_seeds() -> None:
    """Write the reviews, and what was decided in them, as seeds of dbt."""
    known = reviews()
    rows = [{"review": r.name, "reviewed_at": timestamp(r.evidence["as_of"])} for r in known]
    write_seed("reviews", ["review", "reviewed_at"], rows)
    decisions = [
        row | decision
        for row, review in zip(rows, known, strict=True)
        for decision in review.decisions
    ]
    columns = "review reviewed_at access_key admin_id kind thing decision reason until"
    write_seed("decisions", [*columns.split(), "decided_by", "decided_on"], decisions)
