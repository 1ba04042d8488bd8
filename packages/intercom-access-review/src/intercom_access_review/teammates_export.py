"""Read the teammates export of Intercom's web app, for the independent reconciliation."""

from __future__ import annotations

import time
from datetime import datetime, timezone

import click

from intercom_access_review.inputs import normalized_address
from intercom_access_review.project import INPUTS, Row
from intercom_access_review.settings import ADDRESS, PATH
from intercom_access_review.spreadsheets import csv_lines
from intercom_access_review.texts import reveal_hidden, single_line, unescape_formulas

EXPORT = INPUTS / "teammates_export.csv"
OLDEST = 24 * 60 * 60
"""The greatest age of the export, in seconds."""
AHEAD = 5 * 60
"""Seconds that the clock of a file server may be ahead."""


def address_column(head: list[str], rows: list[list[str]], wanted: str) -> int:
    """Return the column with the addresses: the one that settings.yml names, or the only one."""
    places = [n for n, name in enumerate(head) if name.casefold() == wanted.casefold()]
    if not wanted:
        found = [{row[n] for row in rows if ADDRESS.fullmatch(row[n])} for n in range(len(head))]
        places = [n for n, addresses in enumerate(found) if 2 * len(addresses) > len(rows)]
    if len(places) == 1 and any(ADDRESS.fullmatch(row[places[0]]) for row in rows):
        return places[0]
    raise click.ClickException(
        f"{EXPORT}: the column with the email addresses is unclear. Set "
        f"teammates_export_column in {PATH}. The columns are: {', '.join(head) or 'none'}."
    )


def age_problem(modified: float, now: float) -> str | None:
    """Return the reason why a file of this age isn't compared, or None."""
    at = datetime.fromtimestamp(modified, timezone.utc).isoformat(sep=" ", timespec="minutes")
    if now - modified > OLDEST:
        return f"{EXPORT.name} was saved at {at}, more than a day ago. Export it again."
    if modified - now > AHEAD:
        return f"{EXPORT.name} was saved at {at}, which is in the future by this machine's clock."
    return None


def read_export(column: str) -> tuple[Row | None, set[str]]:
    """Read the addresses in the teammates export, if there is one.

    Args:
        column: The setting teammates_export_column.

    Raises:
        click.ClickException: The file can't be read, or its column of addresses is unclear.
    """
    if not EXPORT.exists():
        return None, set()
    modified = EXPORT.stat().st_mtime
    saved_at = datetime.fromtimestamp(modified, timezone.utc).isoformat(timespec="seconds")
    if problem := age_problem(modified, time.time()):
        return {"saved_at": saved_at, "problem": problem}, set()
    column, addresses = exported_addresses(column)
    known = {"saved_at": saved_at, "problem": None, "column": column, "addresses": len(addresses)}
    return known, addresses


def exported_addresses(column: str) -> tuple[str, set[str]]:
    """Return the name of the column with the addresses, and the addresses."""
    lines = [
        [unescape_formulas(single_line(cell)) for cell in line] for _, line in csv_lines(EXPORT)
    ]
    head = lines[0] if lines else []
    if any(len(line) != len(head) for line in lines):
        raise click.ClickException(f"{EXPORT}: its lines don't have the same number of values.")
    place = address_column(head, lines[1:], column)
    values = [line[place] for line in lines[1:]]
    addresses = {normalized_address(value) for value in values if ADDRESS.fullmatch(value)}
    return reveal_hidden(head[place]), addresses
