"""Check the project before the tap reads Intercom, and build the tables after it."""

import os
from collections.abc import Iterable
from datetime import datetime

import click

from intercom_access_review.archive import Archived
from intercom_access_review.evidence import (
    LISTS,
    LOGS,
    OPTIONAL_LISTS,
    REQUESTS,
    Rows,
    by_key,
    check_columns,
    copy_sources,
    read_evidence,
)
from intercom_access_review.files import make_folder, write_text
from intercom_access_review.inputs import load_inputs
from intercom_access_review.items import ITEM_KINDS
from intercom_access_review.manifest import new_step, next_folder
from intercom_access_review.project import INPUTS, INTERCOM, LOADED, SYNC, Row, now, sha256, utc
from intercom_access_review.records import Removals, Sync, read_record, write_record
from intercom_access_review.settings import load_settings
from intercom_access_review.state import State
from intercom_access_review.sync_record import SIMULATED_TIME, describe
from intercom_access_review.tables import build_from
from intercom_access_review.teammates_export import read_export
from intercom_access_review.verify import load_archive
from intercom_access_review.warehouse import Warehouse, known_syncs, open_warehouse

ANEW = "MELTANO_RUN_FULL_REFRESH=true meltano run access-sync"
LOG_FILE = LOADED / f"{LOGS}.jsonl"


@click.command()
def prepare() -> None:
    """Check inputs, settings, and the warehouse before Intercom is called."""
    settings = load_settings(ITEM_KINDS)
    for note in load_inputs().notes:
        click.echo(note, err=True)
    read_export(settings.teammates_export_column)
    warehouse = open_warehouse(settings)
    warehouse.check()
    known = known_syncs(warehouse)
    check_history(load_archive(settings), known)
    check_clock(known, simulated_time() or now())
    SYNC.unlink(missing_ok=True)  # until the warehouse holds the next one
    (INTERCOM / REQUESTS).unlink(missing_ok=True)
    make_folder(LOADED)
    for stream in (*LISTS, *OPTIONAL_LISTS):  # the loader adds rows to its files
        write_text(LOADED / f"{stream}.jsonl", "")
    content = LOG_FILE.read_bytes() if LOG_FILE.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]  # a loader that was stopped leaves half a line
    write_text(LOG_FILE, whole.decode())


def check_history(reviews: list[Archived], known: Iterable[datetime]) -> None:
    """Raise an error if the warehouse lacks the sync of a review."""
    missing = [review.folder for review in reviews if utc(review.record.sync.as_of) not in known]
    if missing:
        raise click.ClickException(
            f"The warehouse doesn't have the sync of {missing[0]}, so its history is lost. Restore "
            "output/review.duckdb, or the PostgreSQL schemas, from your backup. Without a backup, "
            f"move reviews/ elsewhere and start again with '{ANEW}'. Intercom was not called."
        )


def check_clock(known: Iterable[datetime], time: str) -> None:
    """Raise an error if this sync would be older than the last one."""
    last = max(known, default=datetime.min)  # noqa: DTZ901
    if utc(time) < last:
        raise click.ClickException(
            f"This sync would be from {utc(time):%Y-%m-%d %H:%M:%S} UTC, but the last one is from "
            f"{last:%Y-%m-%d %H:%M:%S}. Correct the clock of this machine. If it was wrong at the "
            "last sync, restore the warehouse from a backup before that. Intercom was not called."
        )


def simulated_time() -> str | None:
    """Return the time that the demo simulates, if any."""
    text = os.environ.get(SIMULATED_TIME)
    try:
        return datetime.fromisoformat(f"{text}+00:00").isoformat() if text else None
    except ValueError:
        raise click.ClickException(
            f"{SIMULATED_TIME} {text!r} is not a valid time. Use '2026-08-26 12:00:00' (UTC)."
        ) from None


def load_sync() -> Sync:
    """Return the record of the last sync.

    Raises:
        click.ClickException: The last sync failed, or there is none.
    """
    if not SYNC.exists():
        raise click.ClickException(
            "The last sync did not finish. Run 'meltano run access-sync' first."
        )
    return read_record(SYNC, Sync)


def finish_sync() -> State:
    """Compare the loaded rows with the responses, and build the warehouse from them."""
    settings = load_settings(ITEM_KINDS)
    hashes = {path.name: sha256(path) for path in sorted(INPUTS.glob("*.csv"))}
    warehouse, reviews = open_warehouse(settings), load_archive(settings)
    if SYNC.exists():  # a later step failed, and this is a retry
        return State(load_sync(), reviews, warehouse, settings)
    evidence = read_evidence()
    check_columns(evidence)
    loaded = loaded_rows(warehouse, evidence.rows)
    window = evidence.complete["filters"].get("window")
    sync = describe(evidence, rows_of_sync(loaded, window), simulated_time())
    known = known_syncs(warehouse)
    check_gap(known, loaded, window)
    check_clock(known, sync.as_of)
    inputs = load_inputs(sync.as_of[:10])
    sync.inputs, sync.input_notes = hashes, inputs.notes
    sync.reconciliation, exported = read_export(settings.teammates_export_column)
    state = State(sync, reviews, warehouse, settings)
    build_from(loaded, inputs, exported, state)
    if sync.reconciliation and not sync.reconciliation["problem"]:
        sync.reconciliation["differences"] = len(state.table("export_differences"))
    write_record(SYNC, sync)
    write_text(LOG_FILE, "")
    return state


def loaded_rows(warehouse: Warehouse, streams: Iterable[str]) -> Rows:
    """Return the loaded rows of the streams, including log entries of earlier syncs."""
    return {stream: by_key(stream, warehouse.loaded(stream)) for stream in streams}


def rows_of_sync(rows: Rows, window: Row | None) -> Rows:
    """Return the loaded rows without the log entries before those of this sync."""
    if window is None:
        return rows
    begin, end = utc(window["from"]), utc(window["to"])
    entries = rows[LOGS].items()
    return rows | {LOGS: {key: row for key, row in entries if begin <= row["happened_at"] < end}}


def check_gap(known: dict[datetime, datetime | None], rows: Rows, window: Row | None) -> None:
    """Raise an error if log entries between the last sync and this one are missing."""
    last = max(filter(None, known.values()), default=None)
    if last is None or window is None or utc(window["from"]) <= last:
        return
    begin = utc(window["from"])
    if not any(last <= row["happened_at"] < begin for row in rows[LOGS].values()):
        raise click.ClickException(
            f"The log entries between {last} and {begin} UTC were read before, but are not in the "
            f"warehouse. Read all of them again: {ANEW}"
        )


def record_removals(state: State) -> None:
    """Record the removals that this sync verified in their reviews, with its evidence."""
    for review in state.reviews:
        known = {row["access_key"] for row in review.removals}
        rows = [
            row
            for row in state.revocations_of(review)
            if row["outcome"] == "removed" and row["access_key"] not in known
        ]
        if not rows:
            continue
        target = next_folder(review.folder / "removals")
        hosts = state.sync.source_hosts
        with new_step("removals", review.name, target, hosts, state.settings) as new:
            copy_sources(state.sync, new)
            record = Removals(sync=state.sync, removals=rows)
            write_record(new / "removals.json", record)
        review.add(record)
        click.echo(f"{target}: {len(rows)} verified")
