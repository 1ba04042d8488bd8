"""The rows of a run, as target-jsonl writes them: a file for each stream."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from files import RUN, Row, fail

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = {  # without one of them a file would lack what people have
    "workspaces": ("id", "name"),
    "admins": ("id", "name", "email", "has_inbox_seat", "role", "team_ids"),
    "teams": ("id", "name"),
    "team_memberships": ("team_id", "admin_id", "priority_level"),
    "activity_logs": ("activity_type", "created_at", "performed_by"),
}


def read_rows(stream: str) -> list[Row]:
    """Read the rows of a stream in a complete run; it ends here if one cannot be used."""
    rows = []
    for number, row in enumerate(parse_rows(stream), start=1):
        if row is None:
            fail(f"run/{stream}.jsonl, line {number}, is no JSON: run it again")
        if lacking := [name for name in COLUMNS[stream] if name not in row]:
            fail(
                f"run/{stream}.jsonl lacks {', '.join(lacking)}: "
                f"select '{stream}.*', without flattening"
            )
        rows.append(row)
    return rows


def parse_rows(stream: str) -> Iterator[Row | None]:
    """Parse the rows of a stream; one that is no JSON is None, as a killed run leaves it."""
    path = RUN / f"{stream}.jsonl"
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            yield row if isinstance(row, dict) else None
