"""Complete a review when every row is decided and every revocation is settled."""

from collections import Counter

import click

from intercom_access_review.archive import Archived, due_day
from intercom_access_review.evidence import copy_sources
from intercom_access_review.files import write_text
from intercom_access_review.manifest import new_step
from intercom_access_review.page import access_phrase, render
from intercom_access_review.project import INBOX, Row, entries, now, utc
from intercom_access_review.quality import review_quality
from intercom_access_review.records import Completion, Decision, write_record
from intercom_access_review.state import SETTLED, State
from intercom_access_review.texts import bullets
from intercom_access_review.worksheets import Texts


def problems_of(review: Archived, state: State, revocations: list[Row]) -> list[str]:
    """Return the reasons why a review can't be completed yet."""
    problems = []
    if review.undecided:
        text = f"{review.undecided} of {review.record.rows} rows have no decision"
        unassigned = sum(not row["reviewer"] for row in review.rows.values())
        problems.append(f"{text}. Rows without a reviewer: {unassigned}" if unassigned else text)
    if waiting := [path.name for path in entries(INBOX)]:
        problems.append(f"not imported yet: {', '.join(waiting)}. Import or remove them")
    imported = (utc(decision.imported_at) for decision in review.decisions.values())
    if not review.undecided and state.read_since < max(imported, default=state.read_since):
        problems.append("the last sync is older than the decisions. Run 'meltano run access-sync'")
    problems += [
        f"{row['access_key']} ({row['label']}, {access_phrase(row['kind'], row['thing'])}): "
        f"{row['outcome']}"
        for row in revocations
        if row["outcome"] not in SETTLED
    ]
    return problems


def timeliness(row: Texts, decision: Decision) -> str:
    """Return whether a decision was imported by its deadline."""
    due = due_day(row)
    return "no deadline" if not due else "late" if decision.imported_at[:10] > due else "in time"


def timeliness_tests(review: Archived, revocations: list[Row]) -> Row:
    """Return the number of decisions and revocations in time, late, and without a deadline."""
    decided = review.decisions.items()
    late = Counter(timeliness(review.rows[key], decision) for key, decision in decided)
    settled = Counter(
        f"removed {row['timeliness'] or 'without a deadline'}"
        if row["outcome"] == "removed"
        else row["outcome"]
        for row in revocations
    )
    return {
        "decisions": dict(sorted(late.items())),
        "revocations": dict(sorted(settled.items())),
    }


def report(review: Archived, state: State, revocations: list[Row]) -> Completion:
    """Return the record of the completion report."""
    decided = review.decisions.items()
    return Completion(
        review=review.name,
        completed_at=now(),
        sync=state.sync,
        decisions=list(review.decisions.values()),
        attestations=review.attestations,
        revocations=revocations,
        exceptions=[
            row
            for row in state.outcomes
            if (row["review"], row["decision"]) == (review.name, "exception")
        ],
        tests={
            "decided_about_own_access": [k for k, d in decided if state.is_own(k, d.decided_by)],
            **timeliness_tests(review, revocations),
        },
        reassignments=review.reassignments,
        quality=review_quality(review.decisions.values(), state.is_own),
    )


def complete_reviews(state: State) -> tuple[int, list[str]]:
    """Complete the reviews that are ready; return their number, and the problems of the others."""
    completed, missing = 0, []
    for review in state.reviews:
        if review.completion:
            continue
        revocations = state.revocations_of(review)
        if problems := problems_of(review, state, revocations):
            missing.append(bullets(f"{review.folder} cannot be completed yet:", problems))
            continue
        completion, target = report(review, state, revocations), review.folder / "completion"
        page = render("completion.html.j2", report=completion, review=review)
        hosts = state.sync.source_hosts
        with new_step("completion", review.name, target, hosts, state.settings) as new:
            copy_sources(state.sync, new)
            write_text(new / "completion.html", page)
            write_record(new / "completion.json", completion)
        review.completion, completed = completion, completed + 1
        click.echo(f"{target}: decisions {review.record.rows}, revocations {len(revocations)}")
    return completed, missing
