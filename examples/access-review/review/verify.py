"""At any time: says whether anything in reviews/ was changed since it was written."""

from __future__ import annotations

import sys

from decisions import signed
from folders import REVIEWS, Review, is_as_written, reviews, sha256
from tables import UnreadableError


def problems_of(review: Review, later: list[Review]) -> list[str]:
    """Give what is not as it was written, by the evidence of this review and of later ones."""
    problems = review.changed()
    for other in later:
        for name, known in other.evidence["earlier_reviews"].get(review.name, {}).items():
            if not is_as_written(review.folder / name, known):
                problems.append(f"{name} is not what {other.name} saw")
    if review.taken_over and not problems:
        last = review.last_taken_over
        path = review.folder / last["file"]
        if not is_as_written(path, last["sha256"]):
            problems.append(f"{path.name} is not what was taken over on {last['taken_over_at']}")
        else:
            try:
                decisions, errors = signed(review, path)
            except UnreadableError as error:
                decisions, errors = [], [str(error)]
            if errors or decisions != review.decisions:
                problems.append(f"{review.taken_over[-1].name} does not say what {path.name} says")
    return problems


def verify_all(known: list[Review]) -> dict[str, list[str]]:
    """Give the problems of every review by its name; folders without evidence are one."""
    problems_by_review = {r.name: problems_of(r, known[n + 1 :]) for n, r in enumerate(known)}
    for later in known:
        for name in later.evidence["earlier_reviews"].keys() - problems_by_review.keys():
            problems_by_review[name] = [f"the review that {later.name} saw is not there"]
    for folder in REVIEWS.iterdir() if REVIEWS.exists() else ():
        if folder.is_dir() and folder.name not in problems_by_review and folder.name != ".new":
            problems_by_review[folder.name] = ["evidence.json is not there"]
    return dict(sorted(problems_by_review.items()))


def main() -> None:
    """Print what was changed; the exit code is 1 where anything was changed."""
    known = reviews()
    problems_by_review = verify_all(known)
    if not problems_by_review:
        sys.exit(f"{REVIEWS} holds no review: there is nothing to verify")
    for name, problems in problems_by_review.items():
        print(f"{REVIEWS / name}: {'CHANGED: ' + '; '.join(problems) if problems else 'unchanged'}")
    for review in known:
        for path in review.sealed:
            print(f"{sha256(path)}  {path}")
    if any(problems_by_review.values()):
        sys.exit("Something was changed since it was written")


if __name__ == "__main__":
    main()
