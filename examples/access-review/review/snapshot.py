"""Step 3: a new folder in reviews/ with the page, the list to sign, and the evidence."""

from __future__ import annotations

import shutil
import sys
from datetime import date
from itertools import chain, count

import settings
import teammates
from evidence import as_reviewed, copy_kept, limits, tests_of
from folders import (
    BUILT,
    NEW,
    OUTPUT,
    REVIEWS,
    Review,
    Row,
    now,
    read_json,
    read_sync,
    reviews,
    sha256,
    write_json,
)
from identity import review_code, who
from lists import planned, write_lists
from page import PAGE, last_event, page, since
from safe import make_folder, seal, write_text
from tables import Texts, plain, write_csv, write_spreadsheet
from warehouse import query, sync_of

EDITS = """
    select people.admin_id, edits.label, edits.sentence
    from role_edits as edits join people on people.role_id = edits.thing_id and people.is_there
    order by edits.happened_at, edits.label
"""
ACCOUNTS = {
    "bot": "no person: Intercom's own bot",
    "service": "no person: service account",
}


def last_decision(decision: Row | None) -> str:
    """Say what an earlier review decided about the same access."""
    if decision is None:
        return ""
    text = f"{decision['decision']}, by {decision['decided_by']} on {decision['decided_on']}"
    if decision["until"]:
        text += f", until {decision['until']}"
    return f"{text} ({decision['reason']})" if decision["reason"] else text


def entitlements(grants: list[Row]) -> dict[str, Texts]:
    """Give the role and the teams of each account, as texts."""
    accounts: dict[str, Texts] = {}
    for grant in grants:
        texts = accounts.setdefault(grant["admin_id"], {"role": "", "teams": ""})
        if grant["kind"] == "role":
            texts["role"] = plain(grant["thing"])
        elif grant["kind"] == "team":
            level = f" ({grant['level']})" if grant["level"] else ""
            texts["teams"] += f"{', ' if texts['teams'] else ''}{plain(grant['thing'])}{level}"
    return accounts


def rows(review: str, days: dict[str, int]) -> list[Texts]:
    """Give a row for each access, with room for the decision.

    Args:
        review: The name of the review, which begins with its day.
        days: The deadlines.
    """
    reviewed = date.fromisoformat(review[:10])
    findings: dict[str, list[str]] = {}
    for finding in query("select * from review_findings order by urgency, finding, detail"):
        findings.setdefault(finding["admin_id"], []).append(finding["detail"])
    for edit in query(EDITS):
        text = f"the role {edit['label']} was changed ({edit['sentence']})"
        findings.setdefault(edit["admin_id"], []).append(text)
    for account in query("select * from people where is_there and account_type <> 'person'"):
        findings.setdefault(account["admin_id"], []).insert(0, ACCOUNTS[account["account_type"]])
    grants = query(
        "select * from access_grants order by account_type, name, email, admin_id, kind, thing"
    )
    privileged = {
        row["admin_id"]: "not known" if row["is_unknown"] else "yes"
        for row in query("select * from privileged_access where is_privileged or is_unknown")
    }
    decided = {row["access_key"]: row for row in query("select * from last_decisions")}
    accounts = entitlements(grants)
    listing = [
        {
            "row": plain(grant["access_key"]),
            "person": plain(grant["name"] or grant["admin_id"]),
            "email": plain(grant["email"]),
            "job title": plain(grant["job_title"]),
            "kind": grant["kind"],
            "access": "workspace" if grant["kind"] == "workspace" else plain(grant["thing"]),
            "level": grant["level"],
            "since": since(grant),
            "last event": plain(last_event(grant)),
            "privileged": privileged.get(grant["admin_id"], "")
            if grant["kind"] in {"role", "workspace"}
            else "",
            "findings": plain("; ".join(findings.get(grant["admin_id"], []))),
            "reviewer": grant["reviewer"] or "",
            "last decision": plain(last_decision(decided.get(grant["access_key"]))),
            "review": f"review of {review}",
            **{key: plain(text) for key, text in accounts[grant["admin_id"]].items()},
        }
        for grant in grants
    ]
    for row in listing:
        until = settings.due(reviewed, days, "decide", is_privileged=bool(row["privileged"]))
        row["due"] = f"decide by {until}" if until and row["reviewer"] else ""
    return listing


