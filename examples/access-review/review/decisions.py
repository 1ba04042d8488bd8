"""Between two reviews: takes over the signed lists: all decisions in them, or none."""

from __future__ import annotations

import sys
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from folders import (
    REVIEWS,
    SIGNED,
    SYNC,
    Review,
    Row,
    day,
    now,
    reviews,
    scan,
    sha256,
    write_json,
    write_review_seeds,
)
from tables import DECISIONS, SHOWN, Texts, UnreadableError, read

if TYPE_CHECKING:
    from pathlib import Path

SHOW = 20  # problems that a message names, at most
SPARE_LINES = 10_000  # empty ones, which programs leave
OF_THE_SYSTEM = {".DS_Store", "Thumbs.db", "desktop.ini"}


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
        "thing_id": row["row"].partition(f"/{row['kind']}/")[2],
        "thing": row["access"],
        "person": row["person"],
        "email": row["email"],
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
    for number, row in read(path, most=2 * len(snapshot) + SPARE_LINES):
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
    names = {path.name for path in review.folder.iterdir()}  # exactly, whatever the file system
    lists = [review.folder / name for name in SIGNED if name in names]
    if len(lists) > 1:
        sys.exit(f"{review.folder} holds decisions.csv and decisions.xlsx: keep one of them")
    if not lists or (review.taken_over and review.last_taken_over["sha256"] == sha256(lists[0])):
        return None
    return lists[0]


def strays(known: list[Review]) -> list[Path]:
    """Give the files of the archive that could be signed lists under another name."""
    paths = [REVIEWS / name for name in scan()[1]]
    paths += [review.folder / name for review in known for name in review.strays()]
    return [path for path in paths if path.name not in OF_THE_SYSTEM]


def read_signed(review: Review, path: Path) -> tuple[str, list[Row]]:
    """Give the SHA-256 of a signed list and its decisions, or end with all that is wrong."""
    digest = sha256(path)
    try:
        decisions, problems = signed(review, path)
    except UnreadableError as error:
        sys.exit(f"{path} cannot be read, nothing is taken over: {error}")
    if sha256(path) != digest:
        sys.exit(f"{path} is being written just now, nothing is taken over")
    if problems:
        more = len(problems) - SHOW
        shown = [*problems[:SHOW], *([f"and {more} more"] if more > 0 else [])]
        sys.exit("\n- ".join([f"{path}: nothing is taken over", *shown]))
    return digest, decisions


def take_over(review: Review, name: str, digest: str, decisions: list[Row]) -> None:
    """Write what was signed, beside what was taken over before."""
    last = review.sealed[-1]
    number = int(last.stem[8:]) + 1 if review.taken_over else 1
    path = review.folder / f"decided-{number}.json"
    record = {"taken_over_at": now(), "file": name, "sha256": digest}
    write_json(path, record | {"after": sha256(last), "decisions": decisions}, sealed=True)
    counts = [f"{review.counts[word]} {word}" for word in DECISIONS]
    print(
        f"{review.folder / name}: {', '.join(counts)}, {review.undecided} undecided. Keep this "
        f"elsewhere: SHA-256 of {path.name} {sha256(path)}"
    )


def main() -> None:
    """Take over what is signed, and say how much is not decided yet."""
    if not SYNC.exists():
        sys.exit("The last sync did not end well: run 'meltano run access-sync' first")
    new: list[tuple[Review, str, str, list[Row]]] = []
    known = reviews()
    for review in known:
        if changed := review.changed():
            sys.exit(f"{review.folder} was changed, nothing is taken over: {'; '.join(changed)}")
        path = inbox(review)
        if path is not None:
            new.append((review, path.name, *read_signed(review, path)))
    for path in strays(known):
        print(f"{path} is not read: a signed list is named {' or '.join(SIGNED)}", file=sys.stderr)
    for review, name, digest, decisions in new:
        take_over(review, name, digest, decisions)
    if not new:
        print("Nothing new was signed: a list comes back as reviews/<date>/decisions.csv or .xlsx")
    write_review_seeds()
    if strays(known) and not new:
        sys.exit("Nothing was taken over")


if __name__ == "__main__":
    main()
