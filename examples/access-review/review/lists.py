"""A list for each reviewer: written with a review, and the names under which they come back."""

from __future__ import annotations

import hashlib
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING

from folders import Review, Row, day, reviews, write_seed
from safe import make_folder
from tables import COLUMNS, LIST, Texts, UnreadableError, read, write_csv, write_spreadsheet

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

PLAIN = re.compile(r"[a-z0-9][a-z0-9@._+-]{0,99}")
DEVICE = re.compile(r"(aux|con|nul|prn|com\d|lpt\d)(\..*)?")  # no file of Windows is called so


def file_name(address: str) -> str:
    """Give the name of somebody's list without its ending, a safe one for any file system.

    Two addresses never have the same: what is not plain gets a mark of its own, and begins with a
    sign with which no plain one begins.
    """
    address = address.lower()
    if PLAIN.fullmatch(address) and not DEVICE.fullmatch(address):
        return address
    safe = re.sub(r"[^a-z0-9@._+-]", "_", address)[:60]
    return f"_{safe}-{hashlib.sha256(address.encode()).hexdigest()[:16]}"


def due_on(row: Texts) -> date | None:
    """Give the last day on which a row is decided in time, if there is one."""
    return day(row["due"].rpartition(" ")[2])


def write_lists(folder: Path, listing: list[Texts]) -> None:
    """Write the lists of all reviewers into a new review."""
    make_folder(folder / "lists")
    make_folder(folder / "signed")
    for reviewer in sorted({row["reviewer"] for row in listing} - {""}):
        rows = [row for row in listing if row["reviewer"] == reviewer]
        path = folder / "lists" / file_name(reviewer)
        write_csv(path.with_name(f"{path.name}.csv"), rows, LIST)
        write_spreadsheet(path.with_name(f"{path.name}.xlsx"), rows, LIST)


def lists_of(review: Review) -> dict[str, list[Texts]]:
    """Give the rows of each reviewer, by the name of their list; none in an older review."""
    folder = review.folder / "lists"
    return {name: _rows(folder / f"{name}.csv", LIST) for name in review.list_names}


def whole_list(review: Review) -> list[Texts]:
    """Give all rows that are to be decided."""
    return _rows(review.folder / "access-review.csv", COLUMNS)


def _rows(path: Path, columns: dict[str, int]) -> list[Texts]:
    try:
        return [row for _, row in read(path, columns)]
    except (OSError, UnreadableError) as error:
        sys.exit(f"{path} was changed: {error}")


def write_assigned_rows() -> None:
    """Write who decides what of the newest review, and until when, as a seed of dbt."""
    rows: list[Row] = []
    for review in reviews()[-1:]:
        assigned = [row for listing in lists_of(review).values() for row in listing]
        if assigned:
            assigned += [row | {"due": ""} for row in whole_list(review) if not row["reviewer"]]
        rows += [
            {
                "review": review.name,
                "access_key": row["row"],
                "reviewer": row["reviewer"],
                "decide_by": due_on(row) or "",
            }
            for row in assigned
        ]
    write_seed("assigned_rows", ["review", "access_key", "reviewer", "decide_by"], rows)


def planned(review: str, listing: list[Texts]) -> list[Row]:
    """Give how far a review is that begins: who decides how many rows until when."""
    counts = Counter((row["reviewer"], str(due_on(row) or "")) for row in listing)
    return [
        {
            "review": review,
            "reviewer": reviewer or None,
            "decide_by": day(decide_by),
            "row_count": count,
            "decided": 0,
            "decided_late": 0,
            "is_overdue": False,
        }
        for (reviewer, decide_by), count in sorted(counts.items())
    ]
