"""Describe a sync: its times, hosts, workspace, and owner of the token, and control totals."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timezone

import click

from intercom_access_review.evidence import LISTS, Evidence, Key, Rows, log_bookmark
from intercom_access_review.identity import code, operator
from intercom_access_review.records import StreamTotals, Sync, Totals
from intercom_access_review.texts import bullets, visible_name
from intercom_access_review.worksheets import Texts, as_read

SIMULATED_TIME = "REVIEWED_AT"
"""The variable with which the demo simulates a time."""
SANDBOX_HOSTS = {"127.0.0.1", "localhost"}
CHECKED = (
    *("as_of", "source_hosts", "workspace", "token_owner", "read_at", "logs_from", "logs_to"),
    *("complete", "files"),
)
"""The values in the record of a sync that `verify` computes again from the responses."""
ENTITLEMENTS = "entitlements"
"""The control total of the rows in the worksheets: workspace access, roles, seats, and teams."""


def entitlements(rows: Rows) -> dict[Key, list[str]]:
    """Return the entitlements in the rows of a sync, by access key: person, address, and level."""
    people, levels = {}, {}
    for (id_,), admin in rows["admins"].items():
        people[id_] = [visible_name(admin["name"]) or id_, admin["email"]]
        levels[f"{id_}/workspace"] = ""
        if admin["role_id"]:
            levels[f"{id_}/role/{admin['role_id']}"] = ""
        if admin["has_inbox_seat"]:
            levels[f"{id_}/seat"] = ""
    for (team, member), row in rows["team_memberships"].items():
        levels[f"{member}/team/{team}"] = row["priority_level"] or ""
    found: dict[Key, list[str]] = {}
    for key, level in levels.items():
        id_ = key.partition("/")[0]
        found[(key,)] = [as_read(text) for text in (*people.get(id_, (id_, "")), level)]
    return found


def totals_of(rows: Mapping[Key, object]) -> Totals:
    """Return the control total of rows by key. Their order doesn't matter."""
    lines = [json.dumps([*key, row], default=str, sort_keys=True) for key, row in rows.items()]
    return Totals(len(rows), hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest())


def totals_by_stream(rows: Rows) -> dict[str, Totals]:
    """Return the control totals of the rows of a sync, and of the entitlements in them."""
    totals = {stream: totals_of(found) for stream, found in rows.items()}
    return totals | {ENTITLEMENTS: totals_of(entitlements(rows))}


def totals_of_worksheets(rows: Mapping[str, Texts]) -> Totals:
    """Return the control total of the entitlements in the worksheets."""
    return totals_of(
        {
            (key,): [as_read(row[name]) for name in ("person", "email", "level")]
            for key, row in rows.items()
        }
    )


def difference(stream: str, sent: Totals, other: Totals, what: str) -> list[str]:
    """Return a line if a control total differs from that of the responses."""
    if sent == other:
        return []
    more = " with other values" if sent.rows == other.rows else ""
    return [f"{stream}: Intercom sent {sent.rows:,} rows, and {other.rows:,} {what}{more}"]


def compare_loaded(sent: Rows, loaded: Rows) -> dict[str, StreamTotals]:
    """Compare the rows that Intercom sent with those that were loaded.

    Raises:
        click.ClickException: The rows differ.
    """
    ours = totals_by_stream(loaded)
    compared = {
        stream: StreamTotals(sent=totals, loaded=ours[stream])
        for stream, totals in totals_by_stream(sent).items()
    }
    problems: list[str] = []
    for stream, totals in compared.items():
        problems += difference(stream, totals.sent, totals.loaded, "were loaded")
    if problems:
        title = "The loaded rows differ from those that Intercom sent. Run the sync again."
        raise click.ClickException(bullets(title, problems))
    return compared


def describe(evidence: Evidence, loaded: Rows, simulated: str | None) -> Sync:
    """Return the record of a sync.

    Args:
        evidence: The evidence of the tap.
        loaded: The rows that were loaded.
        simulated: The time that the demo simulates, if any.

    Raises:
        click.ClickException: The loaded rows differ from the responses.
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
        workspace={name: workspace[name] for name in ("id", "name", "region")},
        token_owner={name: workspace[f"token_admin_{name}"] for name in names},
        read_at=read_at,
        logs_from=window and first_read(evidence, window["from"]),
        logs_to=window and window["to"],
        totals=compare_loaded(evidence.rows, loaded),
        complete=evidence.complete,
        files=evidence.files,
        operator=operator(),
        code=code(),
    )


def first_read(evidence: Evidence, start: str) -> str:
    """Return the time since which log entries have no gap, based on the tap's earlier state."""
    bookmark = log_bookmark(evidence.run)
    is_continued = bookmark.get("replication_key_value", start) >= start
    return min(start, str(bookmark.get("read_from", start))) if is_continued else start


def problems_of_sync(evidence: Evidence, sync: Sync, name: str) -> list[str]:
    """Return the differences between the record of a sync and the responses.

    Args:
        evidence: The evidence of the sync, with the responses.
        sync: The record of the sync.
        name: The name of the folder of the step.
    """
    simulated = sync.as_of if sync.is_time_simulated else None
    again = describe(evidence, evidence.rows, simulated)
    problems = [
        f"{value} in the record of {name} differs from the responses"
        for value in CHECKED
        if getattr(sync, value) != getattr(again, value)
    ]
    if sync.totals.keys() != again.totals.keys():
        problems.append(f"the control totals in the record of {name} are of other streams")
    for stream, totals in again.totals.items():
        known = sync.totals.get(stream, totals)
        for total in filter(None, (known.sent, known.loaded, known.reviewed)):
            problems += difference(stream, totals.sent, total, f"are in the record of {name}")
    return list(dict.fromkeys(problems))
