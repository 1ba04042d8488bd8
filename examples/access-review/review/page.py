"""Step 2: the page of the last sync: who has what, and what became of the decisions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from folders import OUTPUT, SYNC, Row, read_json, reviews
from warehouse import last_sync, query

if TYPE_CHECKING:
    from datetime import date

PAGE = "access-review.html"
FINDINGS = {
    "not_removed": "Not removed, though decided",
    "exception_expired": "Exception past its end",
    "token_owner": "Owner of the access token",
    "leaver": "Left, and still has access",
    "no_reviewer": "Without a reviewer",
    "no_role": "No role",
    "no_team": "In no team",
    "not_employed": "Not in the list of employees",
    "personal_mailbox": "Personal mailbox",
    "seat_quiet": "Inbox seat, and no event for 90 days or more",
    "shared_mailbox": "Shared mailbox",
    "unknown_member": "Member of a team, but no teammate",
}


def day(time: date | None) -> str:
    """Give the day of a time in UTC."""
    return "" if time is None else time.strftime("%Y-%m-%d")


def minute(time: str) -> str:
    """Give a time of the evidence as people read it."""
    return f"{time[:16].replace('T', ' ')} UTC"


def since(grant: Row) -> str:
    """Say since when access is known: the first sync that saw it."""
    if grant["since"] is None:
        return ""
    return (
        f"{day(grant['since'])} or earlier"
        if grant["or_earlier"]
        else f"since {day(grant['since'])}"
    )


def last_event(grant: Row) -> str:
    """Say when somebody did anything, as far as the logs were read."""
    if grant["known_since"] is None:
        return ""
    if grant["last_event_at"] is None:
        return f"no event since {day(grant['known_since'])}"
    return f"{day(grant['last_event_at'])} ({grant['last_event_type']})"


def people(grants: list[Row], findings: list[Row], changes: list[Row]) -> list[Row]:
    """Give a row for each teammate, with role, seat, teams, and what there is to look at."""
    titles: dict[str, list[str]] = {}
    for finding in findings:
        titles.setdefault(finding["admin_id"], []).append(FINDINGS[finding["finding"]])
    changed = {change["admin_id"] for change in changes}
    persons: dict[str, Row] = {}
    for grant in grants:
        id_ = grant["admin_id"]
        new = {"role": "", "seat": False, "teams": [], "titles": sorted(set(titles.get(id_, [])))}
        person = persons.setdefault(id_, {**grant, **new, "is_changed": id_ in changed})
        if grant["kind"] == "team":
            person["teams"].append((grant["thing"], grant["level"]))
        elif grant["kind"] == "role":
            person["role"] = grant["thing"]
        elif grant["kind"] == "seat":
            person["seat"] = True
    return sorted(persons.values(), key=lambda person: (person["name"] or "").casefold())


def render(template: str, **values: object) -> str:
    """Give a page; every value is text in it."""
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"day": day, "last_event": last_event, "minute": minute, "since": since}
    return environment.get_template(template).render(values)


def main() -> None:
    """Write the page."""
    sync = read_json(SYNC)
    known = reviews()
    before = [review for review in known if review.evidence["as_of"] < sync["as_of"]]
    findings = query("select * from review_findings order by urgency, finding, name, detail")
    changes = query(
        "select * from access_changes order by coalesce(done_at, seen_at), name, change_key"
    )
    privileged = query("select * from privileged_access order by is_token_owner desc, name")
    roles = {row["role"] for row in query("select role from privileged_roles")}
    grants = query("select * from access_grants order by kind, thing")
    page = render(
        "page.html.j2",
        changes=changes,
        everybody=people(grants, findings, changes),
        findings=[
            (title, [finding for finding in findings if finding["finding"] == kind])
            for kind, title in FINDINGS.items()
        ],
        leavers=query("select * from leavers order by is_there desc, left_on, email"),
        previous=before[-1] if before else None,
        privileged=privileged,
        privileged_changes=[
            change
            for change in changes
            if change["kind"] == "role" and {change["thing"], change["old_thing"]} & roles
        ],
        privileged_roles=sorted(roles),
        removals=query(
            "select * from removals"
            " order by gone_seen_at is not null, reviewed_at, name, access_key"
        ),
        sync=sync,
        teams=query("select * from team_sizes order by team_name, team_id"),
        reviews=known,
        workspace=last_sync(),
    )
    (OUTPUT / PAGE).write_text(page, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
