"""Step 1: reads Intercom into the warehouse, and notes what was read, from when on, and when."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timezone

import evidence
import seeds
import settings
import teammates
from findings import FINDINGS
from folders import (
    BUILT,
    FOR_DBT,
    LOADED,
    SYNC,
    Row,
    moment,
    now,
    reviews,
    timestamp,
    write_json,
    write_review_seeds,
    write_seed,
)
from identity import TAP, read_code, who
from lists import write_assigned_rows
from safe import make_folder, write_text
from warehouse import known_syncs, prepare

LISTS = ("workspaces", "admins", "teams", "team_memberships")
LOGS = LOADED / "activity_logs.jsonl"
LOGS_FROM = LOADED / "activity_logs.from"  # from where on the file holds them
LOADER = os.environ.get("LOADER", "target-jsonl")
ENVIRONMENT = os.environ.get("MELTANO_ENVIRONMENT", "")
STATE_ID = f"{ENVIRONMENT}:{TAP}-to-{LOADER}"
ANEW = os.environ.get("MELTANO_RUN_FULL_REFRESH", "").lower() in {"true", "1", "yes", "on"}


def check_history(known: dict[datetime, datetime | None]) -> None:
    """End where the warehouse lacks a sync that a review was made of."""
    lost = [r.folder for r in reviews() if moment(r.evidence["as_of"]) not in known]
    if lost:
        sys.exit(
            f"The warehouse does not know the sync of {lost[0]}: its history is lost, and with it "
            "what was removed and what changed since. Bring it back from your backup "
            "(output/review.duckdb, or the schemas in PostgreSQL). Without one, move reviews/ to "
            "another place and begin anew with MELTANO_RUN_FULL_REFRESH=true; whether older "
            "removals were done is then to be looked up in Intercom. Nothing was read"
        )


def check_clock(known: dict[datetime, datetime | None], pretended: str | None) -> None:
    """End where this sync would be older than one in the warehouse: no history has that order."""
    last, time = max(known, default=datetime.min), moment(pretended or now())  # noqa: DTZ901
    if time < last:
        sys.exit(
            f"This sync would be of {time:%Y-%m-%d %H:%M:%S} UTC, and the last one in the "
            f"warehouse is of {last:%Y-%m-%d %H:%M:%S}: the clock of this machine is wrong, or was "
            "wrong then. Set it right; if it was wrong then, bring back the warehouse from your "
            "backup of before, or wait until then. Nothing was read"
        )


def keeps_logs(before: Row, known: dict[datetime, datetime | None]) -> bool:
    """Tell whether events were loaded that no build has seen, so that they are to be kept.

    The tap sends each event once. If a run was stopped between loading and building, they are only
    where that run put them; if that is gone, too, nothing may be said of this time.
    """
    mark = before.get("activity_logs", {}).get("replication_key_value")
    built = max((time for time in known.values() if time), default=None)
    if ANEW or not mark or (built and moment(mark) <= built):
        return False
    start = LOGS_FROM.read_text(encoding="utf-8") if LOGS_FROM.exists() else None
    if LOGS.exists() and (start == "" or (start and built and moment(start) <= built)):
        return True
    sys.exit(
        f"The activity logs until {mark} were read, but are not in the warehouse. Read them from "
        "the beginning: MELTANO_RUN_FULL_REFRESH=true meltano run access-sync. Nothing was read"
    )


def make_room(before: Row, *, keep_logs: bool) -> None:
    """Make room for the rows of a sync; target-jsonl adds to its files."""
    kept = LOGS.read_bytes() if keep_logs and LOGS.exists() else None
    make_folder(LOADED)
    for path in LOADED.iterdir():
        if path not in {LOGS, LOGS_FROM}:
            path.unlink()
    for stream in LISTS:
        write_text(LOADED / f"{stream}.jsonl", "")  # the target writes no file for an empty list
    whole = (kept or b"").rpartition(b"\n")  # a target that was stopped may leave half a line
    write_text(LOGS, (whole[0] + whole[1]).decode())
    if ANEW:
        LOGS_FROM.unlink(missing_ok=True)  # until all of them are there
    elif not keep_logs:
        write_text(LOGS_FROM, before.get("activity_logs", {}).get("replication_key_value", ""))


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


def pretended_time() -> str | None:
    """Give the time that REVIEWED_AT pretends, as only the demo may do, if it is set."""
    override = os.environ.get("REVIEWED_AT")
    if not override:
        return None
    if ENVIRONMENT.partition("-")[0] != "demo":
        sys.exit("REVIEWED_AT pretends a time, which only the environment demo may do: unset it")
    try:
        time = datetime.fromisoformat(override)
    except ValueError:
        sys.exit(f"REVIEWED_AT is {override!r}, not a time such as '2026-08-26 12:00:00' in UTC")
    return time.replace(tzinfo=timezone.utc).isoformat(timespec="seconds")


def time_of_review(reads: dict[str, Row]) -> str:
    """Give when the last list was read."""
    return max(str(reads[stream]["read_at"]) for stream in LISTS)


def main() -> None:
    """Read everything, or end before anything is built on it."""
    seeds.check()
    settings.check(set(FINDINGS))
    second_source = teammates.check()
    pretended = pretended_time()
    prepare()
    known = known_syncs()
    check_history(known)
    check_clock(known, pretended)
    before = bookmarks()
    keep_logs = keeps_logs(before, known)
    for path in (SYNC, BUILT):
        path.unlink(missing_ok=True)  # until all of it is there, nothing is to be built
    (FOR_DBT / "reads.csv").unlink(missing_ok=True)
    make_room(before, keep_logs=keep_logs)
    (evidence.INTERCOM / evidence.REQUESTS).unlink(missing_ok=True)  # of an earlier sync
    skip, began_at = {evidence.LOGS: LOGS.stat().st_size}, now()
    meltano("run", TAP, LOADER)
    if ANEW:
        write_text(LOGS_FROM, "")
    reads = read_times(before, bookmarks())
    kept = evidence.kept_by_tap(reads)
    totals = evidence.as_loaded(kept["complete"], began_at, skip)
    as_of = pretended or time_of_review(reads)
    columns = ["stream", "row_count", "read_at", "read_from", "as_of", "is_pretended"]
    rows = [
        {"stream": stream, "row_count": read.get("row_count")}
        | {key: timestamp(time) for key, time in read.items() if key != "row_count"}
        | {"as_of": timestamp(as_of), "is_pretended": str(pretended is not None).lower()}
        for stream, read in reads.items()
    ]
    write_seed("reads", columns, rows)
    write_review_seeds()
    write_assigned_rows()
    sync = {
        "as_of": as_of,
        "is_pretended": pretended is not None,
        "began_at": began_at,
        "read_by": who(),
        "code": read_code(),
        "reads": reads,
        "control_totals": totals,
        "evidence": kept,
        "second_source": second_source,
    }
    write_json(SYNC, sync)


if __name__ == "__main__":
    main()
