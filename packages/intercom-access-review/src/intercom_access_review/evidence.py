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

from intercom_access_review.files import make_folder
from intercom_access_review.project import INPUTS, INTERCOM, Row, sha256
from intercom_access_review.sent import LISTS, LOGS, Rows, sent_rows

if TYPE_CHECKING:
    from pathlib import Path

    from intercom_access_review.records import Sync

REQUESTS, RUN, BODIES = "requests.jsonl", "run.json", "bodies"
AGAIN = "Read Intercom again."
NEEDED = {
    "admins": ("id", "name", "email", "has_inbox_seat", "role.id", "role.name"),
    "teams": ("id", "name"),
    "roles": ("id", "name", "description"),
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
    bodies: set[str]
    """The names of the bodies."""
    rows: Rows
    """What Intercom sent."""


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
        return parse(folder, content, began)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise click.ClickException(f"{folder} is not from one complete sync. {AGAIN}") from error


def parse(folder: Path, content: bytes, began: bytes) -> Evidence:
    """Return the evidence in a folder.

    Args:
        folder: The folder, which has the bodies.
        content: The content of requests.jsonl.
        began: The content of run.json.

    Raises:
        ValueError: It is not from one complete sync. Broken content raises other errors.
    """
    *_, last = content.rstrip(b"\n").split(b"\n")
    *lines, complete = (json.loads(line) for line in content.splitlines())
    hashes = {
        "run_sha256": hashlib.sha256(began).hexdigest(),
        "lines_sha256": hashlib.sha256(content[: -len(last) - 1]).hexdigest(),
    }
    if complete["type"] != "complete" or not hashes.items() <= complete.items():
        raise ValueError(complete["type"])
    answered = [line for line in lines if line.get("sha256")]
    bodies = {
        name: read_body(folder / BODIES / f"{name}.json.gz")
        for name in {line.get("kept_sha256", line["sha256"]) for line in answered}
    }
    accepted = [line for line in answered if line["rows"] is not None]
    responses = ((line["stream"], json.loads(bodies[line["sha256"]])) for line in accepted)
    return Evidence(
        complete=complete,
        run=json.loads(began),
        hosts=sorted({line["host"].partition(":")[0] for line in lines if line.get("status")}),
        files={REQUESTS: hashlib.sha256(content).hexdigest(), RUN: hashes["run_sha256"]},
        bodies={f"{name}.json.gz" for name in bodies},
        rows=sent_rows(responses, complete["filters"].get("window")),
    )


def read_body(path: Path) -> bytes:
    """Return a body, which has the SHA-256 that is its name.

    Raises:
        click.ClickException: It was changed, or cannot be read.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise click.ClickException(f"Cannot read {path} ({error}). {AGAIN}") from error
    if hashlib.sha256(content).hexdigest() != path.name.partition(".")[0]:
        raise click.ClickException(f"{path} was changed since the tap wrote it. {AGAIN}")
    return content


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


def copy_sources(sync: Sync, folder: Path) -> None:
    """Copy the evidence and the inputs of a sync into a folder.

    Raises:
        click.ClickException: They are not those of the sync.
    """
    shutil.copytree(INTERCOM, folder / "intercom")
    evidence = read_evidence(folder / "intercom")
    if evidence.files != sync.files:
        raise click.ClickException(f"{INTERCOM} is from another sync. {AGAIN}")
    for path in folder.glob(f"intercom/{BODIES}/*"):
        if path.name not in evidence.bodies:
            path.unlink()
    make_folder(folder / "inputs")
    for name, digest in sync.inputs.items():
        copy = shutil.copyfile(INPUTS / name, folder / "inputs" / name)
        if sha256(copy) != digest:
            raise click.ClickException(f"{INPUTS / name} was changed since the sync. {AGAIN}")
