"""Read the tap's evidence folder, which contains Intercom's responses in the last sync.

Loaded rows and rows in responses are brought into the same form, so that they can be compared.
"""

import contextlib
import gzip
import hashlib
import json
import re
import shutil
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec

from intercom_access_review.files import make_folder
from intercom_access_review.inputs import normalized_address
from intercom_access_review.project import INPUTS, INTERCOM, Row, sha256, utc
from intercom_access_review.records import Sync
from intercom_access_review.texts import bullets, visible_name

LISTS = ("workspaces", "admins", "teams", "team_memberships")
OPTIONAL_LISTS = ("roles",)
LOGS = "activity_logs"
KEYS = {"team_memberships": ("team_id", "admin_id")}
"""The key columns of streams whose key isn't the ID."""
LISTED: dict[str, tuple[str, ...]] = {stream: (stream,) for stream in ("admins", "teams", LOGS)}
LISTED |= {"team_memberships": ("teams",), "roles": ("data", "roles")}
"""The JSON keys that can contain the rows of a response, by the stream that requested it."""

Key = tuple[str, ...]
Rows = dict[str, dict[Key, Row]]
"""Rows by stream and key, as the tables have them."""
EVER = {"from": "1970-01-01T00:00:00Z", "to": "9999-01-01T00:00:00Z"}
REQUESTS, RUN, BODIES = "requests.jsonl", "run.json", "bodies"
AGAIN = "Run the sync again."
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
    """The tap's state and settings at the beginning of the sync."""
    hosts: list[str]
    """The hosts that responded, without ports."""
    files: dict[str, str]
    """The SHA-256 of each file except the bodies, by name."""
    rows: Rows
    """The rows in the responses."""


def read_evidence(folder: Path = INTERCOM) -> Evidence:
    """Read the evidence of a sync.

    Raises:
        click.ClickException: The evidence is missing, incomplete, or was changed.
    """
    requests, run = folder / REQUESTS, folder / RUN
    try:
        content, began = requests.read_bytes(), run.read_bytes()
    except OSError as error:
        raise click.ClickException(
            f"The tap kept no evidence of this sync ({error.filename}: {error.strerror}). Run "
            "'meltano run access-sync'. In meltano.yml, evidence_path of tap-intercom-access has "
            f"to be {INTERCOM.as_posix()}."
        ) from error
    try:
        return parse(folder, content, began)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise click.ClickException(f"{folder} is not from one complete sync. {AGAIN}") from error


def parse(folder: Path, content: bytes, began: bytes) -> Evidence:
    """Return the evidence in a folder.

    Args:
        folder: The evidence folder, which contains the bodies.
        content: The content of requests.jsonl.
        began: The content of run.json.

    Raises:
        ValueError: The folder isn't from one complete sync. Invalid content raises other errors.
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
    responses = ((line["stream"], parse_body(bodies[line["sha256"]])) for line in accepted)
    return Evidence(
        complete=complete,
        run=json.loads(began),
        hosts=sorted({host_of(line["host"]) for line in lines if line.get("status")}),
        files={REQUESTS: hashlib.sha256(content).hexdigest(), RUN: hashes["run_sha256"]},
        rows=sent_rows(responses, complete["filters"].get("window")),
    )


def log_bookmark(run: Row) -> Row:
    """Return the bookmark of activity_logs with which a run of the tap began, empty without one."""
    bookmark: Row = ((run.get("state") or {}).get("bookmarks") or {}).get(LOGS) or {}
    return bookmark


def read_logs() -> tuple[str | None, dict[Key, Row]] | None:
    """Return the log entries of the last run of the tap, even if it failed, and their beginning.

    Returns:
        The value of the bookmark with which the run began, and the entries. None without a run.
    """
    try:
        lines = (INTERCOM / REQUESTS).read_bytes().splitlines()
        bookmark = log_bookmark(json.loads((INTERCOM / RUN).read_bytes()))
    except (FileNotFoundError, ValueError):  # the run was stopped before its first request
        return None
    entries: dict[Key, Row] = {}
    for text in lines:
        with contextlib.suppress(ValueError, click.ClickException):  # the run was stopped
            line = json.loads(text)
            if line.get("stream") == LOGS and line.get("rows"):
                path = INTERCOM / BODIES / f"{line['sha256']}.json.gz"
                entries |= sent_rows([(LOGS, parse_body(read_body(path)))], EVER)[LOGS]
    return bookmark.get("replication_key_value"), entries


def read_body(path: Path) -> bytes:
    """Read a body. Its file name is its SHA-256.

    Raises:
        click.ClickException: The body was changed, or can't be read.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise click.ClickException(f"Cannot read {path} ({error}). {AGAIN}") from error
    if hashlib.sha256(content).hexdigest() != path.name.partition(".")[0]:
        raise click.ClickException(f"{path} was changed since the tap wrote it. {AGAIN}")
    return content


