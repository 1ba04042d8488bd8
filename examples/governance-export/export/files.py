"""Where the files are, and how they are written: whole, and not for everybody to read."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from pathlib import Path
from typing import Any, NoReturn

RUN = Path("run")  # target-jsonl appends to its files, so each run begins with empty ones
OUTPUT = Path("output")
NEW = Path("output.new")
OLD = Path("output.old")
STREAMS = ("workspaces", "admins", "teams", "team_memberships", "activity_logs")

Row = dict[str, Any]


def fail(reason: str) -> NoReturn:
    """End the run before anything is written."""
    sys.exit(f"{reason}. Nothing was written: output/ is as the last complete run left it.")


def write_text(path: Path, text: str) -> None:
    """Write a file that only those can read who can read its folder, and nobody else.

    Args:
        path: Where to write; the file appears there whole, in place of an older one.
        text: The content, with its line ends as they are to be.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123 (a descriptor)
        file.write(text)
    share_with_readers_of(path.parent, new, 0o660)
    new.replace(path)


def write_json(path: Path, content: object) -> None:
    """Write a JSON file."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def make_folder(path: Path) -> None:
    """Make an empty folder in place of an older one."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    share_with_readers_of(path.parent, path, 0o770)


def share_with_readers_of(folder: Path, path: Path, permissions: int) -> None:
    """Give a new path the owner, the group and their permissions of a folder; others get none."""
    if os.name != "posix":
        return
    like = folder.stat()
    mode = stat.S_IMODE(like.st_mode) & permissions | permissions & 0o600
    try:
        os.chown(path, like.st_uid, like.st_gid)
    except PermissionError:
        mode &= 0o700  # its group is another one, which may not read the folder
    path.chmod(mode)


def restore_output() -> None:
    """Put the last complete files back if a run was killed while it replaced them."""
    if OLD.exists() and not OUTPUT.exists():
        OLD.rename(OUTPUT)


def replace_output() -> None:
    """Put the new files in place of the last ones, all at once."""
    shutil.rmtree(OLD, ignore_errors=True)
    if OUTPUT.exists():
        OUTPUT.rename(OLD)
    NEW.rename(OUTPUT)
    shutil.rmtree(OLD, ignore_errors=True)


def output_workspace_id() -> str | None:
    """Give the id of the workspace that output/ is of, if there is any output."""
    path = OUTPUT / "baton-file.json"
    if not path.exists():
        return None
    try:
        resources = json.loads(path.read_text(encoding="utf-8"))["resources"]
        (app,) = (row for row in resources if row["trait"] == "app")
        return str(app["id"]).removeprefix("workspace-")
    except (ValueError, KeyError, TypeError):
        fail(f"{path} was changed: it is no file of an earlier run. Remove output/")
