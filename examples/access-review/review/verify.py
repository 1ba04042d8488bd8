"""At any time: says whether anything in reviews/ was changed since it was written."""

from __future__ import annotations

import sys

from decisions import WHOLE, differ, signed
from folders import (
    ACCEPTED,
    CLOSING,
    LEFT_BEHIND,
    NEW,
    REVIEWS,
    Review,
    Row,
    is_as_written,
    is_sealed_page,
    read_record,
    scan,
    sha256,
)
from seal import sealed_by
from settings import required
from tables import UnreadableError


def problems_of(review: Review, earlier: list[Review], later: list[Review]) -> list[str]:
    """Give what is not as it was written, by the evidence of this review and of the others."""
    problems = review.changed()
    seen = review.evidence["earlier_reviews"]
    problems += [
        f"it knows nothing of the review {other.name} before it"
        for other in earlier
        if other.name not in seen
    ]
    for other in later:
        for name, known in other.evidence["earlier_reviews"].get(review.name, {}).items():
            if not is_as_written(review.folder / name, known):
                problems.append(f"{name} is not what {other.name} saw")
    problems += problems_of_records(review, later)
    problems += problems_of_closing(review, later)
    if review.taken_over and not problems:
        problems += problems_of_signed(review)
    return problems + [f"{name} was not written by any step" for name in review.strays()]


def problems_of_records(review: Review, later: list[Review]) -> list[str]:
    """Give what is wrong with the records of decisions: each holds the one before, none lacks."""
    problems = []
    before: list[Row] = []
    last = sha256(review.folder / "evidence.json")
    for number, path in enumerate(review.taken_over, start=1):
        record = read_record(path)
        if path.name != f"decided-{number}.json":
            problems.append(f"decided-{number}.json is not there")
            break
        if record.get("after", last) != last:
            problems.append(f"{path.name} was not written after the files that are there")
        if any(row not in record["decisions"] for row in before):
            problems.append(f"{path.name} lacks what was decided before it")
        for other in later:
            unseen = path.name not in other.evidence["earlier_reviews"].get(review.name, {})
            if unseen and record["taken_over_at"] < other.evidence["written_at"]:
                problems.append(f"{path.name} is older than {other.name}, which did not see it")
        before, last = record["decisions"], sha256(path)
    return problems


def problems_of_closing(review: Review, later: list[Review]) -> list[str]:
    """Give what is wrong with the closing report of a review, if it has one."""
    closing = review.closing
    if closing is None:
        return []
    problems = []
    if closing["review"] != review.name:
        problems.append(f"{CLOSING} is that of the review {closing['review']}")
    for name, known in closing["reviews"].items():
        for file, digest in known.items():
            if not is_as_written(REVIEWS / name / file, digest):
                where = file if name == review.name else f"{name}/{file}"
                problems.append(f"{where} is not what {CLOSING} saw")
    seen = closing["reviews"].get(review.name, {})
    problems += [
        f"{path.name} was written after the review was closed"
        for path in review.sealed
        if path.name not in seen
    ]
    signed_then = {*review.taken_lists, *closing["files"]}
    problems += [
        f"{name} was put there after the review was closed"
        for name in sorted({*review.signed_names, ACCEPTED} - signed_then)
        if (review.folder / name).is_file()
    ]
    decided = {row["access_key"]: row for row in review.decisions}
    closed = {row.get("access_key"): row for row in closing["decisions"]}
    removed = {key for key, row in decided.items() if row["decision"] == "remove"}
    if (
        review.undecided
        or decided.keys() != closed.keys()
        or any(differ(row, closed[key]) for key, row in decided.items())
        or {row.get("access_key") for row in closing["removals"]} != removed
    ):
        problems.append(f"{CLOSING} does not say what was decided")
    problems += [
        f"{CLOSING} is older than {other.name}, which did not see it"
        for other in later
        if closing["closed_at"] < other.evidence["written_at"]
        and CLOSING not in other.evidence["earlier_reviews"].get(review.name, {})
    ]
    return problems


def problems_of_signed(review: Review) -> list[str]:
    """Give what differs between the last record and the lists that were signed."""
    record, taken_at = review.taken_over[-1].name, review.last_taken_over["taken_over_at"]
    taken = {row["access_key"]: row for row in review.decisions}
    missing = {(row.get("list", WHOLE), row["access_key"]) for row in review.decisions}
    problems = []
    for file, known in review.taken_lists.items():
        path = review.folder / file
        name = file.rpartition(".")[0]
        of_list = {key for key in missing if key[0] == name}
        missing -= of_list
        if file not in review.signed_names or not is_as_written(path, known):
            problems.append(f"{file} is not what was taken over on {taken_at}")
            continue
        try:
            decisions, errors = signed(review, path)
        except UnreadableError as error:
            decisions, errors = [], [str(error)]
        rows = {row["access_key"]: row for row in decisions}
        differing = [key for key in rows if key not in taken or differ(taken[key], rows[key])]
        if errors or differing or any(key not in rows for _, key in of_list):
            problems.append(f"{record} does not say what {file} says")
    if missing or len(taken) != len(review.decisions):
        problems.append(f"{record} says more than the signed lists")
    return problems


def verify_all(known: list[Review], strays: dict[str, str]) -> dict[str, list[str]]:
    """Give the problems by the name of the review, or of whatever else is in the archive."""
    problems = {name: [problem] for name, problem in strays.items()}
    for number, review in enumerate(known):
        problems[review.name] = problems_of(review, known[:number], known[number + 1 :])
        problems[review.name] += sealed_by(review, set())[1]
    for later in known:
        for name in later.evidence["earlier_reviews"].keys() - problems.keys():
            problems[name] = [f"the review that {later.name} saw is not there"]
    return dict(sorted(problems.items()))


def report(known: list[Review]) -> list[str]:
    """Print what is known of the files that vouch; give what settings.ini requires and lacks."""
    for path in sorted(REVIEWS.rglob(".*")):
        if path.name == NEW or LEFT_BEHIND.fullmatch(path.name):
            print(f"{path}: left behind by a step that was stopped; it counts for nothing")
    for review in known:
        for path in review.vouching:
            print(f"{sha256(path)}  {path}")
    missing = []
    for review in known:
        texts, _, lacking = sealed_by(review, required())
        missing += [f"{REVIEWS / review.name}: {text}" for text in lacking]
        print("\n".join(texts))
    return missing


def main() -> None:
    """Print what was changed; the exit code is 1 where anything was."""
    known, strays = scan()
    problems_by_name = verify_all(known, strays)
    if not problems_by_name:
        sys.exit(f"{REVIEWS} holds no review: there is nothing to verify")
    index = REVIEWS / "index.html"
    if index.exists() and not is_sealed_page(index):
        problems_by_name[index.name] = ["it is not what the last step wrote"]
    for name, problems in problems_by_name.items():
        print(f"{REVIEWS / name}: {'CHANGED: ' + '; '.join(problems) if problems else 'unchanged'}")
    missing = report(known)
    if any(problems_by_name.values()):
        missing.append("Something was changed since it was written")
    if missing:
        sys.exit("\n".join(missing))


if __name__ == "__main__":
    main()
