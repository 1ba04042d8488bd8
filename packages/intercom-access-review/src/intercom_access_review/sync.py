"""Before and after the tap reads Intercom: refuse what can't work, then build the tables."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from intercom_access_review.archive import Archived, archive_tables, load_archive
from intercom_access_review.dbt_build import build
from intercom_access_review.evidence import REQUESTS, check_columns, read_evidence
from intercom_access_review.files import make_folder, write_text
from intercom_access_review.inputs import Inputs, load_inputs
from intercom_access_review.items import ITEM_KINDS
from intercom_access_review.project import (
    INPUTS,
    INTERCOM,
    LOADED,
    PREPARED,
    SYNC,
    now,
    sha256,
    utc,
)
from intercom_access_review.records import (
    Prepared,
    Sync,
    read_record,
    write_record,
)
from intercom_access_review.sent import LISTS, LOGS, OPTIONAL_LISTS, Rows, by_key
from intercom_access_review.settings import load_settings
from intercom_access_review.state import State
from intercom_access_review.sync_record import SIMULATED_TIME, describe
from intercom_access_review.tables import (
    COLUMNS,
    comparison_tables,
    input_tables,
    loaded_tables,
    sync_facts,
)
from intercom_access_review.teammates_export import read_export
from intercom_access_review.totals import compare_loaded
from intercom_access_review.warehouse import (
    Warehouse,
    known_syncs,
    open_warehouse,
    rename_old_columns,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

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
    holds_logs = warehouse.holds_events()
    make_folder(LOADED)
    for stream in (*LISTS, *OPTIONAL_LISTS):  # the target adds rows to its files
        write_text(LOADED / f"{stream}.jsonl", "")
    content = LOG_FILE.read_bytes() if LOG_FILE.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]  # a target that was stopped leaves half a line
    write_text(LOG_FILE, whole.decode())
    (INTERCOM / REQUESTS).unlink(missing_ok=True)
    write_record(PREPARED, Prepared(began_at=now(), log_bytes=len(whole), holds_logs=holds_logs))


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
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise click.ClickException(
            f"{SIMULATED_TIME} {text!r} is not a valid time. Use '2026-08-26 12:00:00' (UTC)."
        ) from None
    in_utc = time.astimezone(timezone.utc) if time.tzinfo else time.replace(tzinfo=timezone.utc)
    return in_utc.isoformat(timespec="seconds")


def load_sync() -> Sync:
    """Return the last sync.

    Raises:
        click.ClickException: It failed, or none was made.
    """
    if not SYNC.exists():
        raise click.ClickException(
            "The last sync did not finish. Run 'meltano run access-sync' first."
        )
    return read_record(SYNC, Sync)


def finish_sync() -> State:
    """Compare the loaded rows with what Intercom sent, and build the warehouse from them."""
    settings = load_settings(ITEM_KINDS)
    hashes = {path.name: sha256(path) for path in sorted(INPUTS.glob("*.csv"))}
    warehouse, reviews = open_warehouse(settings), load_archive(settings)
    if SYNC.exists():  # a later step failed, and this is another try
        return State(load_sync(), reviews, warehouse, settings)
    if not PREPARED.exists():
        raise click.ClickException("Intercom was not read. Run 'meltano run access-sync'.")
    prepared, evidence = read_record(PREPARED, Prepared), read_evidence()
    check_columns(evidence)
    loaded, known = loaded_rows(warehouse, prepared, evidence.complete["streams"])
    sync = describe(evidence, compare_loaded(evidence.rows, loaded), simulated_time())
    check_gap(warehouse, prepared, sync)
    check_clock(known_syncs(warehouse), sync.as_of)
    rename_old_columns(warehouse)
    inputs = load_inputs(sync.as_of[:10])
    sync.inputs, sync.input_notes = hashes, inputs.notes
    sync.reconciliation, exported = read_export(settings.teammates_export_column)
    state = State(sync, reviews, warehouse, settings)
    build_from(known, inputs, exported, state)
    if sync.reconciliation and not sync.reconciliation["problem"]:
        sync.reconciliation["differences"] = len(state.table("export_differences"))
    write_record(SYNC, sync)
    write_text(LOG_FILE, "")
    return state


def build_from(rows: Rows, inputs: Inputs, exported: Collection[str], state: State) -> None:
    """Build the warehouse from the rows of a sync."""
    loaded = loaded_tables(rows)
    days = state.settings.terminated_remove_within_days
    state.warehouse.write(
        {
            "sync_facts": [sync_facts(state.sync, days)],
            **loaded,
            **comparison_tables(state.warehouse, loaded, inputs, state.sync),
            **input_tables(inputs, exported),
            **archive_tables(state.reviews),
        }
    )
    build(state.warehouse)


def loaded_rows(
    warehouse: Warehouse, prepared: Prepared, streams: Collection[str]
) -> tuple[Rows, Rows]:
    """Return the loaded rows: those of this sync, and those with the log entries before it."""
    lists = [*LISTS, *(stream for stream in OPTIONAL_LISTS if stream in streams)]
    rows: Rows = {s: by_key(s, warehouse.loaded(s, COLUMNS[s])) for s in lists}
    if LOGS not in streams:
        return rows, rows
    entries = list(warehouse.loaded_events(prepared, COLUMNS[LOGS]))
    new = by_key(LOGS, (row for row, is_new in entries if is_new))
    return rows | {LOGS: new}, rows | {LOGS: by_key(LOGS, (row for row, _ in entries))}


def check_gap(warehouse: Warehouse, prepared: Prepared, sync: Sync) -> None:
    """Raise an error if log entries between the last sync and this one are missing."""
    known = max(filter(None, known_syncs(warehouse).values()), default=None)
    window = sync.complete["filters"].get("window")
    if known and window and not prepared.holds_logs and utc(window["from"]) > known:
        raise click.ClickException(
            f"The log entries between {known} and {utc(window['from'])} UTC were read before, but "
            f"are not in the warehouse. Read all of them again: {ANEW}"
        )
