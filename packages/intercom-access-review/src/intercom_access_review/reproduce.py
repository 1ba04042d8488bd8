"""Reproduce a review from its stored responses and inputs, without its project and warehouse."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import click
import msgspec

from intercom_access_review.archive import Archived, add_step, read_step
from intercom_access_review.evidence import read_evidence
from intercom_access_review.identity import running_package
from intercom_access_review.inputs import load_inputs
from intercom_access_review.manifest import NAME, chain_until
from intercom_access_review.new_review import TABLES, worksheet_rows, write_results
from intercom_access_review.project import INPUTS, PAGE, Row, utc
from intercom_access_review.records import Manifest, Review, Tables, read_record
from intercom_access_review.settings import Settings
from intercom_access_review.state import State
from intercom_access_review.tables import build_from
from intercom_access_review.teammates_export import exported_addresses
from intercom_access_review.texts import bullets
from intercom_access_review.worksheets import read_rows

HISTORY_COLUMNS = {
    *("access_changes", "outcomes", "review_items", "syncs", "terminated_users"),
    *("first observed", "focus", "items", "last activity", "last decision"),
    *("first_observed", "known_since", "or_earlier", "last_activity_at"),
    *("last_activity_type", "label", "position"),
}
"""Tables and columns that depend on earlier syncs."""

Found = dict[str, "list[Row]"]
"""Rows by the name of their table or file."""


@contextmanager
def temporary_project() -> Iterator[None]:
    """Change to an empty folder, and remove it at the end."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def rebuild(target: Path, record: Review) -> tuple[State, bool]:
    """Build a warehouse from each sync in the archive, up to the sync of a review.

    Returns:
        The state, and whether these syncs read all log entries without a gap.

    Raises:
        click.ClickException: Responses or inputs are missing, or were changed.
    """
    from intercom_access_review.warehouse_duckdb import DuckDB  # noqa: PLC0415

    state = State(record.sync, [], DuckDB(), msgspec.convert(record.deadlines, Settings))
    state.warehouse.check()  # creates it
    reviews: dict[str, Archived] = {}
    built, logs_to, has_all_logs = "", "", True
    for path, manifest in chain_until(target.parent, target / NAME):
        folder = path.parent
        step = read_step(manifest.step, folder)
        sync = getattr(step, "sync", None)
        if sync and sync.as_of != built and (folder / "inputs").exists():
            state.sync, state.reviews, built = sync, list(reviews.values()), sync.as_of
            if window := build_sync(folder, state):
                has_all_logs &= utc(window["from"]) <= utc(logs_to or sync.logs_from)
                logs_to = window["to"]
        if folder != target:
            add_step(reviews, manifest.review, folder, step)
    if built != record.sync.as_of:
        raise click.ClickException(f"{target} has no inputs. An earlier version wrote it.")
    state.sync, state.reviews = record.sync, list(reviews.values())
    return state, has_all_logs


def build_sync(folder: Path, state: State) -> Row | None:
    """Build the warehouse from the files that a step keeps. Return the time span of its logs."""
    evidence = read_evidence(folder / "intercom")
    shutil.rmtree(INPUTS, ignore_errors=True)
    shutil.copytree(folder / "inputs", INPUTS)
    known = state.sync.reconciliation
    exported = exported_addresses(known["column"])[1] if known and not known["problem"] else ()
    build_from(evidence.rows, load_inputs(state.sync.as_of[:10]), exported, state)
    window: Row | None = evidence.complete["filters"].get("window")
    return window


def read_results(folder: Path) -> Found:
    """Return the rows of the worksheets in a folder, and those of the tables."""
    paths = sorted(folder.glob("worksheets/*"))
    found = {f"worksheets/{path.name}": [row for _, row in read_rows(path)] for path in paths}
    return found | read_record(folder / "tables.json", Tables).tables


def differences(stored: Found, rebuilt: Found, skipped: set[str]) -> Iterator[str]:
    """Yield a line for each value that differs, except in the skipped tables and columns."""
    for name in sorted((stored.keys() | rebuilt.keys()) - skipped):
        keys = TABLES.get(name, ("row",))
        one, other = (
            {" ".join(str(row[key]) for key in keys): row for row in rows.get(name, [])}
            for rows in (stored, rebuilt)
        )
        for key in sorted(one.keys() | other.keys()):
            then, now = one.get(key), other.get(key)
            if then is None or now is None:
                yield f"{name}, {key}: only in the {'reproduction' if then is None else 'review'}"
                continue
            for column in sorted((then | now).keys() - skipped):
                if then.get(column) != now.get(column):
                    values = f"{then.get(column)!r} in the review, {now.get(column)!r} reproduced"
                    yield f"{name}, {key}, {column}: {values}"


def report(stored: Found, found: list[str], skipped: set[str]) -> None:
    """Print the result of `reproduce`.

    Raises:
        click.ClickException: There are differences.
    """
    if found:
        text = f"The review was not reproduced. Differences: {len(found)}."
        raise click.ClickException(bullets("These values differ:", found, 50) + f"\n{text}")
    names = stored.keys() - skipped
    count = sum(len(stored[name]) for name in names)
    exception = ", except what is listed above" if skipped else ""
    text = f"{count:,} rows of {len(names)} tables are the same"
    click.echo(f"The review was reproduced{exception}: {text}.")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def reproduce(folder: Path) -> None:
    """Rebuild the review in FOLDER from its responses and inputs, and compare every value.

    Earlier reviews have to be next to it. You don't need a network, a warehouse, or a token.
    """
    if not (find_spec("dbt") and find_spec("duckdb")):
        raise click.ClickException("Install 'intercom-access-review[duckdb]' for this command.")
    folder = folder.absolute()
    record = read_record(folder / "review.json", Review)
    manifest = read_record(folder / NAME, Manifest)
    stored, page = read_results(folder), (folder / PAGE.name).read_bytes()
    with temporary_project():
        state, has_all_logs = rebuild(folder, record)
        write_results(Path(), folder.name, worksheet_rows(folder.name, state), state)
        rebuilt, is_same_page = read_results(Path()), Path(PAGE.name).read_bytes() == page
    has_history = has_all_logs and stored["syncs"] == rebuilt["syncs"]
    skipped = set() if has_history else {*HISTORY_COLUMNS, PAGE.name}
    found = list(differences(stored, rebuilt, skipped))
    if skipped:
        click.echo(
            f"Not reproduced: {', '.join(sorted(skipped))}. They depend on earlier syncs or log "
            "entries, and some of those aren't in the archive."
        )
    elif manifest.package != running_package():
        click.echo(f"{PAGE.name} was not compared, because another version wrote it.")
        skipped = {PAGE.name}
    elif not is_same_page:
        found.append(f"{PAGE.name} differs from the reproduced page")
    report(stored, found, skipped)
