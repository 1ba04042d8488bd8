"""Step 4: a page with all reviews: when, who, what became of the decisions, verified or not."""

from __future__ import annotations

import sys

from folders import REVIEWS, Review, Row, now, scan, sealed_page
from page import render
from safe import make_folder, write_text
from verify import verify_all
from warehouse import query


def summary(review: Review, removals: list[Row]) -> Row:
    """Give what the page says of a review."""
    of_this = [removal for removal in removals if removal["review"] == review.name]
    return {
        "review": review,
        "reviewers": sorted({decision["decided_by"] for decision in review.decisions}),
        "removed": sum(removal["gone_seen_at"] is not None for removal in of_this),
        "open": sum(removal["gone_seen_at"] is None for removal in of_this),
    }


def main() -> None:
    """Write the page."""
    known, strays = scan()
    removals = query("select review, gone_seen_at from removals")
    problems, names = verify_all(known, strays), {review.name for review in known}
    make_folder(REVIEWS)
    page = render(
        "archive.html.j2",
        lost={name: changes for name, changes in problems.items() if name not in names},
        problems=problems,
        rows=[summary(review, removals) for review in reversed(known)],
        written_at=now(),
    )
    write_text(REVIEWS / "index.html", sealed_page(f"{page}\n"))
    if any(problems.values()):
        print(
            "Something in reviews/ was changed: see 'meltano invoke review:verify'", file=sys.stderr
        )


if __name__ == "__main__":
    main()
