"""Fill in the templates of pages and sentences with rows of the warehouse."""

import re
from datetime import datetime
from pathlib import Path

import jinja2
from markupsafe import Markup

from intercom_access_review.project import Row, iso
from intercom_access_review.texts import comparison_key, reveal_hidden
from intercom_access_review.worksheets import plain

ACTIVITIES = {"admin_login_success": "signed in"}
"""The words for types of log entries."""
NOT_PEOPLE = {"bot": "Intercom's own bot", "service": "service account"}


def access_phrase(kind: str | None, thing: str | None) -> str:
    """Return the name of an entitlement at the beginning of a sentence."""
    phrases = {"workspace": "Access to the workspace", "seat": "The inbox seat"}
    return phrases.get(kind or "", f"The {kind} {thing}")


def first_observed(grant: Row) -> str:
    """Return when a sync first observed an entitlement."""
    if grant["first_observed"] is None:
        return ""
    return f"{grant['first_observed']:%Y-%m-%d}" + (" or earlier" if grant["or_earlier"] else "")


def last_activity(account: Row) -> str:
    """Return the last activity of an account in the log entries that were read."""
    if account["known_since"] is None:
        return ""
    if account["last_activity_at"] is None:
        return f"none since {account['known_since']:%Y-%m-%d}"
    kind = account["last_activity_type"]
    return f"{account['last_activity_at']:%Y-%m-%d} ({ACTIVITIES.get(kind, kind)})"


def bdi(value: object) -> Markup:
    """Return a name in <bdi>, so that it doesn't change the direction of the text around it."""
    return Markup("<bdi>{}</bdi>").format(reveal_hidden(str(value)))


def words(value: object) -> Markup:
    """Return a name in <bdi>, in which lines can break after characters such as @ and _."""
    return Markup("<bdi>{}</bdi>").format(
        Markup("<wbr>").join(re.split(r"(?<=[@._+-])", reveal_hidden(str(value or ""))))
    )


def shown(value: object) -> object:
    """Reveal hidden characters in strings."""
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return reveal_hidden(str(value)) if is_text else value


def worksheet_names(row: Row) -> list[str]:
    """Return the names in the worksheet that differ from the current ones."""
    pairs = [
        (row["worksheet_person"], row["name"] or row["admin_id"]),
        (row["worksheet_email"], row["email"]),
        (row["worksheet_thing"], row["thing"] or row["kind"]),
    ]
    return [old for old, new in pairs if old and comparison_key(old) != comparison_key(plain(new))]


def minute(time: str | datetime) -> str:
    """Return a time to the minute."""
    text = time if isinstance(time, str) else iso(time) or ""
    return f"{text[:16].replace('T', ' ')} UTC"


TEMPLATES = jinja2.Environment(
    autoescape=jinja2.select_autoescape(["html.j2"]),
    finalize=shown,
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=jinja2.StrictUndefined,
)
TEMPLATES.filters |= {
    "access": lambda row: bdi(access_phrase(row["kind"], row["thing"])),
    "bdi": bdi,
    "day": lambda time: "" if time is None else str(time)[:10],
    "first_observed": first_observed,
    "last_activity": last_activity,
    "minute": minute,
    "worksheet_names": worksheet_names,
    "words": words,
}
TEMPLATES.globals["not_people"] = NOT_PEOPLE
SENTENCES = TEMPLATES.overlay(
    autoescape=False, finalize=lambda value: "" if value is None else value
)
"""The environment for sentences, whose hidden characters are revealed later."""


def render(template: str, **values: object) -> str:
    """Return a filled-in template. In pages, HTML in values is escaped."""
    return TEMPLATES.get_template(template).render(values)
