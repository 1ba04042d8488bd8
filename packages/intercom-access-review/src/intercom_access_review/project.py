"""The paths of a project, and the forms of times. Every step runs in the project's folder."""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime, timezone
from operator import attrgetter
from pathlib import Path
from typing import Any

INPUTS = Path("inputs")
"""CSV files that people maintain: employees, reviewers, privileged roles, and so on."""
INBOX = Path("inbox")
"""Completed worksheets, until they are imported."""
OUTBOX = Path("outbox")
"""Emails and chat messages that are ready to send."""
REVIEWS = Path("reviews")
"""The archive: a folder for each review. Nothing in it is ever changed."""
OUTPUT = Path("output")
INTERCOM = OUTPUT / "intercom"
"""The tap's evidence folder."""
LOADED = OUTPUT / "load"
"""The rows of the last sync, if the warehouse is DuckDB."""
UNBUILT = OUTPUT / "unbuilt.json"
SYNC = OUTPUT / "sync.json"
"""The record of the last sync. This file exists only while the warehouse has the whole sync."""
PAGE = OUTPUT / "access-review.html"
ITEMS = OUTPUT / "items.json"
LEFT_BEHIND = re.compile(
    r"\.DS_Store|\.localized|Icon\r|__MACOSX|\.Spotlight-V100|\.TemporaryItems|\._.*"
    r"|(Thumbs|ehthumbs)\.db|desktop\.ini|\$RECYCLE\.BIN|\.directory|@eaDir"
    r"|\.(nfs|fuse_hidden).*|~\$.*|\.~lock\..*|.*~|\..*\.sw[a-p]|\.(.*\.)?new"
)
"""Files and folders that operating systems, editors, and stopped runs leave behind."""

Row = dict[str, Any]


def is_ignored(path: Path) -> bool:
    """Return whether a relative path is in LEFT_BEHIND, or in a folder that is."""
    return any(LEFT_BEHIND.fullmatch(part) for part in path.parts)


def entries(folder: Path) -> list[Path]:
    """Return the files and folders in a folder by name, without those in LEFT_BEHIND."""
    found = (path for path in folder.glob("*") if not LEFT_BEHIND.fullmatch(path.name))
    return sorted(found, key=attrgetter("name"))  # paths have another order on Windows


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def now() -> str:
    """Return the current time in UTC, in the form of the JSON files."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def utc(time: str) -> datetime:
    """Convert a time from a JSON file to the form of the warehouse: UTC without a time zone."""
    return (
        datetime.fromisoformat(time.replace("Z", "+00:00"))
        .astimezone(timezone.utc)
        .replace(tzinfo=None)
    )


def iso(time: date | None) -> str | None:
    """Convert a time or date from the warehouse to the form of the JSON files."""
    if isinstance(time, datetime):
        return time.replace(tzinfo=timezone.utc).isoformat(timespec="seconds")
    return None if time is None else time.isoformat()


def as_json(row: Row) -> Row:
    """Convert the times and dates in a row to the form of the JSON files."""
    return {name: iso(value) if isinstance(value, date) else value for name, value in row.items()}


def parse_day(text: str) -> date | None:
    """Return a date such as 2026-08-26 or 26.08.2026, or None if the string is not one."""
    day = re.sub(r"^(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})", r"\3-\2-\1", text)
    found = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})([ T]\d\d:\d\d(:\d\d)?)?", day, re.ASCII)
    try:
        return date(*map(int, found.groups()[:3])) if found else None
    except ValueError:
        return None


def iso_day(text: str) -> str:
    """Return a date in the form 2026-08-26. Return other strings unchanged."""
    return str(parse_day(text) or text)
