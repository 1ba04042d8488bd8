"""Plays the reviewers of the demo: two removals, one exception, and everything else is kept."""

from __future__ import annotations

import csv
import sys
from datetime import date, timedelta
from pathlib import Path

DECISIONS = {  # by person and kind
    ("Priya Raman", "seat"): {"decision": "remove", "reason": "works on invoices only"},
    ("Dana Levi", "workspace"): {"decision": "remove", "reason": "the project has ended"},
    ("Søren Kjær", "workspace"): {"decision": "exception", "reason": "contract runs out"},
}


def main() -> None:
    """Fill in the list of each reviewer of a review, and sign it a day after."""
    folder = Path(sys.argv[1])
    reviewed = date.fromisoformat(folder.name)
    for path in (folder / "lists").glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            row.update(DECISIONS.get((row["person"], row["kind"]), {"decision": "keep"}))
            if row["decision"] == "exception":
                row["until"] = str(reviewed + timedelta(days=60))
            row["decided by"] = row["reviewer"]
            row["decided on"] = str(reviewed + timedelta(days=1))
        with (folder / "signed" / path.name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
