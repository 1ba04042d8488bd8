"""What shows that a list is what Intercom sent: its evidence, control totals, tests and limits."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import sys
import zlib
from datetime import datetime
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from folders import OUTPUT, Review, Row, moment, read_json, sha256
from identity import TAP
from safe import make_folder, replacing
from warehouse import loaded_keys, pretended_times, query

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tables import Texts

INTERCOM = OUTPUT / "intercom"  # where meltano.yml lets the tap keep its evidence
REQUESTS, RUN, BODIES = "requests.jsonl", "run.json", "bodies"
LOGS = "activity_logs"
NEEDED = {  # what decisions and findings go by
    "admins": ("id", "name", "email", "has_inbox_seat", "role.id", "role.name"),
    "teams": ("id", "name"),
    "team_memberships": ("team_id", "admin_id", "priority_level"),
    LOGS: (
        *("id", "created_at", "activity_type", "activity_description"),
        *("performed_by.id", "performed_by.email"),
    ),
}
SELF_REVIEWS = """
    select grants.access_key from access_grants as grants
    join own_addresses as own on own.admin_id = grants.admin_id and own.email = grants.reviewer
"""
NOT_IN_API = (
    "Intercom's API does not tell whether a teammate uses two-factor authentication or single "
    "sign-on, pending invitations, deleted teammates, what a role permits, or when somebody was "
    "last active."
)
BETWEEN_SYNCS = (
    "Nothing is known of the time between two syncs but what the activity logs tell: access that "
    "was given and taken in between is in no list."
)


def totals(keys: Iterable[tuple[str, ...]]) -> Row:
    """Give the number of distinct keys, and the SHA-256 of them by the formula of the tap."""
    lines = {json.dumps(list(key), separators=(",", ":"), ensure_ascii=False) for key in keys}
    content = b"\n".join(sorted(line.encode("utf-8", "surrogatepass") for line in lines))
    return {"rows": len(lines), "keys_sha256": hashlib.sha256(content).hexdigest()}


def kept_by_tap(reads: dict[str, Row]) -> Row:
    """Give what the tap kept of the sync just now, or end where that is not all of it.

    Args:
        reads: What the sync read, by stream, as the tap's state has it.
    """
    requests, run = INTERCOM / REQUESTS, INTERCOM / RUN
    try:
        lines, began = requests.read_bytes(), run.read_bytes()
    except OSError as error:
        sys.exit(
            f"The tap kept no evidence of this sync ({error}): set evidence_path of {TAP} to "
            "${REVIEW_HOME}/output/intercom in meltano.yml, as the example does"
        )
    *_, last = lines.rstrip(b"\n").split(b"\n")
    try:
        line: Row = json.loads(last)
        is_whole = (
            line["type"] == "complete"
            and line["run_sha256"] == hashlib.sha256(began).hexdigest()
            and line["lines_sha256"] == hashlib.sha256(lines[: -len(last) - 1]).hexdigest()
        )
        rows = {stream: sent["rows"] for stream, sent in line["streams"].items()}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        sys.exit(f"{requests} does not end as the tap ends it ({error!r}): read Intercom again")
    if not is_whole:
        sys.exit(f"{INTERCOM} is not of one complete sync: read Intercom again")
    for stream, read in reads.items():
        if rows.get(stream) != read.get("row_count", rows.get(stream)):
            sys.exit(
                f"{requests} is of another sync: it has {rows.get(stream)} rows of {stream}, and "
                f"the state of Meltano has {read.get('row_count')}: read Intercom again"
            )
    started = json.loads(began)
    kept_bodies(lines, started)
    if started.get("settings", {}).get("flattening_enabled"):
        sys.exit(
            f"{TAP} flattens its rows: roles, and who did what, would be in other columns than "
            "those that the review goes by: take flattening_enabled out of meltano.yml"
        )
    return {
        "complete": line,
        "began_at": started.get("began_at"),
        "files": {REQUESTS: hashlib.sha256(lines).hexdigest(), RUN: line["run_sha256"]},
    }


def kept_bodies(lines: bytes, started: Row) -> list[str]:
    """Give the names of the bodies that the tap kept, or end where one is not what its name says.

    Args:
        lines: What the tap kept of its requests.
        started: What the sync began with.
    """
    names = set()
    if started.get("settings", {}).get("evidence_bodies"):
        for text in lines.splitlines():
            line = json.loads(text)
            if line.get("sha256"):
                names.add(str(line.get("kept_sha256", line["sha256"])))
    for name in sorted(names):
        path = INTERCOM / BODIES / f"{name}.json.gz"
        digest = hashlib.sha256()
        try:
            with gzip.open(path) as file:
                while part := file.read(1 << 20):
                    digest.update(part)
        except (OSError, EOFError, zlib.error) as error:
            sys.exit(f"{path} cannot be read ({error}): read Intercom again")
        if digest.hexdigest() != name:
            sys.exit(f"{path} was changed since the tap wrote it: read Intercom again")
    return [f"{name}.json.gz" for name in sorted(names)]


def mapped(line: Row, stream: str) -> set[str]:
    """Give the columns of a stream that stream maps name."""
    maps = line.get("filters", {}).get("stream_maps") or {}
    parts = [part for name, part in maps.items() if fnmatch(stream, name)]
    return {column for part in parts for column in (part if isinstance(part, dict) else ["?"])}


def not_as_sent(line: Row) -> list[str]:
    """Say which columns that the review goes by were not read, or are not as Intercom sent them."""
    problems = []
    for stream, needed in NEEDED.items():
        if stream not in line["streams"]:
            continue
        read = line["streams"][stream].get("columns", needed)
        if lacking := [column for column in needed if column not in read]:
            problems.append(
                f"{stream}: {', '.join(lacking)} not read: select all columns in meltano.yml"
            )
        roots = {column.partition(".")[0] for column in needed} | {"__else__", "?"}
        if changed := sorted(mapped(line, stream) & roots):
            problems.append(
                f"{stream}: stream maps change {', '.join(changed)}, which the review goes by: "
                "take them out of meltano.yml"
            )
    return problems


def difference(stream: str, sent: Row, other: Row, words: str, line: Row) -> str | None:
    """Say how two control totals of a stream differ, if they do.

    Args:
        stream: The name of the stream.
        sent: The control total of what Intercom sent.
        other: The one to compare with it.
        words: What became of the rows of the other one.
        line: The tap's last line.
    """
    if all(sent[key] == other[key] for key in ("rows", "keys_sha256")):
        return None
    maps = line.get("filters", {}).get("stream_maps") or {}
    text = f"{stream}: Intercom sent {sent['rows']:,} rows, and {other['rows']:,} {words}"
    if sent["rows"] == other["rows"]:
        text += " with other keys"
    if maps:
        text += (
            f". Stream maps are set ({', '.join(sorted(maps))}): they may leave out rows, or "
            "change keys or names, so nobody can tell whether that is all. A review takes the "
            "rows as they are: take stream_maps out of meltano.yml"
        )
    return text


def as_loaded(line: Row, began_at: str, skip: dict[str, int]) -> dict[str, Row]:
    """Compare what Intercom sent with what was loaded; it ends here where they differ.

    Args:
        line: The tap's last line.
        began_at: When the sync began, in UTC: what was loaded of a log before does not count.
        skip: How many bytes of the file of a log were there before.
    """
    compared, problems = {}, []
    for stream, sent in sorted(line["streams"].items()):
        since = began_at if stream == LOGS else None
        loaded = totals(loaded_keys(stream, sent["keys"], since, skip.get(stream, 0)))
        problems.append(difference(stream, sent, loaded, "were loaded", line))
        keys = ("rows", "keys", "keys_sha256")
        compared[stream] = {"sent": {key: sent[key] for key in keys}, "loaded": loaded}
    if found := [problem for problem in [*problems, *not_as_sent(line)] if problem]:
        sys.exit(
            "\n- ".join(
                ["What was loaded is not what Intercom sent; nothing is built of it", *found]
            )
        )
    return compared


def as_reviewed(sync: Row, listing: list[Texts]) -> dict[str, Row]:
    """Compare what Intercom sent with the rows to decide; it ends here where they differ."""
    keys: dict[str, set[tuple[str, ...]]] = {"admins": set(), "team_memberships": set()}
    for row in listing:
        admin = row["row"].partition("/")[0]
        if row["kind"] == "workspace":
            keys["admins"].add((admin,))
        elif row["kind"] == "team":
            keys["team_memberships"].add((row["row"].partition("/team/")[2], admin))
    line = sync["evidence"]["complete"]
    compared: dict[str, Row] = {}
    for stream, known in sync["control_totals"].items():
        compared[stream] = dict(known)
        if stream in keys:
            reviewed = compared[stream]["reviewed"] = totals(keys[stream])
            words = "are in the list to decide"
            if problem := difference(stream, known["sent"], reviewed, words, line):
                sys.exit(f"The list is not what Intercom sent; no review was written: {problem}")
        else:
            compared[stream]["not_reviewed_because"] = {
                "teams": "the list has a row for each membership, and none for a team as such",
                LOGS: "events are no access; they date changes, and tell of use",
                "workspaces": "it is the workspace that all rows are of",
            }.get(stream, "the review does not use it")
    return compared


def limits(sync: Row, earlier: list[Review]) -> list[str]:
    """Give in words what this review cannot know."""
    logs = sync["reads"].get(LOGS)
    (hand,) = query("select count(*) as n from privileged_access where is_unknown")
    kinds = {
        row["account_type"]: row["n"]
        for row in query(
            "select account_type, count(*) as n from people where is_there group by account_type"
        )
    }
    texts = [NOT_IN_API, BETWEEN_SYNCS]
    if logs:
        texts.append(
            f"Activity logs were read from {logs['read_from']} to {logs['read_at']}: nothing is "
            "known of events before, and an event is no proof of use, nor its absence of none."
        )
    else:
        texts.append("Activity logs were not read: nothing is said of events and of who did what.")
    texts.append(
        f"Accounts that are no people: {kinds.get('bot', 0)} known as Intercom's own bot, by their "
        f"address alone, and {kinds.get('service', 0)} service accounts, by service_accounts.csv. "
        "Any other account counts as a person's."
    )
    texts.append(
        "Accounts without a role, of which permissions_by_hand.csv does not say what was seen: "
        f"{hand['n']}. Permissions that were set by hand are not in the API, and can be all."
    )
    if changed := sync["code"]["tap"].get("changed"):
        texts.append(f"Files of the tap that are not as they were installed: {', '.join(changed)}.")
    if maps := sync["evidence"]["complete"].get("filters", {}).get("stream_maps"):
        texts.append(
            f"Stream maps are set ({', '.join(sorted(maps))}): other columns than those that the "
            "review goes by may not be as Intercom sent them."
        )
    source = sync.get("second_source") or {"problem": "there is no teammates' export"}
    if "problem" in source:
        texts.append(f"The list was compared with no second source: {source['problem']}.")
    if sync["is_pretended"]:
        texts.append("The time of this review is pretended, as only the demo may do.")
    as_of = moment(sync["as_of"])
    if pretended := [str(time) for time in pretended_times(earlier) if time < as_of]:
        texts.append(
            "Times of earlier syncs are pretended, as only the demo may do: "
            f"{', '.join(pretended)} UTC. So are the days that are counted from them."
        )
    return texts


def tests_of(sync: Row, listing: list[Texts], previous: Review | None, written_at: str) -> Row:
    """Give the results of the tests of self-review and of timeliness."""
    own = [row["access_key"] for row in query(SELF_REVIEWS)]
    reads = [datetime.fromisoformat(sync["reads"][name]["read_at"]) for name in ("admins", "teams")]
    seconds = (datetime.fromisoformat(written_at) - min(reads)).total_seconds()
    days = previous and (
        datetime.fromisoformat(sync["as_of"]) - datetime.fromisoformat(previous.evidence["as_of"])
    )
    due = sorted({row["due"].rpartition(" ")[2] for row in listing} - {""})
    return {
        "self_review": {
            "test": "no row has a reviewer who is, by address, an earlier one included, or by "
            "'person' in employees.csv, the person whose access it is",
            "rows_with_a_reviewer": sum(row["reviewer"] != "" for row in listing),
            "rows_without_a_reviewer": sum(row["reviewer"] == "" for row in listing),
            "rows_reviewed_by_themselves": own,
        },
        "timeliness": {
            "minutes_from_reading_to_the_list": round(seconds / 60, 1),
            "previous_review": previous and previous.name,
            "days_since_the_previous_review": days and days.days,
            "decide_by": due or "no deadline is set",
        },
    }


def copy_kept(sync: Row, folder: Path) -> None:
    """Copy what the tap kept into a folder; it ends here where that is of another sync."""
    for name, known in sync["evidence"]["files"].items():
        if not (INTERCOM / name).is_file() or sha256(INTERCOM / name) != known:
            sys.exit(
                f"{INTERCOM / name} is not of the sync of {sync['as_of']}: "
                "run 'meltano run access-sync' again"
            )
    bodies = kept_bodies((INTERCOM / REQUESTS).read_bytes(), read_json(INTERCOM / RUN))
    paths = [INTERCOM / name for name in sync["evidence"]["files"]]
    make_folder(folder)
    if bodies:
        make_folder(folder / BODIES)
        paths += [INTERCOM / BODIES / name for name in bodies]
    for path in paths:
        with replacing(folder / path.relative_to(INTERCOM)) as new:
            shutil.copyfile(path, new)
