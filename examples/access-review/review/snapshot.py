"""Step 3: a new folder in reviews/ with the page, the list to sign, and the evidence."""

from __future__ import annotations

import shutil
import sys
from itertools import chain, count

from folders import (
    NEW,
    OUTPUT,
    REVIEWS,
    SYNC,
    Review,
    Row,
    now,
    read_json,
    reviews,
    sha256,
    write_json,
)
from page import PAGE, last_event, since
from safe import make_folder, replacing, seal
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


def rows() -> list[Texts]:
    """Give a row for each access, with room for the decision."""
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
    return [
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
            "privileged": "yes" if grant["is_privileged"] else "",
            "findings": plain("; ".join(findings.get(grant["admin_id"], []))),
            "reviewer": grant["reviewer"] or "",
        }
        for grant in grants
    ]


def evidence(sync: Row, earlier: list[Review]) -> Row:
    """Say what was read, from where, how and when, and what the earlier reviews look like now."""
    read = sync_of(sync)
    workspace = {key: read[key] for key in ("workspace_id", "name", "region")}
    if earlier and earlier[-1].evidence["workspace"]["workspace_id"] != workspace["workspace_id"]:
        sys.exit(
            f"{REVIEWS} holds reviews of workspace {earlier[-1].evidence['workspace']}, and this "
            f"is {workspace}: give each workspace a copy of this project"
        )
    return {
        "as_of": sync["as_of"],
        "as_of_is_pretended": sync["is_pretended"],
        "written_at": now(),
        "workspace": workspace,
        "token_owner": {key: read[f"token_admin_{key}"] for key in ("id", "name", "email")},
        "api_version": read["api_version"],
        "tap_version": read["read_by"],
        "lists": sync["reads"],
        "earlier_reviews": {
            review.name: {path.name: sha256(path) for path in review.sealed} for review in earlier
        },
    }


def main() -> None:
    """Write the folder: all of it, or none."""
    earlier, sync = reviews(), read_json(SYNC)
    if earlier and earlier[-1].evidence["as_of"] >= sync["as_of"]:
        last = earlier[-1].folder
        sys.exit(f"{last} is of this sync or a later one: read Intercom again first")
    date = sync["as_of"][:10]
    names = chain([date], (f"{date}-{number}" for number in count(2)))
    folder = next(REVIEWS / name for name in names if not (REVIEWS / name).exists())
    record = evidence(sync, earlier)
    listing = rows()
    new = REVIEWS / NEW
    if new.is_symlink() or new.is_file():
        new.unlink()
    elif new.exists():
        shutil.rmtree(new)  # of a run that was stopped
    make_folder(new)
    with replacing(new / PAGE) as page:
        shutil.copyfile(OUTPUT / PAGE, page)
    if sync["as_of"] not in (new / PAGE).read_text(encoding="utf-8"):
        sys.exit(f"{OUTPUT / PAGE} is of another sync: run 'meltano run access-review'")
    write_csv(new / "access-review.csv", listing)
    write_spreadsheet(new / "access-review.xlsx", listing)
    record["rows_to_decide"] = len(listing)
    record["files"] = {path.name: sha256(path) for path in sorted(new.iterdir())}
    write_json(new / "evidence.json", record)
    for path in new.iterdir():
        seal(path)
    new.rename(folder)
    print(
        f"{folder}{' (a pretended time)' if sync['is_pretended'] else ''}: {len(listing)} rows to "
        "decide. Fill in access-review.csv or .xlsx, and put it "
        "there as decisions.csv or decisions.xlsx. Keep this elsewhere: SHA-256 of evidence.json "
        f"{sha256(folder / 'evidence.json')}"
    )


if __name__ == "__main__":
    main()
