"""Check the project before the tap reads Intercom, and build the tables after it."""

import os
from collections.abc import Iterable
from datetime import datetime

import click

from intercom_access_review.archive import Archived, outcome_key
from intercom_access_review.evidence import (
    LISTS,
    LOGS,
    OPTIONAL_LISTS,
    REQUESTS,
    Evidence,
    Key,
    Rows,
    by_key,
    check_columns,
    copy_sources,
    log_bookmark,
    read_evidence,
    read_logs,
)
from intercom_access_review.files import make_folder, write_text
from intercom_access_review.inputs import load_inputs
from intercom_access_review.items import ITEM_KINDS
from intercom_access_review.manifest import new_step, next_folder
from intercom_access_review.project import (
    INPUTS,
    INTERCOM,
    LOADED,
    SYNC,
    UNBUILT,
    Row,
    as_json,
    now,
    sha256,
    utc,
)
from intercom_access_review.records import Removals, Sync, UnbuiltLogs, read_record, write_record
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
    if not SYNC.exists():
        keep_unbuilt_logs()
    SYNC.unlink(missing_ok=True)  # until the warehouse holds the next one
    (INTERCOM / REQUESTS).unlink(missing_ok=True)
    make_folder(LOADED)
    for stream in (*LISTS, *OPTIONAL_LISTS):  # the loader adds rows to its files
        write_text(LOADED / f"{stream}.jsonl", "")
    content = LOG_FILE.read_bytes() if LOG_FILE.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]  # a loader that was stopped leaves half a line
    write_text(LOG_FILE, whole.decode())


def keep_unbuilt_logs() -> None:
    """Remember the log entries of the last run of the tap, because the warehouse lacks them."""
    if (found := read_logs()) is None:
        return
    bookmark, entries = found
    known = unbuilt_logs(bookmark)
    known.entries |= {id_: as_json(row)["happened_at"] for (id_,), row in entries.items()}
    write_record(UNBUILT, known)


def unbuilt_logs(bookmark: str | None) -> UnbuiltLogs:
    """Return the log entries of earlier runs that the warehouse lacks.

    Args:
        bookmark: The bookmark of the current run, which is the first one if there are none.
    """
    return read_record(UNBUILT, UnbuiltLogs) if UNBUILT.exists() else UnbuiltLogs(bookmark, {})


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
    sync = describe(evidence, rows_of_sync(loaded, evidence.rows), simulated_time())
    known = known_syncs(warehouse)
    if LOGS in loaded:
        last = max(filter(None, known.values()), default=datetime.min)  # noqa: DTZ901
        loaded[LOGS] = new_logs(evidence, loaded, last)
    check_clock(known, sync.as_of)
    inputs = load_inputs(sync.as_of[:10])
    sync.inputs, sync.input_notes = hashes, inputs.notes
    sync.reconciliation, exported = read_export(settings.teammates_export_column)
    state = State(sync, reviews, warehouse, settings)
    build_from(loaded, inputs, exported, state)
    if sync.reconciliation and not sync.reconciliation["problem"]:
        sync.reconciliation["differences"] = len(state.table("export_differences"))
    UNBUILT.unlink(missing_ok=True)
    write_record(SYNC, sync)
    write_text(LOG_FILE, "")
    return state


def loaded_rows(warehouse: Warehouse, streams: Iterable[str]) -> Rows:
    """Return the loaded rows of the streams, including log entries of earlier syncs."""
    return {stream: by_key(stream, warehouse.loaded(stream)) for stream in streams}


def rows_of_sync(loaded: Rows, sent: Rows) -> Rows:
    """Return the loaded rows without the log entries that this sync didn't read."""
    entries = loaded.get(LOGS, {}).items()
    logs = {key: row for key, row in entries if key in sent[LOGS]}
    return {stream: logs if stream == LOGS else rows for stream, rows in loaded.items()}


def new_logs(evidence: Evidence, loaded: Rows, last: datetime) -> dict[Key, Row]:
    """Return the loaded log entries that the warehouse lacks.

    Args:
        evidence: The evidence of this sync.
        loaded: The rows that the loader holds, also log entries of earlier syncs.
        last: Up to when the warehouse knows all log entries.

    Raises:
        click.ClickException: An entry between the last sync and this one is missing.
    """
    window, found = evidence.complete["filters"].get("window"), loaded.get(LOGS, {})
    bookmark = log_bookmark(evidence.run).get("replication_key_value")
    unbuilt = unbuilt_logs(bookmark)
    keys = evidence.rows.get(LOGS, {}).keys() | {(id_,) for id_ in unbuilt.entries}
    if window and bookmark and (end := utc(window["from"])) > last:
        between = (id_ for id_, time in unbuilt.entries.items() if last <= utc(time) < end)
        is_missing = any((id_,) not in found for id_ in between)
        if is_missing or (unbuilt.began_at and utc(unbuilt.began_at) > last):
            raise click.ClickException(
                f"Log entries before {end} UTC were read before, but are not in the warehouse. "
                f"Read all of them again: {ANEW}"
            )
    return {key: row for key, row in found.items() if key in keys}


def record_removals(state: State) -> None:
    """Record the removals that this sync verified in their reviews, with its evidence."""
    for review in state.reviews:
        rows = [
            row
            for row in state.revocations_of(review)
            if row["outcome"] == "removed"
            and utc(row["imported_at"]) < state.read_since  # the next sync observes newer decisions
            and outcome_key(row) not in review.removals
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
