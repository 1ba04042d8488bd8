"""The record of a sync, as the responses show it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from intercom_access_review.evidence import read_evidence
from intercom_access_review.identity import TAP, code, operator
from intercom_access_review.records import Sync
from intercom_access_review.sent import LISTS, LOGS
from intercom_access_review.tables import entitlements, storable
from intercom_access_review.totals import compare_loaded, difference

if TYPE_CHECKING:
    from pathlib import Path

    from intercom_access_review.evidence import Evidence
    from intercom_access_review.records import StreamTotals

SIMULATED_TIME = "REVIEWED_AT"
"""The variable with which the demo simulates a time."""
SANDBOX_HOSTS = {"127.0.0.1", "localhost"}
SHOWN = ("as_of", "source_hosts", "workspace", "token_owner", "read_at", "logs_from", "logs_to")
"""What the responses show, in addition to the control totals."""


def describe(evidence: Evidence, totals: dict[str, StreamTotals], simulated: str | None) -> Sync:
    """Return what is known about a sync.

    Args:
        evidence: The evidence of the tap.
        totals: The control totals.
        simulated: The time that the demo simulates, if any.
    """
    (workspace,) = evidence.rows["workspaces"].values()
    read_at = {
        stream: datetime.fromtimestamp(times[-1][0], timezone.utc).isoformat(timespec="seconds")
        for stream, times in evidence.complete["times"].items()
        if times
    }
    if simulated and not all(host in SANDBOX_HOSTS for host in evidence.hosts):
        raise click.ClickException(
            f"{SIMULATED_TIME} simulates a time, which only the sandbox allows. Unset it."
        )
    window = evidence.complete["filters"].get("window")
    names = ("id", "name", "email")
    return Sync(
        as_of=simulated or max(read_at[stream] for stream in LISTS),
        is_time_simulated=simulated is not None,
        source_hosts=evidence.hosts,
        workspace={name: storable(workspace[name]) for name in ("id", "name", "region")},
        token_owner={name: storable(workspace[f"token_admin_{name}"]) for name in names},
        api_version=evidence.complete["versions"].get("intercom_api"),
        tap_version=f"{TAP}/{evidence.complete['versions'].get('tap')}",
        read_at=read_at,
        logs_from=window and first_read(evidence, window["from"]),
        logs_to=window and window["to"],
        totals=totals,
        complete=evidence.complete,
        files=evidence.files,
        reconciliation=None,
        operator=operator(),
        code=code(),
    )


def first_read(evidence: Evidence, start: str) -> str:
    """Return since when log entries are known without a gap, by the state the sync began with."""
    bookmark = ((evidence.run.get("state") or {}).get("bookmarks") or {}).get(LOGS) or {}
    is_continued = bookmark.get("replication_key_value", start) >= start
    return min(start, str(bookmark.get("read_from", start))) if is_continued else start


def problems_of_sync(folder: Path, sync: Sync) -> tuple[list[str], set[str]]:
    """Compare the record of a sync with the responses that a step keeps.

    Returns:
        What differs, and the keys of the entitlements in the responses.
    """
    evidence = read_evidence(folder / "intercom")
    totals = compare_loaded(evidence.rows, evidence.rows)
    again = describe(evidence, totals, sync.as_of if sync.is_time_simulated else None)
    found = [
        difference(stream, totals[stream].sent, known.sent, f"are in the record of {folder.name}")
        for stream, known in sync.totals.items()
    ]
    found += [
        f"{name} in the record of {folder.name} is not that of the responses"
        for name in SHOWN
        if getattr(sync, name) != getattr(again, name)
    ]
    keys = {key for (key,) in entitlements(evidence.rows)}
    return [problem for problem in found if problem], keys
