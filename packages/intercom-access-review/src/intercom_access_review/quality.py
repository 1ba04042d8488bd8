"""How carefully a review was done, as far as its decisions show."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from intercom_access_review.project import Row
    from intercom_access_review.records import Decision

BULK = 25
"""Rows with the same decision on one day, from which a reviewer may not have looked at each."""


def review_quality(decisions: Iterable[Decision], own: set[tuple[str, str]]) -> Row:
    """Return how each reviewer decided, and which reviewers decided about each other.

    Args:
        decisions: The decisions of a review.
        own: Accounts, and the addresses of the same person.
    """
    decided: dict[str, list[Decision]] = {}
    for one in decisions:
        decided.setdefault(one.decided_by, []).append(one)
    return {
        "reviewers": [{"reviewer": name, **habits(decided[name])} for name in sorted(decided)],
        "pairs": [
            pair
            for pair in combinations(sorted(decided), 2)
            if all(decided_about(decided[one], other, own) for one, other in (pair, pair[::-1]))
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


def decided_about(decisions: list[Decision], person: str, own: set[tuple[str, str]]) -> bool:
    """Return whether a decision is about an account of a person."""
    return any((one.access_key.partition("/")[0], person) in own for one in decisions)