def parse_body(content: bytes) -> Any:  # noqa: ANN401 (JSON)
    """Parse a body. Like the tap, accept control characters and invalid UTF-8."""
    try:
        text = content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:  # in fields that the tap doesn't read
        text = content.decode("utf-8", "replace")
    return json.loads(text.removeprefix("\ufeff"), strict=False)


def host_of(address: str) -> str:
    """Return the host of an address such as `[::1]:443`."""
    return urlsplit(f"//{address}").hostname or address


def check_columns(evidence: Evidence) -> None:
    """Raise an error if the sync lacks columns that a review needs, or changed its rows."""
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
        raise click.ClickException(bullets("The sync is not usable for a review:", problems))


def copy_sources(sync: Sync, folder: Path) -> None:
    """Copy the evidence and the inputs of a sync into a folder.

    Raises:
        click.ClickException: The files were changed since the sync.
    """
    for path in INTERCOM.rglob("*"):
        if path.is_file():  # the tap's own files can be read only by their owner
            copy = folder / "intercom" / path.relative_to(INTERCOM)
            make_folder(copy.parent)
            shutil.copyfile(path, copy)
    if read_evidence(folder / "intercom").files != sync.files:
        raise click.ClickException(f"{INTERCOM} is from another sync. {AGAIN}")
    make_folder(folder / "inputs")
    for name, digest in sync.inputs.items():
        copy = shutil.copyfile(INPUTS / name, folder / "inputs" / name)
        if sha256(copy) != digest:
            raise click.ClickException(f"{INPUTS / name} was changed since the sync. {AGAIN}")


def text_of(id_: object) -> str | None:
    """Return an ID, which Intercom sends as a string or as a number, as a string."""
    return storable(int(id_) if isinstance(id_, float) else id_)


def storable(value: object) -> str | None:
    """Return a string without characters that a database rejects, or None if it is empty."""
    return re.sub("[\0\ud800-\udfff]", "\ufffd", "" if value is None else str(value)) or None


def admin_row(row: Row) -> Row:
    """Return a row of the table loaded_admins. The name of a role without an ID is its ID."""
    role = row.get("role") or {}
    role_id, role_name = text_of(role.get("id")), visible_name(storable(role.get("name")))
    return {
        "admin_id": text_of(row["id"]),
        "name": storable(row.get("name")),
        "email": normalized_address(storable(row.get("email"))) or None,
        "job_title": storable(row.get("job_title")),
        "has_inbox_seat": msgspec.convert(row.get("has_inbox_seat"), bool | None, strict=False),
        "role_id": role_id or role_name or None,
        "role_name": role_name or role_id,
    }


def time_of(value: datetime | str | float) -> datetime:
    """Return a time in UTC from a loaded time, or from the Unix seconds that Intercom sends."""
    if isinstance(value, datetime):
        return utc(value.isoformat())
    try:
        value = datetime.fromtimestamp(float(value), timezone.utc).isoformat()
    except ValueError:
        return utc(str(value))
    return utc(value)


