"""Fails a stream whose list lost too many rows since the last complete sync."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tap_intercom_access.errors import InputError, StreamError
from tap_intercom_access.intercom.errors import counted

ALWAYS_ACCEPTED = 10
"""Number of lost rows that is always accepted, unless no rows are left."""

CAUSES_AND_ADVICE = (
    "No rows were marked as removed. Possible causes: a lost permission, a plan change, a token "
    "for another workspace, or an outage at Intercom. If the removals are real, accept them with "
    "TAP_INTERCOM_ACCESS_MAX_REMOVED_PERCENT=100 for one run, or with --full-refresh."
)


def is_shrunk(before: int, now: int, percent: float) -> bool:
    """Return whether a list lost too large a share, and more than ten rows or all of them."""
    lost = before - now
    return (lost > ALWAYS_ACCEPTED or not now) and lost * 100 > before * percent


def check_size(stream: str, state: Mapping[str, Any], rows: int, percent: float) -> None:
    """Compare a full list with the last complete one, whose size is in the state.

    Raises:
        InputError: if the state doesn't contain a number of rows.
        StreamError: if the list lost too many rows.
    """
    before, read_at = state.get("rows"), state.get("rows_read_at")
    if "rows" in state and not (type(before) is int and before >= 0):
        raise InputError(
            f"The state of {stream} has an invalid row count ({before!r}). Pass the last STATE "
            "value of an earlier run, or none."
        )
    if before is not None and is_shrunk(before, rows, percent):
        raise StreamError(
            f"{stream}: Intercom returned {counted(rows, 'row')}, {before - rows} fewer than in "
            f"the last complete sync ({counted(before, 'row')}, {read_at or 'time unknown'}). This "
            f"loss exceeds max_removed_percent ({percent:g}). {CAUSES_AND_ADVICE}"
        )
