"""Complete the worksheets of the demo like its reviewers, and put them into the inbox."""

from __future__ import annotations

import csv
import sys
from datetime import date, timedelta
from pathlib import Path

DECISIONS = {  # by person and kind
    ("Priya Raman", "seat"): {"decision": "revoke", "reason": "works on invoices only"},
    ("Dana Levi", "workspace"): {"decision": "revoke", "reason": "the project has ended"},
    ("Søren Kjær", "workspace"): {"decision": "exception", "reason": "contract runs out"},
}


def main() -> None:
    """Complete the worksheets of a review on the day after it, or accept a revocation as a risk."""
    review, accepts = sys.argv[1], len(sys.argv) > 2  # noqa: PLR2004 (there is a second argument)
    reviewed = date.fromisoformat(review[:10])
    if accepts:
        until = date.today() + timedelta(days=30)  # noqa: DTZ011 (the exact day doesn't matter)
        accepted = {"decision": "exception", "reason": "hands over", "until": str(until)}
        DECISIONS[("Dana Levi", "workspace")] = accepted
    for path in Path("reviews", review, "worksheets").glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        if path.stem == "all" or (accepts and "Dana Levi" not in {row["person"] for row in rows}):
            continue
        for row in rows:
            if row["row"].startswith("attestation/"):
                row["decision"] = "approve"
            else:
                default = {"decision": "approve", "reason": row["privileged"] and "used each day"}
                row.update(DECISIONS.get((row["person"], row["kind"]), default))
            if row["decision"] == "exception" and not row["until"]:
                row["until"] = str(reviewed + timedelta(days=60))
            row["decided by"] = row["reviewer"]
            row["decided on"] = str(reviewed + timedelta(days=1))
        with Path("inbox", path.name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