def evidence(sync: Row, earlier: list[Review], days: dict[str, int], listing: list[Texts]) -> Row:
    """Say what was read, from where, how and when, and what the earlier reviews look like now."""
    read = sync_of(sync)
    workspace = {key: read[key] for key in ("workspace_id", "name", "region")}
    if earlier and earlier[-1].evidence["workspace"]["workspace_id"] != workspace["workspace_id"]:
        sys.exit(
            f"{REVIEWS} holds reviews of workspace {earlier[-1].evidence['workspace']}, and this "
            f"is {workspace}: give each workspace a copy of this project"
        )
    written_at = now()
    built = read_json(BUILT)
    return {
        "as_of": sync["as_of"],
        "as_of_is_pretended": sync["is_pretended"],
        "written_at": written_at,
        "workspace": workspace,
        "token_owner": {key: read[f"token_admin_{key}"] for key in ("id", "name", "email")},
        "api_version": read["api_version"],
        "tap_version": read["read_by"],
        "lists": sync["reads"],
        "deadlines": days,
        "control_totals": as_reviewed(sync, listing),
        "complete": sync["evidence"]["complete"],
        "second_source": teammates.results(sync["second_source"]),
        "tests": tests_of(sync, listing, earlier[-1] if earlier else None, written_at),
        "known_limits": limits(sync, earlier),
        "read_by": sync["read_by"],
        "written_by": who(),
        "code": sync["code"] | built["code"] | review_code(),
        "earlier_reviews": {review.name: review.fingerprints for review in earlier},
    }


def main() -> None:
    """Write the folder: all of it, or none."""
    earlier, sync = reviews(), read_sync()
    if earlier and earlier[-1].evidence["as_of"] >= sync["as_of"]:
        last = earlier[-1].folder
        sys.exit(f"{last} is of this sync or a later one: read Intercom again first")
    reviewed = sync["as_of"][:10]
    names = chain([reviewed], (f"{reviewed}-{number}" for number in count(2)))
    folder = next(REVIEWS / name for name in names if not (REVIEWS / name).exists())
    days = settings.deadlines()
    sync_of(sync)
    listing = rows(folder.name, days)
    record = evidence(sync, earlier, days, listing)
    new = REVIEWS / NEW
    if new.is_symlink() or new.is_file():
        new.unlink()
    elif new.exists():
        shutil.rmtree(new)  # of a run that was stopped
    make_folder(new)
    text = page(sync, planned(folder.name, listing))
    write_text(new / PAGE, text)
    write_csv(new / "access-review.csv", listing)
    write_spreadsheet(new / "access-review.xlsx", listing)
    write_lists(new, listing)
    copy_kept(sync, new / "intercom")
    teammates.copy_compared(sync["second_source"], new)
    record["rows_to_decide"] = len(listing)
    files = sorted(path for path in new.rglob("*") if path.is_file())
    record["files"] = {path.relative_to(new).as_posix(): sha256(path) for path in files}
    write_json(new / "evidence.json", record)
    for path in [*files, new / "evidence.json"]:
        seal(path)
    write_text(OUTPUT / PAGE, text)
    new.rename(folder)
    print(
        f"{folder}{' (a pretended time)' if sync['is_pretended'] else ''}: {len(listing)} rows to "
        "decide. Each reviewer fills in their list of lists/, which comes back into signed/ under "
        "its name; or all of access-review.csv or .xlsx comes back as decisions.csv or .xlsx. "
        "Keep this elsewhere: SHA-256 of evidence.json "
        f"{sha256(folder / 'evidence.json')}"
    )


if __name__ == "__main__":
    main()
