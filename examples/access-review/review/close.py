"""The end of a review: a closing report, once all is decided, and what was to go is gone.

It stands in `closed/` of the review, with what the tap kept of the sync that shows that access is
gone, so that `reviews/` alone has the proof.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from pathlib import PurePath

from decisions import inbox
from evidence import copy_kept, totals
from folders import (
    ACCEPTED,
    BUILT,
    CLOSED,
    CLOSING,
    Review,
    Row,
    day,
    moment,
    now,
    read_json,
    read_record,
    read_sync,
    reviews,
    scan,
    sha256,
    write_json,
)
from identity import review_code, who
from lists import whole_list
from page import TELLING, render
from safe import make_folder, seal, write_text
from seeds import last_days, mailbox
from tables import LIST, UnreadableError, access_in_words, read
from verify import verify_all
from warehouse import pretended_times, query, sync_of

SHOW = 20  # rows that a message names, at most
MOST = 10_000  # lines of accepted.csv
ACCEPTED_COLUMNS = {"row": 24, "reason": 34, "until": 12, "accepted by": 28, "accepted on": 12}
PAGE = "closing.html"
OWN = "select admin_id, email from own_addresses"


class OpenError(Exception):
    """The review cannot be closed yet; its arguments say what is missing."""


def iso(time: datetime | date | None) -> str | None:
    """Give a time of the warehouse, which is in UTC, or a day, as JSON holds it."""
    if isinstance(time, datetime):
        return time.replace(tzinfo=timezone.utc).isoformat(timespec="seconds")
    return None if time is None else time.isoformat()


def named(row: Row) -> str:
    """Name a decision so that a reader finds it."""
    access = access_in_words(row["kind"], row["thing"])
    return f"'{row['access_key']}' ({row['person']}, {access})"


def accepted(review: Review, as_of: date) -> dict[str, Row]:
    """Give the removals that are accepted as exceptions by accepted.csv, by row.

    Raises:
        OpenError: if anything in it is wrong.
    """
    path = review.folder / ACCEPTED
    if not path.exists():
        return {}
    try:
        rows = read(path, ACCEPTED_COLUMNS, most=MOST)
    except (OSError, UnreadableError) as error:
        raise OpenError(f"{path} cannot be read: {error}") from error
    listing = {row["row"]: row for row in whole_list(review)}
    removals = {row["access_key"]: row for row in review.decisions if row["decision"] == "remove"}
    own = {(row["admin_id"], row["email"]) for row in query(OWN)}
    left = last_days()
    tomorrow = datetime.now(timezone.utc).date() + timedelta(days=1)
    known: dict[str, Row] = {}
    problems = []
    for number, row in rows:
        removal = removals.get(row["row"], {})
        by, on, until = row["accepted by"].lower(), day(row["accepted on"]), day(row["until"])
        decided = day(str(removal.get("decided_on", "")))
        reviewer, last_day = listing.get(row["row"], {}).get("reviewer"), left.get(mailbox(by))
        checks = [
            (not removal, f"row {row['row']!r} is no removal that was decided in this review"),
            (by != reviewer, f"was accepted by {by or 'nobody'}, but {reviewer} is assigned"),
            ((removal.get("admin_id"), by) in own, f"{by} accepts it for themselves"),
            (last_day and last_day < row["accepted on"], f"{by} left on {last_day}, before that"),
            (not row["reason"], "has no reason"),
            (
                on is None or decided is None or not decided <= on <= tomorrow,
                f"'accepted on' is {row['accepted on']!r}, not a day since the decision",
            ),
            (
                until is None or on is None or until <= on or until < as_of,
                f"'until' is {row['until']!r}, not a later day that is still to come",
            ),
            (row["row"] in known, "is there twice"),
        ]
        if problem := next((problem for fails, problem in checks if fails), None):
            problems.append(f"{path}, line {number}: {problem}")
        known[row["row"]] = {
            "by": by,
            "on": row["accepted on"],
            "reason": row["reason"],
            "until": row["until"],
            "in": ACCEPTED,
        }
    if problems:
        raise OpenError(*problems)
    return known


def accepted_later(as_of: date) -> dict[str, Row]:
    """Give the exceptions that are in force by the last decision about an access."""
    return {
        row["access_key"]: {
            "by": row["decided_by"],
            "on": iso(row["decided_on"]),
            "reason": row["reason"],
            "until": iso(row["until"]),
            "in": f"the review of {row['review']}",
        }
        for row in query("select * from last_decisions where decision = 'exception'")
        if row["until"] >= as_of
    }


def proof(row: Row) -> Row:
    """Give what shows that access is gone: the event, where the logs tell, and the syncs."""
    event = None
    if row["done_at"]:
        event = {
            "at": iso(row["done_at"]),
            "by": row["done_by"],
            "sentence": row["done_in_words"],
            "is_of_the_whole_removal": row["went_with"] == "removal",
        }
    words = TELLING.get(row["telling"], "not known")
    if row["went_with"] == "seat":
        words = "perhaps with the inbox seat, which was taken at the same time"
    return {
        "seen_last": iso(row["there_at"]),
        "not_there_since": iso(row["gone_seen_at"]),
        "event": event,
        "without_an_event": None if event else words,
    }


def removals_of(review: Review, as_of: date) -> list[Row]:
    """Give what became of each removal of a review.

    Raises:
        OpenError: if one of them is neither gone nor accepted.
    """
    decided = {row["access_key"]: row for row in review.decisions if row["decision"] == "remove"}
    states = {
        row["access_key"]: row
        for row in query("select * from removals")
        if row["review"] == review.name
    }
    if states.keys() != decided.keys():
        raise OpenError(
            f"the warehouse knows {len(states)} of its {len(decided)} removals: run 'meltano run "
            "review-decisions', and read Intercom again with 'meltano run access-sync'"
        )
    exceptions = accepted_later(as_of) | accepted(review, as_of)
    rows, problems = [], []
    for key, decision in sorted(decided.items()):
        state, exception = states[key], exceptions.get(key)
        is_gone = state["gone_seen_at"] is not None and not state["elsewhere"]
        row = {name: decision[name] for name in ("access_key", "admin_id", "kind", "thing")}
        row |= {name: decision[name] for name in ("person", "email", "decided_by", "decided_on")}
        row |= {"due_on": iso(state["due_on"]), "timeliness": state["timeliness"]}
        if is_gone:
            exact = bool(state["done_at"])
            row |= {"outcome": "gone", "proof": proof(state), "accepted": None}
            row |= {"days": state["days"], "days_are": "exact" if exact else "at most"}
        elif exception:
            row |= {"outcome": "accepted", "proof": None, "accepted": exception}
            row |= {"days": state["days"], "days_are": "so far"}
        elif state["elsewhere"]:
            problems.append(f"{named(decision)} is gone, but {state['elsewhere']}")
        else:
            again = state["decided_again_in"]
            more = f", and was decided again in {again}, without an exception" if again else ""
            problems.append(f"{named(decision)} is still there{more}")
        rows.append(row)
    if problems:
        raise OpenError(*problems)
    return rows


def undecided(review: Review) -> str | None:
    """Say how many rows are not decided, if any."""
    listing = whole_list(review)
    left = {row["row"] for row in listing} - {row["access_key"] for row in review.decisions}
    if not left:
        return None
    text = f"{len(left)} of {len(listing)} rows are not decided"
    if nobody := sum(row["row"] in left and not row["reviewer"] for row in listing):
        text += (
            f", {nobody} of them without a reviewer: nobody can decide those any more; name a "
            "reviewer in reviewers.csv, for the next review"
        )
    return text


def not_taken_over(review: Review) -> str | None:
    """Say which signed lists were not taken over, and may say something else, if any."""
    paths, refused = inbox(review)
    left = [*(path.relative_to(review.folder).as_posix() for path in paths), *refused]
    if not left:
        return None
    return (
        f"not taken over yet: {', '.join(left)}; run 'meltano run review-decisions', or take away "
        "what is not to count"
    )


def older(review: Review, sync: Row) -> str | None:
    """Say so if the last sync is older than the decisions, and shows nothing of them."""
    if str(sync["as_of"]) <= str(review.evidence["as_of"]):
        return f"the last sync, of {sync['as_of']}, is no later one than that of the review"
    taken = review.taken_over and str(review.last_taken_over["taken_over_at"])
    if taken and str(sync["began_at"]) <= taken:
        return (
            f"the last sync began at {sync['began_at']}, before the decisions were taken over at "
            f"{taken}: read Intercom again with 'meltano run access-sync'"
        )
    return None


def decisions_of(review: Review) -> list[Row]:
    """Give who decided what when, and when that was taken over, and of which file."""
    first: dict[str, Row] = {}
    for path in review.taken_over:
        record = read_record(path)
        taken = {"taken_over_at": record["taken_over_at"], "record": path.name}
        for decision in record["decisions"]:
            first.setdefault(decision["access_key"], decision | taken)
    return list(first.values())


def exceptions_of(review: Review) -> list[Row]:
    """Give the exceptions of a review, and what has become of them."""
    in_force = {
        row["access_key"]: row
        for row in query("select * from exceptions")
        if row["review"] == review.name
    }
    there = {row["access_key"] for row in query("select access_key from access_grants")}
    rows = []
    for decision in review.decisions:
        if decision["decision"] != "exception":
            continue
        key = decision["access_key"]
        if key not in there:
            state = "gone"
        elif key not in in_force:
            state = "decided again in a later review"
        else:
            state = "past its end" if in_force[key]["has_ended"] else "in force"
        rows.append(decision | {"state": state})
    return rows


def tests_of(review: Review, removals: list[Row]) -> Row:
    """Give the results of the tests of self-review and of timeliness, now that all is decided."""
    own = {(row["admin_id"], row["email"]) for row in query(OWN)}
    due = {
        row["row"]: row.get("due", "").rpartition(" ")[2]
        for name in review.list_names
        for _, row in read(review.folder / "lists" / f"{name}.csv", LIST)
    }
    in_time: Counter[str] = Counter()
    for decision in review.decisions:
        last = due.get(decision["access_key"], "")
        late = "late" if str(decision["decided_on"]) > last else "in time"
        in_time[late if last else "no deadline"] += 1
    return {
        "self_review": {
            "test": "nobody decided about an account of their own",
            "decided_by_themselves": [
                row["access_key"]
                for row in review.decisions
                if (row["admin_id"], row["decided_by"]) in own
            ],
        },
        "timeliness": {
            "decisions": dict(sorted(in_time.items())),
            "removals": dict(
                sorted(Counter(row["timeliness"] or "no deadline" for row in removals).items())
            ),
        },
    }


def report(review: Review, sync: Row, known: list[Review]) -> Row:
    """Give the closing report of a review.

    Raises:
        OpenError: if it is not at its end.
    """
    workspace_id = sync_of(sync)["workspace_id"]
    if workspace_id != review.evidence["workspace"]["workspace_id"]:
        raise OpenError(f"the last sync is of another workspace, {workspace_id}")
    problems = [undecided(review), older(review, sync), not_taken_over(review)]
    removals: list[Row] = []
    if not problems[1]:
        try:
            removals = removals_of(review, date.fromisoformat(sync["as_of"][:10]))
        except OpenError as error:
            problems += error.args
    if missing := [problem for problem in problems if problem]:
        raise OpenError(*missing)
    listing = whole_list(review)
    return {
        "review": review.name,
        "closed_at": now(),
        "closed_by": who(),
        "workspace": review.evidence["workspace"],
        "reviewed_as_of": review.evidence["as_of"],
        "as_of": sync["as_of"],
        "as_of_is_pretended": sync["is_pretended"],
        "pretended_times": [iso(time) for time in pretended_times(known)],
        "tests": tests_of(review, removals),
        "removals": removals,
        "exceptions": exceptions_of(review),
        "decisions": decisions_of(review),
        "control_totals": {
            "of_the_review": review.evidence.get("control_totals"),
            "rows_to_decide": totals((row["row"],) for row in listing),
            "rows_decided": totals((row["access_key"],) for row in review.decisions),
            "of_the_closing_sync": sync["control_totals"],
        },
        "closing_sync": {
            "began_at": sync["began_at"],
            "read_by": sync["read_by"],
            "complete": sync["evidence"]["complete"],
        },
        "code": sync["code"] | read_json(BUILT).get("code", {}) | review_code(),
        "reviews": {other.name: other.fingerprints for other in known},
    }


def write(review: Review, closing: Row, sync: Row) -> None:
    """Write the report and its proof into the folder of the review: all of it, or none."""
    new = review.folder / f".{CLOSED}.new"
    if new.is_symlink() or new.is_file():
        new.unlink()
    elif new.exists():
        shutil.rmtree(new)  # of a run that was stopped
    make_folder(new)
    copy_kept(sync, new / "intercom")
    text = render("closing.html.j2", list(map(moment, closing["pretended_times"])), closing=closing)
    write_text(new / PAGE, text)
    files = sorted(path for path in new.rglob("*") if path.is_file())
    names = [f"{CLOSED}/{path.relative_to(new).as_posix()}" for path in files]
    closing["files"] = dict(zip(names, map(sha256, files), strict=True))
    if (review.folder / ACCEPTED).exists():
        closing["files"][ACCEPTED] = sha256(review.folder / ACCEPTED)
    write_json(new / PurePath(CLOSING).name, closing)
    for path in new.rglob("*"):
        if path.is_file():
            seal(path)
    new.rename(review.folder / CLOSED)
    print(
        f"{review.folder}: closed. {len(closing['decisions'])} decisions, "
        f"{len(closing['removals'])} removals, each gone or accepted. Keep this elsewhere: SHA-256 "
        f"of {CLOSING} {sha256(review.folder / CLOSING)}"
    )


def main() -> None:
    """Close each review that is at its end, and say of the others what is missing."""
    sync, known = read_sync(), reviews()
    sync_of(sync)
    if not known:
        sys.exit("There is no review to close")
    if any(verify_all(known, scan()[1]).values()):
        sys.exit("Something was changed, nothing is closed: see 'meltano invoke review:verify'")
    closed, advice = 0, False
    missing = []
    for review in known:
        if review.closing:
            print(f"{review.folder} was closed at {review.closing['closed_at']}")
            continue
        try:
            write(review, report(review, sync, known), sync)
            closed += 1
        except OpenError as error:
            problems = [str(problem) for problem in error.args]
            advice |= any(problem.startswith("'") for problem in problems)
            shown = problems[:SHOW]
            shown += [f"and {len(problems) - SHOW} more"] if len(problems) > SHOW else []
            missing.append("\n- ".join([f"{review.folder} is not closed:", *shown]))
    if advice:
        missing.append(
            "A removal that cannot be done is accepted by its reviewer in accepted.csv of that "
            f"folder (columns: {', '.join(ACCEPTED_COLUMNS)}), or as an exception in a later review"
        )
    text = "\n".join(missing)
    if missing and not closed:
        sys.exit(text)
    print(text, file=sys.stderr, end="\n" if missing else "")


if __name__ == "__main__":
    main()
