"""Step 4: a page with all reviews: when, who, what became of the decisions, verified or not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from folders import REVIEWS, Review, Row, now, scan, sealed_page
from lists import due_on, lists_of
from page import render
from safe import make_folder, write_text
from verify import verify_all
from warehouse import known_syncs, pretended_times, query

if TYPE_CHECKING:
    from datetime import date


def summary(review: Review, removals: list[Row], today: date) -> Row:
    """Give what the page says of a review."""
    of_this = [removal for removal in removals if removal["review"] == review.name]
    left = [removal for removal in of_this if removal["gone_seen_at"] is None]
    return {
        "review": review,
        "reviewers": sorted({decision["decided_by"] for decision in review.decisions}),
        "removed": len(of_this) - len(left),
        "open": len(left),
        "state": state(
            review, [row["due_on"] for row in left if not row["decided_again_in"]], today
        ),
    }


def state(review: Review, removals_due: list[date | None], today: date) -> Row:
    """Give how far a review is: open, due on a day, overdue since one, or closed on one.

    Args:
        review: The review.
        removals_due: The last day of each removal that is not done, where it has one.
        today: The day of the last sync.
    """
    if review.closing:
        return {"word": "closed", "day": review.closing["closed_at"][:10]}
    decided = {decision["access_key"] for decision in review.decisions}
    days = removals_due + [
        due_on(row)
        for rows in lists_of(review).values()
        for row in rows
        if row["row"] not in decided
    ]
    first = min((day for day in days if day), default=None)
    if first is None:
        return {"word": "open", "day": None}
    return {"word": "overdue" if first < today else "due", "day": first}


def main() -> None:
    """Write the page."""
    if not known_syncs():
        sys.exit("No sync was built yet: run 'meltano run access-sync' first")
    known, strays = scan()
    removals = query("select review, gone_seen_at, due_on, decided_again_in from removals")
    (sync,) = query("select cast(max(as_of) as date) as today from syncs")
    problems, names = verify_all(known, strays), {review.name for review in known}
    make_folder(REVIEWS)
    page = render(
        "archive.html.j2",
        pretended_times(known),
        lost={name: changes for name, changes in problems.items() if name not in names},
        problems=problems,
        rows=[summary(review, removals, sync["today"]) for review in reversed(known)],
        written_at=now(),
    )
    write_text(REVIEWS / "index.html", sealed_page(f"{page}\n"))
    if any(problems.values()):
        print(
            "Something in reviews/ was changed: see 'meltano invoke review:verify'", file=sys.stderr
        )


if __name__ == "__main__":
    main()
