"""Step 2: the page of the last sync: who has what, and what became of the decisions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from findings import FINDINGS
from folders import OUTPUT, Row, moment, read_sync, reviews
from markupsafe import Markup
from safe import write_text
from tables import visible
from warehouse import pretended_times, query, sync_of

if TYPE_CHECKING:
    from datetime import date, datetime

PAGE = "access-review.html"
TELLING = {
    "several": "the logs name several",
    "perhaps": "the logs do not tell for certain",
    "none": "not in the logs",
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
    text = (
        f"{day(grant['since'])} or earlier"
        if grant["or_earlier"]
        else f"since {day(grant['since'])}"
    )
    return f"{text} (pretended)" if grant["is_pretended"] else text


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
        titles.setdefault(finding["admin_id"], []).append(FINDINGS[finding["finding"]].title)
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


def days(row: Row) -> str:
    """Say how many days passed from the last day of work to the end of the access."""
    least, most = row["days_at_least"], row["days_at_most"]
    if row["is_there"]:
        return f"{most} so far"
    if most < 0:
        return "before the last day"
    if least == most:
        return str(most)
    return f"at most {most}" if least < 0 else f"{least} to {most}"


def bdi(value: object) -> Markup:
    """Give a name so that its direction of writing changes nothing around it."""
    return Markup("<bdi>{}</bdi>").format(visible(str(value)))


def shown(value: object) -> object:
    """Show what a text from elsewhere could hide; all else is as it is."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def render(template: str, pretended: list[datetime], **values: object) -> str:
    """Give a page; every value is text in it, and pretended times of syncs are marked.

    Args:
        template: The name of the template.
        pretended: The pretended times.
        values: What the template shows.
    """

    def marked(text: str, time: date | None) -> str:
        return f"{text} (pretended)" if time in pretended else text

    environment = jinja2.Environment(
        autoescape=True,
        finalize=shown,
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "bdi": bdi,
        "day": lambda time: marked(day(time), time),
        "days": days,
        "last_event": last_event,
        "minute": lambda time: marked(minute(time), moment(time)),
        "since": since,
    }
    return environment.get_template(template).render(values, pretended=pretended)


def page(sync: Row, progress: list[Row]) -> str:
    """Give the page of a sync.

    Args:
        sync: What was read.
        progress: Who decides how many rows of a review until when, and how many are decided.
    """
    workspace = sync_of(sync)
    known = reviews()
    pretended = pretended_times(known)
    before = [review for review in known if review.evidence["as_of"] < sync["as_of"]]
    findings = query("select * from review_findings order by urgency, finding, name, detail")
    changes = query(
        "select * from access_changes order by"
        # Who joined was invited before.
        " case when change = 'joined' then seen_at else coalesce(done_at, seen_at) end,"
        " name, change_key"
    )
    privileged = query(
        "select * from privileged_access order by is_token_owner desc, is_unknown, name, admin_id"
    )
    roles = query("select * from seed_names where file = 'privileged_roles.csv' order by name")
    role_ids = {row["thing_id"] for row in roles} - {None}
    grants = query("select * from access_grants order by kind, thing")
    everybody = people(grants, findings, changes)
    owners = {row["admin_id"]: row["owner"] for row in query("select admin_id, owner from people")}
    return render(
        "page.html.j2",
        pretended,
        changes=changes,
        everybody=[person for person in everybody if person["account_type"] == "person"],
        differences=sum(finding["finding"] == "export_differs" for finding in findings),
        exceptions=query(
            "select * from exceptions order by has_ended desc, until, label, access_key"
        ),
        findings=[
            (kind.title, [finding for finding in findings if finding["finding"] == name])
            for name, kind in FINDINGS.items()
        ],
        leavers=query("select * from leavers order by is_there desc, left_on, email, admin_id"),
        no_people=[person for person in everybody if person["account_type"] != "person"],
        owners=owners,
        previous=before[-1] if before else None,
        privileged=privileged,
        privileged_changes=[
            change
            for change in changes
            if change["kind"] == "role" and {change["thing_id"], change["old_thing_id"]} & role_ids
        ],
        privileged_roles=sorted({row["name"] for row in roles}),
        unknown_roles=sorted({row["name"] for row in roles if row["thing_id"] is None}),
        progress=progress,
        removals=query(
            "select * from removals"
            " order by gone_seen_at is not null, reviewed_at, name, access_key"
        ),
        sync=sync,
        teams=query("select * from team_sizes order by team_name, team_id"),
        reviews=known,
        telling=TELLING,
        workspace=workspace,
    )


def main() -> None:
    """Write the page."""
    sync = read_sync()
    sync_of(sync)
    progress = query("select * from progress order by reviewer, decide_by")
    write_text(OUTPUT / PAGE, page(sync, progress))
    for finding in query("select detail from review_findings where finding = 'seed_name'"):
        print(f"seeds/{finding['detail']}", file=sys.stderr)


if __name__ == "__main__":
    main()