def event_row(row: Row) -> Row:
    """Return a row of the table loaded_events."""
    by = row.get("performed_by") or {}
    return {
        "event_id": text_of(row["id"]),
        "happened_at": time_of(row["created_at"]),
        "activity_type": storable(row.get("activity_type")),
        "sentence": storable(row.get("activity_description")),
        "performed_by_id": text_of(by.get("id")),
        "performed_by_email": storable(by.get("email")),
    }


def team_row(row: Row) -> Row:
    """Return a row of the table loaded_teams."""
    id_ = text_of(row["id"])
    return {"team_id": id_, "team_name": visible_name(storable(row.get("name"))) or id_}


def role_row(row: Row) -> Row:
    """Return a row of the table loaded_roles."""
    id_ = text_of(row["id"])
    name = visible_name(storable(row.get("name"))) or id_
    return {"role_id": id_, "role_name": name, "description": storable(row.get("description"))}


STORED = {
    "admins": admin_row,
    "teams": team_row,
    "activity_logs": event_row,
    "roles": role_row,
}
COLUMNS = {
    "workspaces": (
        *("id", "name", "region", "token_admin_id", "token_admin_name", "token_admin_email"),
    ),
    "team_memberships": ("team_id", "admin_id", "priority_level"),
}


def as_stored(stream: str, row: Row) -> Row:
    """Return a row in the form of the tables, from a response or from a loaded row."""
    convert = STORED.get(stream)
    return convert(row) if convert else {name: storable(row.get(name)) for name in COLUMNS[stream]}


def sent_rows(responses: Iterable[tuple[str, Any]], window: Row | None) -> Rows:
    """Return the rows in the bodies of responses.

    Args:
        responses: The stream and the body of each response.
        window: The time span of the log entries, if they were read.
    """
    listed: dict[str, list[Row]] = {"admins": [], "teams": []}
    rows: Rows = {}
    for stream, body in responses:
        if stream == "workspaces":
            rows[stream] = by_key(stream, [workspace_row(body)])
        elif keys := LISTED.get(stream):
            arrays = [body] if isinstance(body, list) else [body.get(key) for key in keys]
            found = next((array for array in arrays if isinstance(array, list)), [])
            listed.setdefault(keys[-1], []).extend(found)
    people = (row for row in listed["admins"] if row.get("type") != "team")
    rows["admins"] = by_key("admins", people)
    rows["teams"] = by_key("teams", listed["teams"])
    rows["team_memberships"] = by_key("team_memberships", memberships(listed["teams"]))
    if "roles" in listed:
        rows["roles"] = by_key("roles", listed["roles"])
    if window:
        begin, end = utc(window["from"]), utc(window["to"])
        entries = (row for row in listed.get(LOGS, []) if begin <= time_of(row["created_at"]) < end)
        rows[LOGS] = by_key(LOGS, entries)
    return rows


def by_key(stream: str, rows: Iterable[Row]) -> dict[Key, Row]:
    """Return rows in the form of the tables, by key. A later row replaces an earlier one."""
    return {
        tuple(str(text_of(row[name])) for name in KEYS.get(stream, ("id",))): as_stored(stream, row)
        for row in rows
    }


def workspace_row(me: Row) -> Row:
    """Return the workspace, and the owner of the token."""
    app = me["app"]
    return {
        "id": text_of(app["id_code"]),
        "name": app.get("name"),
        "region": app.get("region"),
        "token_admin_id": text_of(me.get("id")),
        "token_admin_name": me.get("name"),
        "token_admin_email": me.get("email"),
    }


def memberships(teams: list[Row]) -> Iterator[Row]:
    """Yield each team membership. If a member has two levels, primary comes last."""
    for team in teams:
        priority = team.get("admin_priority_level") or {}
        for level in (None, "secondary", "primary"):
            members = priority.get(f"{level}_admin_ids") if level else team.get("admin_ids")
            for admin in members or ():
                yield {
                    "team_id": text_of(team["id"]),
                    "admin_id": text_of(admin),
                    "priority_level": level,
                }
