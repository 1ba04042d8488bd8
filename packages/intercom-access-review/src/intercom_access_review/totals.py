"""Control totals: rows, the SHA-256 of their keys, and that of their values."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import click

from intercom_access_review.records import StreamTotals, Totals
from intercom_access_review.tables import as_stored, entitlements
from intercom_access_review.worksheets import as_read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from intercom_access_review.sent import Key, Rows
    from intercom_access_review.worksheets import Texts

ENTITLEMENTS = "entitlements"
"""What the worksheets have a row for: each workspace access, role, inbox seat, and membership."""


def sha256_of(rows: Iterable[object]) -> str:
    """Return the SHA-256 of rows in any order, by the formula of the tap."""
    encode = json.JSONEncoder(
        default=str, ensure_ascii=False, separators=(",", ":"), sort_keys=True
    ).encode
    encoded = sorted(encode(row).encode("utf-8", "surrogatepass") for row in rows)
    return hashlib.sha256(b"\n".join(encoded)).hexdigest()


def totals_of(rows: Mapping[Key, object]) -> Totals:
    """Return the control total of rows by key."""
    values = ([*key, value] for key, value in rows.items())
    return Totals(len(rows), sha256_of(map(list, rows)), sha256_of(values))


def totals_by_stream(rows: Rows) -> dict[str, Totals]:
    """Return the control totals of the rows of a sync, and of the entitlements in them."""
    totals = {
        stream: totals_of({key: as_stored(stream, row) for key, row in found.items()})
        for stream, found in rows.items()
    }
    return totals | {ENTITLEMENTS: totals_of(entitlements(rows))}


def totals_of_worksheets(rows: Mapping[str, Texts]) -> Totals:
    """Return the control total of the entitlements in the worksheets."""
    return totals_of(
        {
            (key,): [as_read(row[name]) for name in ("person", "email", "level")]
            for key, row in rows.items()
        }
    )


def difference(stream: str, sent: Totals, other: Totals, what: str) -> str | None:
    """Describe how a control total differs from that of what Intercom sent, if it does."""
    if sent == other:
        return None
    more = ""
    if sent.rows == other.rows:
        more = f" with other {'values' if sent.keys_sha256 == other.keys_sha256 else 'keys'}"
    return f"{stream}: Intercom sent {sent.rows:,} rows, and {other.rows:,} {what}{more}"


def compare_loaded(sent: Rows, loaded: Rows) -> dict[str, StreamTotals]:
    """Compare the rows that Intercom sent with those that were loaded.

    Raises:
        click.ClickException: They differ.
    """
    ours = totals_by_stream(loaded)
    compared = {
        stream: StreamTotals(sent=totals, loaded=ours[stream])
        for stream, totals in totals_by_stream(sent).items()
    }
    found = (difference(n, c.sent, c.loaded, "were loaded") for n, c in compared.items())
    if problems := [problem for problem in found if problem]:
        title = "The loaded rows are not those that Intercom sent. Read it again."
        raise click.ClickException("\n- ".join([title, *problems]))
    return compared
