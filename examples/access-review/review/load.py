"""Step 1: reads Intercom into the warehouse, and notes what was read, from when on, and when."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timezone

import seeds
from folders import (
    FOR_DBT,
    LOADED,
    SYNC,
    Row,
    timestamp,
    write_json,
    write_review_seeds,
    write_seed,
)

TAP = "tap-intercom-access"
LISTS = ("workspaces", "admins", "teams", "team_memberships")
LOADER = os.environ.get("LOADER", "target-jsonl")
STATE_ID = f"{os.environ.get('MELTANO_ENVIRONMENT', '')}:{TAP}-to-{LOADER}"


def meltano(*arguments: str) -> str:
    """Give what Meltano prints, or end where it fails; its log goes where this one's goes."""
    command = shutil.which("meltano")
    if command is None:
        sys.exit("The command meltano is not on the PATH: activate its environment")
    done = subprocess.run(  # noqa: S603 (names of plugins)
        [command, *arguments], check=False, encoding="utf-8", stdout=subprocess.PIPE
    )
    if done.returncode:
        sys.exit(
            f"Intercom was not read ('meltano {' '.join(arguments)}' ended with code "
            f"{done.returncode}, see above): no page and no review was written"
        )
    return done.stdout


def bookmarks() -> Row:
    """Give what the tap remembers in Meltano's state, by stream."""
    state = json.loads(meltano("--log-level=warning", "state", "get", STATE_ID) or "{}")
    marks: Row = state.get("singer_state", state).get("bookmarks", {})
    return marks


def read_times(before: Row, after: Row) -> dict[str, Row]:
    """Give what this run read by stream: rows, when, and for the logs from when on."""
    reads = {}
    for stream in LISTS:
        mark = after.get(stream, {})
        if not mark.get("rows_read_at") or mark == before.get(stream):
            sys.exit(f"The list of {stream} was not read: select '{stream}.*' in meltano.yml")
        reads[stream] = {"row_count": mark["rows"], "read_at": mark["rows_read_at"]}
    logs = after.get("activity_logs", {})
    if logs.get("read_from") and logs != before.get("activity_logs"):
        reads["activity_logs"] = {
            "read_at": logs["replication_key_value"],
            "read_from": logs["read_from"],
        }
    return reads


def as_of(reads: dict[str, Row]) -> str:
    """Give the time of the review: when the last list was read; REVIEWED_AT sets another one."""
    override = os.environ.get("REVIEWED_AT")
    if not override:
        return max(str(reads[stream]["read_at"]) for stream in LISTS)
    try:
        time = datetime.fromisoformat(override)
    except ValueError:
        sys.exit(f"REVIEWED_AT is {override!r}, not a time such as '2026-08-26 12:00:00' in UTC")
    return time.replace(tzinfo=timezone.utc).isoformat(timespec="seconds")


def main() -> None:
    """Read everything, or end before anything is built on it."""
    seeds.check()
    SYNC.unlink(missing_ok=True)  # until all of it is there, nothing is to be built
    (FOR_DBT / "reads.csv").unlink(missing_ok=True)
    shutil.rmtree(LOADED, ignore_errors=True)
    LOADED.mkdir(parents=True)
    for stream in (*LISTS, "activity_logs"):
        (LOADED / f"{stream}.jsonl").touch()  # target-jsonl writes no file for an empty list
    before = bookmarks()
    meltano("run", TAP, LOADER)
    reads = read_times(before, bookmarks())
    time_of_review = as_of(reads)
    columns = ["stream", "row_count", "read_at", "read_from", "as_of"]
    rows = [
        {"stream": stream, "row_count": read.get("row_count")}
        | {key: timestamp(time) for key, time in read.items() if key != "row_count"}
        | {"as_of": timestamp(time_of_review)}
        for stream, read in reads.items()
    ]
    write_seed("reads", columns, rows)
    write_review_seeds()
    write_json(SYNC, {"as_of": time_of_review, "reads": reads})


if __name__ == "__main__":
    main()
