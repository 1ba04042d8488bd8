"""Between two reviews: takes over the signed lists: each of them completely, or not at all."""

from __future__ import annotations

import sys
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import settings
from folders import (
    LIST_ENDS,
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
from identity import who
from lists import write_assigned_rows
from seeds import last_days, mailbox
from tables import COLUMNS, DECIDED, DECISIONS, LIST, Texts, UnreadableError, access_in_words, read

if TYPE_CHECKING:
    from pathlib import Path

SHOW = 20  # problems that a message names, at most
SPARE_LINES = 10_000  # that a list may have too many, and each of which is then named
OF_THE_SYSTEM = {".DS_Store", "Thumbs.db", "desktop.ini"}
WHOLE = "decisions"  # the name of the list of all rows, when it comes back


def name_of(review: Review, path: Path) -> str:
    """Give the name of a signed list, without its ending: "decisions", or "signed/ADDRESS"."""
    return path.relative_to(review.folder).with_suffix("").as_posix()


def differ(known: Row, decision: Row) -> bool:
    """Tell whether a decision is not the one that is known; older records know less of each."""
    return any(known.get(key, value) != value for key, value in decision.items())


def problem_of(
    row: Texts, decision_now: Row, before: Row | None, name: str, reviewed: date
) -> str | None:
    """Say what is wrong with the decision of a row, if anything.

    Args:
        row: The row of the signed list.
        decision_now: What would be taken over of it.
        before: What was taken over of it before.
        name: The name of the list.
        reviewed: The day of the review.
    """
    taken_from = before and before.get("list", WHOLE)
    own = taken_from == name
    if not row["decision"] and not own:
        return None
    decision, reviewer, by = row["decision"].lower(), row["reviewer"], row["decided by"]
    until, decided = day(row["until"]), day(row["decided on"])
    tomorrow = datetime.now(timezone.utc).date() + timedelta(days=1)  # somewhere it is that already
    excepted = decision == "exception"
    checks = [
        (
            before and differ(before, decision_now),
            f"was taken over as '{before and before['decision']}'"
            + ("" if own else f" from {taken_from}, and differs from that")
            + ": decide again in the next review",
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


def decided_in(row: Texts, review: Review) -> Row:
    """Give the decision of a row, as it is taken over, with the last day for what it asks for."""
    removed_on = day(row["decided on"]) if row["decision"].lower() == "remove" else None
    privileged = bool(row["privileged"])
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
        "remove_by": removed_on
        and settings.due(removed_on, review.deadlines, "remove", is_privileged=privileged),
    }


def label(place: str, row: Texts) -> str:
    """Name a row so that a reviewer finds it."""
    return f"{place} ({row['person']}, {access_in_words(row['kind'], row['access'])})"


def mistaken(rows: list[Texts], sent: list[Texts]) -> str | None:
    """Say of which review, or whose, a reviewer's list is, where it is another one as a whole."""
    for column, words in (("review", "it belongs to"), ("reviewer", "it is the list of")):
        theirs, ours = {row[column] for row in rows}, sent[0][column]
        if rows and ours not in theirs:
            return f"{words} {', '.join(sorted(theirs)[:3]) or 'nobody'}, not {ours}"
    return None


def signed(review: Review, path: Path) -> tuple[list[Row], list[str]]:
    """Give the decisions of a signed list, and everything that is wrong with it."""
    name = name_of(review, path)
    columns = COLUMNS if name == WHOLE else LIST
    original = "access-review.csv" if name == WHOLE else f"lists/{path.stem}.csv"
    sent = [row for _, row in read(review.folder / original, columns)]
    rows = read(path, columns, most=2 * len(sent) + SPARE_LINES)
    if name != WHOLE and (mistake := mistaken([row for _, row in rows], sent)):
        return [], [mistake]
    known: dict[str, tuple[int, Texts]] = {}
    problems = []
    snapshot = {row["row"]: row for row in sent}
    taken = {decision["access_key"]: decision for decision in review.decisions}
    reviewed = date.fromisoformat(review.evidence["as_of"][:10])
    for number, row in rows:
        snapshot_row = snapshot.get(row["row"])
        changed = [
            column
            for column in columns
            if column not in DECIDED and snapshot_row and row[column] != snapshot_row[column]
        ]
        if snapshot_row is None:
            problem: str | None = f"row '{row['row']}' is not in the snapshot"
        elif row["row"] in known:
            problem = f"is there twice, first in line {known[row['row']][0]}"
        elif changed:
            problem = f"differs from the snapshot in: {', '.join(changed)}"
        else:
            decision = decided_in(row, review)
            problem = problem_of(row, decision, taken.get(row["row"]), name, reviewed)
        if problem:
            problems.append(f"{label(f'line {number}', row)}: {problem}")
        known.setdefault(row["row"], (number, row))
    problems += [
        label(f"row '{key}'", row) + " is missing"
        for key, row in snapshot.items()
        if key not in known
    ]
    decided = [row for _, row in known.values() if row["decision"]]
    return [] if problems else [decided_in(row, review) for row in decided], problems


def inbox(review: Review) -> tuple[list[Path], list[str]]:
    """Give the signed lists that were not taken over yet, and what is wrong with others."""
    names = {path.relative_to(review.folder).as_posix() for path in review.folder.rglob("*")}
    new, refused = [], []
    taken = review.taken_lists
    for name in sorted({name.rpartition(".")[0] for name in review.signed_names}):
        paths = [review.folder / f"{name}{end}" for end in LIST_ENDS if f"{name}{end}" in names]
        paths = [path for path in paths if path.is_file() and not path.is_symlink()]
        if len(paths) > 1:
            both = " and ".join(path.name for path in paths)
            refused.append(f"{paths[0].parent} holds {both}: keep one of them")
        elif paths:
            try:
                is_new = taken.get(f"{name}{paths[0].suffix}") != sha256(paths[0])
            except OSError as error:  # whoever put it there may be the only one who may read it
                refused.append(f"{paths[0]} cannot be read: {error.strerror}")
            else:
                new += paths if is_new else []
    return new, refused


def strays(known: list[Review]) -> list[Path]:
    """Give the files of the archive that could be signed lists under another name."""
    paths = [REVIEWS / name for name in scan()[1]]
    paths += [review.folder / name for review in known for name in review.strays()]
    return [path for path in paths if path.name not in OF_THE_SYSTEM]


def read_signed(review: Review, path: Path) -> tuple[str, list[Row], str | None]:
    """Give the SHA-256 of a signed list, its decisions, and all that is wrong with it."""
    digest = sha256(path)
    try:
        decisions, problems = signed(review, path)
    except UnreadableError as error:
        return digest, [], f"{path} cannot be read, nothing is taken over: {error}"
    if sha256(path) != digest:
        return digest, [], f"{path} is being written just now, nothing is taken over"
    if not problems:
        return digest, decisions, None
    more = len(problems) - SHOW
    shown = [*problems[:SHOW], *([f"and {more} more"] if more > 0 else [])]
    return digest, [], "\n- ".join([f"{path}: nothing is taken over", *shown])


def disagreements(new: dict[Path, tuple[str, list[Row]]]) -> dict[Path, str]:
    """Give the signed lists that say different things about one row, with what is wrong."""
    refused: dict[Path, str] = {}
    known: dict[str, tuple[Path, Row]] = {}
    for path, (_, decisions) in new.items():
        for decision in decisions:
            other, first = known.setdefault(decision["access_key"], (path, decision))
            if differ(first, decision):
                problem = (
                    f"{other} and {path} disagree on row '{decision['access_key']}' "
                    f"({decision['person']}, "
                    f"{access_in_words(decision['kind'], decision['thing'])}): "
                    "nothing of either is taken over"
                )
                refused.setdefault(other, problem)
                refused.setdefault(path, problem)
    return refused


def take_over(review: Review, path: Path, digest: str, decisions: list[Row]) -> None:
    """Write what was signed, beside what was taken over before."""
    name = name_of(review, path)
    merged = {decision["access_key"]: decision for decision in review.decisions}
    for decision in decisions:
        merged.setdefault(decision["access_key"], decision | {"list": name})
    file = f"{name}{path.suffix}"
    lists = {
        other: known
        for other, known in review.taken_lists.items()
        if other.rpartition(".")[0] != name
    }
    last = review.sealed[-1]
    number = int(last.stem[8:]) + 1 if review.taken_over else 1
    record = {
        "taken_over_at": now(),
        "taken_over_by": who(),
        "file": file,
        "sha256": digest,
        "lists": lists | {file: digest},
        "after": sha256(last),
        "decisions": list(merged.values()),
    }
    path = review.folder / f"decided-{number}.json"
    write_json(path, record, sealed=True)
    counts = [f"{review.counts[word]} {word}" for word in DECISIONS]
    print(
        f"{review.folder / file}: {', '.join(counts)}, {review.undecided} undecided. Keep this "
        f"elsewhere: SHA-256 of {path.name} {sha256(path)}"
    )


def after_leaving(decisions: list[Row], before: list[Row], left: dict[str, str]) -> str | None:
    """Say who decided after their last day of work, if anybody did, of what is new.

    Args:
        decisions: What would be taken over.
        before: What was taken over before, when nobody knew yet who would leave.
        left: Last days of work by mailbox.
    """
    known = {decision["access_key"] for decision in before}
    for row in decisions:
        last_day = left.get(mailbox(row["decided_by"]))
        if last_day and last_day < row["decided_on"] and row["access_key"] not in known:
            return (
                f"{row['decided_by']} left on {last_day} by employees.csv, and decided about "
                f"'{row['access_key']}' on {row['decided_on']}: name another reviewer in "
                "reviewers.csv, for the next review"
            )
    return None


def take_over_all(review: Review, left: dict[str, str]) -> tuple[int, list[str]]:
    """Take over what is signed of a review; give how many lists, and what is wrong with others."""
    if changed := review.changed():
        sys.exit(f"{review.folder} was changed, nothing is taken over: {'; '.join(changed)}")
    paths, refused = inbox(review)
    if review.closing:
        return 0, [f"{path} is not taken over: the review was closed" for path in paths]
    new: dict[Path, tuple[str, list[Row]]] = {}
    for path in paths:
        digest, decisions, problem = read_signed(review, path)
        if problem:
            refused.append(problem)
        elif problem := after_leaving(decisions, review.decisions, left):
            refused.append(f"{path}: nothing is taken over: {problem}")
        else:
            new[path] = (digest, decisions)
    disagreeing = disagreements(new)
    for path in disagreeing:
        del new[path]
    for path, (digest, decisions) in new.items():
        take_over(review, path, digest, decisions)
    return len(new), [*refused, *dict.fromkeys(disagreeing.values())]


def main() -> None:
    """Take over what is signed, and say how much is not decided yet."""
    if not SYNC.exists():
        sys.exit("The last sync did not end well: run 'meltano run access-sync' first")
    known, left = reviews(), last_days()
    taken, refused = 0, []
    for review in known:
        number, problems = take_over_all(review, left)
        taken += number
        refused += problems
    not_read = strays(known)
    for path in not_read:
        print(
            f"{path} is not read: a signed list is named {' or '.join(SIGNED)}, or in signed/ "
            "exactly as it is in lists/",
            file=sys.stderr,
        )
    if taken or not refused:
        write_review_seeds()
        write_assigned_rows()
    if refused:
        more = f"{taken} other lists were taken over, which 'meltano run access-sync' shows"
        sys.exit("\n".join([*refused, *([more] if taken else [])]))
    if not taken:
        print(
            "Nothing new was signed: a list comes back as reviews/<date>/signed/ADDRESS.csv or "
            ".xlsx, or the whole one as reviews/<date>/decisions.csv or .xlsx"
        )
    if not_read and not taken:
        sys.exit("Nothing was taken over")


if __name__ == "__main__":
    main()
