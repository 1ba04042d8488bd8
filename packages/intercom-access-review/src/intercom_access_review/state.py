"""The last sync, the archive, and the warehouse, for the pages and the steps after a sync."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from intercom_access_review.archive import INDEX, Archived, archive_tables, due_day, outcome_key
from intercom_access_review.files import write_text
from intercom_access_review.inputs import mailbox
from intercom_access_review.items import ITEM_KINDS, collect_items
from intercom_access_review.log_entries import AccessLog
from intercom_access_review.page import render
from intercom_access_review.project import PAGE, REVIEWS, SYNC, Row, as_json, now, utc
from intercom_access_review.records import Sync, write_record
from intercom_access_review.settings import Settings
from intercom_access_review.warehouse import Warehouse, build

SETTLED = ["removed", "risk accepted", "decided again"]
"""Outcomes of revocations that need no further action."""


@dataclass
class State:
    """The last sync, the archive, and the warehouse that is built from both."""

    sync: Sync
    reviews: list[Archived]
    warehouse: Warehouse
    settings: Settings

    @cached_property
    def log(self) -> AccessLog:
        """The log entries about access."""
        return AccessLog(self.warehouse)

    @cached_property
    def items(self) -> list[Row]:
        """The items needing attention, the most urgent first."""
        after = utc(self.previous.record.sync.as_of) if self.previous else None
        return collect_items(self.warehouse, self.log, after)

    @cached_property
    def outcomes(self) -> list[Row]:
        """The table outcomes, with log entries. Verified removals come from the archive."""
        verified = {review.name: review.removals for review in self.reviews}
        rows = []
        for found in self.table("outcomes"):
            span = (found["last_observed_at"], found["removed_detected_at"])
            entries = self.log.naming(found["admin_id"], *span) if found["is_removed"] else []
            listed = [as_json({n: e[n] for n in ("at", "author", "text")}) for e in entries]
            row = as_json(found) | {"entries": listed}
            if (row["decision"], row["outcome"]) == ("revoke", "removed"):
                recorded = verified[row["review"]].get(outcome_key(row), row)
                row = recorded | {"given_again_at": row["given_again_at"]}
            rows.append(row)
        return rows

    @property
    def previous(self) -> Archived | None:
        """The review before this sync."""
        time = utc(self.sync.as_of)
        return next((r for r in reversed(self.reviews) if utc(r.record.sync.as_of) < time), None)

    @property
    def read_since(self) -> datetime:
        """The time at which the first list of the last sync was read."""
        return min(map(utc, self.sync.read_at.values()))

    def table(self, name: str) -> list[Row]:
        """Return the rows of a table, in their order if it has one."""
        rows = self.warehouse.query(f"select * from {name}")  # noqa: S608
        return sorted(rows, key=lambda row: row.get("position") or 0)

    @cached_property
    def own(self) -> set[tuple[str, str]]:
        """Pairs of an account and a mailbox of its person."""
        return {(row["admin_id"], mailbox(row["email"])) for row in self.table("own_addresses")}

    def is_own(self, access_key: str, address: str) -> bool:
        """Return whether a row is about an account of the person with an address."""
        return (access_key.partition("/")[0], mailbox(address)) in self.own

    def revocations_of(self, review: Archived) -> list[Row]:
        """Return the revocations of a review with their outcomes."""
        keys = (review.name, "revoke")
        return [row for row in self.outcomes if (row["review"], row["decision"]) == keys]

    @property
    def is_behind(self) -> bool:
        """Whether the warehouse lacks reviews or decisions of the archive."""
        decisions = sum(len(review.imported) for review in self.reviews)
        found = (len(self.table("reviews")), len(self.table("decisions")))
        return found != (len(self.reviews), decisions)

    def rebuild(self) -> None:
        """Build the warehouse again, with the reviews and decisions since the sync."""
        SYNC.unlink(missing_ok=True)  # until the warehouse is whole again
        self.warehouse.write(archive_tables(self.reviews))
        build(self.warehouse)
        write_record(SYNC, self.sync)

    def page(self, progress: list[Row] | None = None) -> str:
        """Return the page of the sync.

        Args:
            progress: The progress of a new review. If None, that of the newest review is shown.
        """
        titles: dict[str, set[str]] = {}
        for item in self.items:
            titles.setdefault(item["admin_id"], set()).add(ITEM_KINDS[item["item"]].title)
        for change in self.table("access_changes"):
            titles.setdefault(change["admin_id"], set()).add("Changed")
        return render(
            "page.html.j2",
            entries=self.log.naming,
            items=self.items,
            kinds=ITEM_KINDS,
            outcomes=self.outcomes,
            previous=self.previous,
            progress=self.table("progress") if progress is None else progress,
            reviews=self.reviews,
            sync=self.sync,
            table=self.table,
            titles=titles,
        )

    def write_pages(self) -> None:
        """Write the page of the sync, and the page of all reviews."""
        write_text(PAGE, self.page())
        self.write_index()

    def write_index(self) -> None:
        """Write the page of all reviews."""
        today, rows = self.sync.as_of[:10], []
        for review in reversed(self.reviews):
            own = self.revocations_of(review)
            rows.append((review, own, state_of(review, own, today)))
        text = render(
            "archive.html.j2",
            rows=rows,
            settled=SETTLED,
            written_at=now(),
        )
        write_text(REVIEWS / INDEX, text)


def state_of(review: Archived, revocations: list[Row], today: str) -> tuple[str, str]:
    """Return the state of a review (open, due, overdue, or completed), and its date."""
    if review.completion:
        return "completed", review.completion.completed_at[:10]
    days = [due_day(row) for key, row in review.rows.items() if key not in review.decisions]
    days += [
        row["due_on"] for row in revocations if row["outcome"] not in SETTLED and row["due_on"]
    ]
    first = min(filter(None, days), default="")
    if not first:
        return "open", ""
    return ("overdue" if first < today else "due"), first
