"""The evidence folder of the tap: what Intercom sent in the last sync."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from intercom_access_review.project import INTERCOM, Row
from intercom_access_review.records import StreamTotals, Totals

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

REQUESTS, RUN, BODIES = "requests.jsonl", "run.json", "bodies"
LISTS = ("workspaces", "admins", "teams", "team_memberships")
LOGS = "activity_logs"
AGAIN = "Read Intercom again."
NEEDED = {
    "admins": ("id", "name", "email", "has_inbox_seat", "role.id", "role.name"),
    "teams": ("id", "name"),
    "team_memberships": ("team_id", "admin_id", "priority_level"),
    LOGS: (
        *("id", "created_at", "activity_type", "activity_description"),
        *("performed_by.id", "performed_by.email"),
    ),
}
"""The columns that a review uses."""


@dataclass
class Evidence:
    """The evidence of a complete sync."""

    complete: Row
    """The last line."""
    run: Row
    """What the sync began with."""
    hosts: list[str]
    """Who answered, without the port."""
    files: dict[str, str]
    """SHA-256 by name, of everything but the bodies."""
    bodies: list[str]


def totals_of(keys: Iterable[tuple[str, ...]]) -> Totals:
    """Return the number of distinct keys, and their SHA-256 by the formula of the tap."""
    lines = {json.dumps(list(key), separators=(",", ":"), ensure_ascii=False) for key in keys}
    content = b"\n".join(sorted(line.encode("utf-8", "surrogatepass") for line in lines))
    return Totals(len(lines), hashlib.sha256(content).hexdigest())


def read_evidence(folder: Path = INTERCOM) -> Evidence:
    """Read the evidence of a sync.

    Raises:
        click.ClickException: It is missing, incomplete, or was changed.
    """
    requests, run = folder / REQUESTS, folder / RUN
    try:
        content, began = requests.read_bytes(), run.read_bytes()
    except OSError as error:
        raise click.ClickException(
            f"The tap kept no evidence of this sync ({error.filename}: {error.strerror}). In "
            f"meltano.yml, set evidence_path of tap-intercom-access to {INTERCOM.as_posix()}."
        ) from error
    try:
        evidence = parse(content, began)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise click.ClickException(f"{folder} is not from one complete sync. {AGAIN}") from error
    for name in evidence.bodies:
        check_body(folder / BODIES / name)
    return evidence


def parse(content: bytes, began: bytes) -> Evidence:
    """Return the evidence in the content of its two files.

    Raises:
        ValueError: They are not from one complete sync. Broken content raises other errors.
    """
    *_, last = content.rstrip(b"\n").split(b"\n")
    *lines, complete = (json.loads(line) for line in content.splitlines())
    hashes = {
        "run_sha256": hashlib.sha256(began).hexdigest(),
        "lines_sha256": hashlib.sha256(content[: -len(last) - 1]).hexdigest(),
    }
    if complete["type"] != "complete" or not hashes.items() <= complete.items():
        raise ValueError(complete["type"])
    run = json.loads(began)
    bodies = {line.get("kept_sha256", line["sha256"]) for line in lines if line.get("sha256")}
    if run.get("settings", {}).get("evidence_bodies") is False:  # an older version of the tap
        bodies = set()
    return Evidence(
        complete=complete,
        run=run,
        hosts=sorted({line["host"].partition(":")[0] for line in lines if line.get("status")}),
        files={REQUESTS: hashlib.sha256(content).hexdigest(), RUN: hashes["run_sha256"]},
        bodies=sorted(f"{name}.json.gz" for name in bodies),
    )


def check_body(path: Path) -> None:
    """Raise an error if a body doesn't have the SHA-256 that is its name."""
    digest = hashlib.sha256()
    try:
        with gzip.open(path) as file:
            while part := file.read(1 << 20):
                digest.update(part)
    except (OSError, EOFError, zlib.error) as error:
        raise click.ClickException(f"Cannot read {path} ({error}). {AGAIN}") from error
    if digest.hexdigest() != path.name.partition(".")[0]:
        raise click.ClickException(f"{path} was changed since the tap wrote it. {AGAIN}")


def check_columns(evidence: Evidence) -> None:
    """Raise an error if a sync didn't read all that a review needs, as Intercom sent it."""
    problems = []
    if maps := evidence.complete.get("filters", {}).get("stream_maps"):
        problems.append(
            f"stream_maps are set for {', '.join(sorted(maps))}. A review needs the rows as "
            "Intercom sent them. Remove stream_maps from meltano.yml."
        )
    if evidence.run.get("settings", {}).get("flattening_enabled"):
        problems.append(
            "flattening_enabled moves roles to other columns. Remove it from meltano.yml."
        )
    streams = evidence.complete["streams"]
    unread = [stream for stream in LISTS if stream not in streams]
    problems += [f"{name} was not read. Select '{name}.*' in meltano.yml." for name in unread]
    for stream, needed in NEEDED.items():
        selected = streams.get(stream, {}).get("columns", needed)
        if missing := [column for column in needed if column not in selected]:
            problems.append(f"{stream} was read without {', '.join(missing)}. Select all columns.")
    if problems:
        raise click.ClickException("\n- ".join(["The sync is not usable for a review:", *problems]))


def difference(stream: str, sent: Totals, other: Totals, what: str) -> str | None:
    """Describe how a control total differs from that of what Intercom sent, if it does."""
    if sent == other:
        return None
    keys = " with other keys" if sent.rows == other.rows else ""
    return f"{stream}: Intercom sent {sent.rows:,} rows, and {other.rows:,} {what}{keys}"


def compare_loaded(
    evidence: Evidence, loaded: dict[str, Iterable[tuple[str, ...]]]
) -> dict[str, StreamTotals]:
    """Compare what Intercom sent with the keys of the rows that were loaded.

    Raises:
        click.ClickException: They differ.
    """
    compared, problems = {}, []
    for stream, keys in loaded.items():
        line = evidence.complete["streams"][stream]
        sent, found = Totals(line["rows"], line["keys_sha256"]), totals_of(keys)
        problems.append(difference(stream, sent, found, "were loaded"))
        compared[stream] = StreamTotals(sent=sent, loaded=found)
    if named := [problem for problem in problems if problem]:
        raise click.ClickException(
            "\n- ".join(
                ["The loaded rows are not those that Intercom sent. Read it again.", *named]
            )
        )
    return compared


def copy_evidence(files: dict[str, str], folder: Path) -> None:
    """Copy the evidence of a sync into a folder.

    Raises:
        click.ClickException: The evidence is that of another sync.
    """
    shutil.copytree(INTERCOM, folder)
    evidence = read_evidence(folder)
    if evidence.files != files:
        raise click.ClickException(f"{INTERCOM} is from another sync. {AGAIN}")
    for path in folder.glob(f"{BODIES}/*"):
        if path.name not in evidence.bodies:
            path.unlink()
