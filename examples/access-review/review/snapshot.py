"""Step 3: a new folder in reviews/ with the page, the list to sign, and the evidence."""

from __future__ import annotations

import shutil
import sys
from itertools import chain, count

from folders import OUTPUT, REVIEWS, SYNC, Review, Row, now, read_json, reviews, sha256, write_json
from page import PAGE, last_event, since
from tables import Texts, plain, write_csv, write_spreadsheet
from warehouse import last_sync, query


def rows() -> list[Texts]:
    """Give a row for each access, with room for the decision."""
    findings: dict[str, list[str]] = {}
    for finding in query("select * from review_findings order by urgency, finding, detail"):
        findings.setdefault(finding["admin_id"], []).append(finding["detail"])
    grants = query("select * from access_grants order by name, email, admin_id, kind, thing")
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
    read = last_sync()
    workspace = {key: read[key] for key in ("workspace_id", "name", "region")}
    if earlier and earlier[-1].evidence["workspace"]["workspace_id"] != workspace["workspace_id"]:
        sys.exit(
            f"{REVIEWS} holds reviews of workspace {earlier[-1].evidence['workspace']}, and this "
            f"is {workspace}: give each workspace a copy of this project"
        )
    return {
        "as_of": sync["as_of"],
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
    new = REVIEWS / ".new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    shutil.copy(OUTPUT / PAGE, new)
    write_csv(new / "access-review.csv", listing)
    write_spreadsheet(new / "access-review.xlsx", listing)
    record["rows_to_decide"] = len(listing)
    record["files"] = {path.name: sha256(path) for path in sorted(new.iterdir())}
    write_json(new / "evidence.json", record)
    for path in new.iterdir():
        path.chmod(0o444)
    new.rename(folder)
    print(
        f"{folder}: {len(listing)} rows to decide. Fill in access-review.csv or .xlsx, and put it "
        "there as decisions.csv or decisions.xlsx. Keep this elsewhere: SHA-256 of evidence.json "
        f"{sha256(folder / 'evidence.json')}"
    )


if __name__ == "__main__":
    main()
