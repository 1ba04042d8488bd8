"""Last step of a nightly run: output/findings.json, and an end with 1 where an alert is new."""

from __future__ import annotations

import json
import sys
from datetime import timezone
from typing import NamedTuple

import settings
from folders import OUTPUT, Row, read_sync, reviews, write_json
from tables import visible
from warehouse import pretended_times, query, sync_of

PATH = OUTPUT / "findings.json"


class Kind(NamedTuple):
    """A kind of finding."""

    severity: str
    title: str


FINDINGS = {  # in the order of the page
    "export_differs": Kind("high", "Teammates' export differs"),
    "export_not_compared": Kind("medium", "Teammates' export not compared"),
    "removal_overdue": Kind("high", "Removal overdue"),
    "leaver_overdue": Kind("high", "Left, and access overdue"),
    "decision_overdue": Kind("high", "Decisions overdue"),
    "not_removed": Kind("high", "Not removed, though decided"),
    "removed_but_back": Kind("high", "Removed, but access may remain"),
    "exception_expired": Kind("high", "Exception past its end"),
    "token_owner": Kind("high", "Owner of the access token"),
    "leaver": Kind("high", "Left, and still has access"),
    "privileged_new": Kind("high", "New holder of a privileged role"),
    "role_edited": Kind("high", "Role widened or narrowed"),
    "role_change_unclear": Kind("high", "Change of a role that is not known"),
    "seed_name": Kind("medium", "Name in seeds/ that Intercom does not have"),
    "reviewer_left": Kind("medium", "Reviewer who left"),
    "reviewer_unknown": Kind("medium", "Reviewer whom nobody knows"),
    "by_hand_unused": Kind("low", "Row of permissions_by_hand.csv without use"),
    "owner_left": Kind("medium", "Service account without an owner"),
    "service_left": Kind("high", "Service account of somebody who left"),
    "service_unknown": Kind("low", "Row of service_accounts.csv without use"),
    "no_reviewer": Kind("medium", "Without a reviewer"),
    "no_role": Kind("high", "Permissions set by hand"),
    "privileged_quiet": Kind("medium", "Privileged, and no event for 90 days or more"),
    "no_team": Kind("low", "In no team"),
    "no_address": Kind("medium", "No address"),
    "not_employed": Kind("medium", "Not in the list of employees"),
    "personal_mailbox": Kind("medium", "Personal mailbox"),
    "seat_quiet": Kind("low", "Inbox seat, and no event for 90 days or more"),
    "shared_mailbox": Kind("low", "Shared mailbox"),
    "unknown_member": Kind("medium", "Member of a team, but no teammate"),
}


def sentence(finding: Row) -> str:
    """Say in a sentence who and what a finding is about."""
    text = finding["detail"]
    if finding["admin_id"]:
        who = finding["label"] or finding["admin_id"]
        if finding["email"] and finding["email"] not in who:
            who += f" ({finding['email']})"
        text = f"{who}: {text}"
    return visible(" ".join(text.split()))


def earlier(workspace_id: str) -> Row | None:
    """Give what the last run left, or nothing, with a message, where that is lost."""
    if not PATH.exists():
        print(f"There is no earlier {PATH.name}: every finding counts as new", file=sys.stderr)
        return None
    try:
        known: Row = json.loads(PATH.read_text(encoding="utf-8"))
        times = {str(row["key"]): str(row["first_seen"]) for row in known["findings"]}
        since, is_same = str(known["first_seen_since"]), known["workspace_id"] == workspace_id
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        print(f"{PATH} is broken ({error!r}): every finding counts as new", file=sys.stderr)
        return None
    if not is_same:
        print(f"{PATH} is of another workspace: every finding counts as new", file=sys.stderr)
        return None
    return {"as_of": str(known["as_of"]), "times": times, "since": since}


def record_of(rows: list[Row], sync: Row, workspace_id: str) -> Row:
    """Give what a run leaves: each finding, when it was seen first, and whether it is new.

    Args:
        rows: The findings.
        sync: What was read.
        workspace_id: Of which workspace.
    """
    as_of, before = sync["as_of"], earlier(workspace_id)
    times = before["times"] if before else {}
    return {
        "as_of": as_of,
        "as_of_is_pretended": sync["is_pretended"],
        "workspace_id": workspace_id,
        "compared_with": before and before["as_of"],
        "first_seen_since": before["since"] if before else as_of,
        "findings": [
            {
                "key": row["finding_key"],
                "finding": row["finding"],
                "severity": FINDINGS[row["finding"]].severity,
                "admin_id": row["admin_id"],
                "first_seen": times.get(row["finding_key"], as_of),
                "is_new": row["finding_key"] not in times,
                "sentence": sentence(row),
            }
            for row in rows
        ],
    }


def main() -> None:
    """Write the findings of this sync; they are new in one run only, so that run ends with 1."""
    sync = read_sync()
    workspace_id = sync_of(sync)["workspace_id"]
    alerts = settings.alerts(set(FINDINGS))
    rows = query("select * from nightly_findings order by urgency, finding, name, finding_key")
    pretended = [time.replace(tzinfo=timezone.utc) for time in pretended_times(reviews())]
    record = record_of(rows, sync, workspace_id)
    record["pretended_times"] = [time.isoformat() for time in pretended]
    write_json(PATH, record)
    new = [row for row in record["findings"] if row["is_new"]]
    print(f"{PATH}: {len(rows)} findings, {len(new)} of them new")
    if alarming := [row for row in new if row["finding"] in alerts]:
        lines = [f"{row['severity']}: {row['sentence']}" for row in alarming]
        sys.exit("\n- ".join([f"{len(lines)} new findings of fail_on", *lines]))


if __name__ == "__main__":
    main()
