"""Pages: templates that read the tables of the warehouse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from intercom_access_review.items import access_phrase
from intercom_access_review.project import Row, iso, utc
from intercom_access_review.texts import comparison_key, reveal_hidden
from intercom_access_review.worksheets import plain

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime

ACTIVITIES = {"admin_login_success": "signed in"}
"""Types of log entries in words."""
NOT_PEOPLE = {"bot": "Intercom's own bot", "service": "service account"}


def first_observed(grant: Row) -> str:
    """Return when a sync first observed an entitlement."""
    if grant["first_observed"] is None:
        return ""
    text = f"{grant['first_observed']:%Y-%m-%d}" + (" or earlier" if grant["or_earlier"] else "")
    return f"{text} (simulated)" if grant["is_simulated"] else text


def last_activity(account: Row) -> str:
    """Return the last activity of an account, as far as the log entries were read."""
    if account["known_since"] is None:
        return ""
    if account["last_activity_at"] is None:
        return f"none since {account['known_since']:%Y-%m-%d}"
    kind = account["last_activity_type"]
    return f"{account['last_activity_at']:%Y-%m-%d} ({ACTIVITIES.get(kind, kind)})"


def bdi(value: object) -> Markup:
    """Return a name that doesn't change the direction of the text around it."""
    return Markup("<bdi>{}</bdi>").format(reveal_hidden(str(value)))


def words(value: object) -> Markup:
    """Return a name whose lines may break after the signs in addresses and types of log entries."""
    return Markup("<bdi>{}</bdi>").format(
        Markup("<wbr>").join(re.split(r"(?<=[@._+-])", reveal_hidden(str(value or ""))))
    )


def shown(value: object) -> object:
    """Reveal hidden characters in strings."""
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return reveal_hidden(str(value)) if is_text else value


def names_then(row: Row) -> list[str]:
    """Return the names in the worksheet that differ from the current ones."""
    pairs = [
        (row["worksheet_person"], row["name"] or row["admin_id"]),
        (row["worksheet_email"], row["email"]),
        (row["worksheet_thing"], row["thing"] or row["kind"]),
    ]
    return [old for old, new in pairs if old and comparison_key(old) != comparison_key(plain(new))]


def render(template: str, simulated: Collection[datetime], **values: object) -> str:
    """Return a page. Every value is text in it.

    Args:
        template: The name of the template.
        simulated: The simulated times, which are marked.
        values: What the template shows.
    """

    def marked(text: str, time: str | date) -> str:
        is_simulated = (utc(time) if isinstance(time, str) and "T" in time else time) in simulated
        return f"{text} (simulated)" if is_simulated else text

    def minute(time: str | datetime) -> str:
        text = time if isinstance(time, str) else iso(time) or ""
        return marked(f"{text[:16].replace('T', ' ')} UTC", time)

    environment = jinja2.Environment(
        autoescape=True,
        finalize=shown,
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "access": lambda row: access_phrase(row["kind"], row["thing"]),
        "bdi": bdi,
        "day": lambda time: "" if time is None else marked(str(time)[:10], time),
        "first_observed": first_observed,
        "last_activity": last_activity,
        "minute": minute,
        "names_then": names_then,
        "words": words,
    }
    environment.globals["not_people"] = NOT_PEOPLE
    return environment.get_template(template).render(values, simulated=simulated)
