"""Between two reviews: takes over the signed lists: all decisions in them, or none."""

from __future__ import annotations

import sys
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from folders import (
    SYNC,
    Review,
    Row,
    day,
    now,
    reviews,
    sha256,
    write_json,
    write_review_seeds,
)
from tables import DECISIONS, SHOWN, Texts, UnreadableError, read

if TYPE_CHECKING:
    from pathlib import Path

SHOW = 20  # problems that a message names, at most


def problem_of(row: Texts, before: Row | None, reviewed: date) -> str | None:
    """Say what is wrong with the decision of a row, if anything."""
    if not row["decision"] and not before:
        return None
    decision, reviewer, by = row["decision"].lower(), row["reviewer"], row["decided by"]
    until, decided = day(row["until"]), day(row["decided on"])
    tomorrow = datetime.now(timezone.utc).date() + timedelta(days=1)  # somewhere it is that already
    excepted = decision == "exception"
    checks = [
        (
            before and decided_in(row) != before,
            f"was taken over as '{before and before['decision']}': decide again in the next review",
        ),
        (decision not in DECISIONS, f"decision is '{decision}', not {', '.join(DECISIONS)}"),
        (not reviewer, "has no reviewer: name one in reviewers.csv, for the next review"),
        (not by, f"'decided by' is empty: {reviewer} decides it"),
        (by.lower() != reviewer, f"was decided by {by}, but {reviewer} is assigned"),
        (
            decided is None or not reviewed <= decided <= tomorrow,
            f"'decided on' is '{row['decided on']}', not a day since the review such as {reviewed}",
        ),
        (excepted and not row["reason"], "an exception needs a reason"),
        (
            excepted and (until is None or decided is None or until <= decided),
            f"an exception needs an end: 'until' is '{row['until']}', not a later day",
        ),
        (not excepted and row["until"], "only an exception has an end: leave 'until' empty"),
    ]
    return next((problem for fails, problem in checks if fails), None)


def decided_in(row: Texts) -> Row:
    """Give the decision of a row, as it is taken over."""
    return {
        "access_key": row["row"],
        "admin_id": row["row"].partition("/")[0],
        "kind": row["kind"],
        "thing": row["access"],
        "decision": row["decision"].lower(),
        "reason": row["reason"],
        "until": row["until"],
        "decided_by": row["decided by"].lower(),
        "decided_on": row["decided on"],
    }


def label(place: str, row: Texts) -> str:
    """Name a row so that a reviewer finds it."""
    return f"{place} ({row['person']}, {row['kind']} {row['access']})"


def signed(review: Review, path: Path) -> tuple[list[Row], list[str]]:
    """Give the decisions of a signed list, and everything that is wrong with it."""
    known: dict[str, tuple[int, Texts]] = {}
    problems = []
    snapshot = {row["row"]: row for _, row in read(review.folder / "access-review.csv")}
    taken = {decision["access_key"]: decision for decision in review.decisions}
    reviewed = date.fromisoformat(review.evidence["as_of"][:10])
    for number, row in read(path):
        snapshot_row = snapshot.get(row["row"])
        changed = [name for name in SHOWN if snapshot_row and row[name] != snapshot_row[name]]
        if snapshot_row is None:
            problem: str | None = f"row '{row['row']}' is not in the snapshot"
        elif row["row"] in known:
            problem = f"is there twice, first in line {known[row['row']][0]}"
        elif changed:
            problem = f"differs from the snapshot in: {', '.join(changed)}"
        else:
            problem = problem_of(row, taken.get(row["row"]), reviewed)
        if problem:
            problems.append(f"{label(f'line {number}', row)}: {problem}")
        known.setdefault(row["row"], (number, row))
    problems += [
        label(f"row '{key}'", row) + " is missing"
        for key, row in snapshot.items()
        if key not in known
    ]
    return [decided_in(row) for _, row in known.values() if row["decision"]], problems


def inbox(review: Review) -> Path | None:
    """Give the signed list of a review, if there is one that was not taken over yet."""
    lists = [review.folder / f"decisions.{form}" for form in ("csv", "xlsx")]
    lists = [path for path in lists if path.exists()]
    if len(lists) > 1:
        sys.exit(f"{review.folder} holds decisions.csv and decisions.xlsx: keep one of them")
    if not lists or (review.taken_over and review.last_taken_over["sha256"] == sha256(lists[0])):
        return None
    return lists[0]


def main() -> None:
    """Take over what is signed, and say how much is not decided yet."""
    if not SYNC.exists():
        sys.exit("The last sync did not end well: run 'meltano run access-sync' first")
    new: list[tuple[Review, Path, list[Row]]] = []
    for review in reviews():
        if changed := review.changed():
            sys.exit(f"{review.folder} was changed, nothing is taken over: {'; '.join(changed)}")
        path = inbox(review)
        if path is None:
            continue
        try:
            decisions, problems = signed(review, path)
        except UnreadableError as error:
            sys.exit(f"{path} cannot be read, nothing is taken over: {error}")
        if problems:
            more = len(problems) - SHOW
            shown = [*problems[:SHOW], *([f"and {more} more"] if more > 0 else [])]
            sys.exit("\n- ".join([f"{path}: nothing is taken over", *shown]))
        new.append((review, path, decisions))
    for review, path, decisions in new:
        path_of_record = review.folder / f"decided-{len(review.taken_over) + 1}.json"
        record = {"taken_over_at": now(), "file": path.name, "sha256": sha256(path)}
        write_json(path_of_record, record | {"decisions": decisions})
        path_of_record.chmod(0o444)
        counts = [f"{review.counts[word]} {word}" for word in DECISIONS]
        print(
            f"{path}: {', '.join(counts)}, {review.undecided} undecided. Keep this elsewhere: "
            f"SHA-256 of {path_of_record.name} {sha256(path_of_record)}"
        )
    if not new:
        print("Nothing new was signed: a list comes back as reviews/<date>/decisions.csv or .xlsx")
    write_review_seeds()


if __name__ == "__main__":
    main()
