"""Measure how reviewers decided: shares approved, rows per day, and decisions in bulk."""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import combinations

from intercom_access_review.project import Row
from intercom_access_review.records import Decision

BULK = 25
"""From this number of equal decisions on one day, a reviewer may not have looked at each row."""


def review_quality(decisions: Iterable[Decision], is_own: Callable[[str, str], bool]) -> Row:
    """Return the habits of each reviewer, and the pairs of reviewers who decided about each other.

    Args:
        decisions: The decisions of a review.
        is_own: Returns whether a row is about an account of the person with an address.
    """
    decided: dict[str, list[Decision]] = {}
    for one in decisions:
        decided.setdefault(one.decided_by, []).append(one)
    return {
        "reviewers": [{"reviewer": name, **habits(decided[name])} for name in sorted(decided)],
        "pairs": [
            pair
            for pair in combinations(sorted(decided), 2)
            if all(
                any(is_own(decision.access_key, other) for decision in decided[one])
                for one, other in (pair, pair[::-1])
            )
        ],
    }


def habits(decisions: list[Decision]) -> Row:
    """Return how many rows a reviewer approved, on how many days, and in bulk."""
    approved = sum(one.decision == "approve" for one in decisions)
    days = Counter(one.decided_on for one in decisions)
    (day, decision), most = Counter((d.decided_on, d.decision) for d in decisions).most_common(1)[0]
    return {
        "rows": len(decisions),
        "approved_percent": round(100 * approved / len(decisions)),
        "days": len(days),
        "rows_per_day": round(len(decisions) / len(days), 1),
        "in_bulk": {"rows": most, "decision": decision, "on": day} if most >= BULK else None,
    }
