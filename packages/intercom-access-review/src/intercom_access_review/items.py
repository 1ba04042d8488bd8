"""The items needing attention, with their sentences; and output/items.json of each sync."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import jinja2
import yaml

from intercom_access_review.project import ITEMS, Row
from intercom_access_review.records import Items, read_record, write_record
from intercom_access_review.texts import reveal_hidden, single_line

if TYPE_CHECKING:
    from datetime import datetime

    from intercom_access_review.log_entries import AccessLog
    from intercom_access_review.records import Sync
    from intercom_access_review.settings import Settings
    from intercom_access_review.warehouse import Warehouse


class Kind(NamedTuple):
    """A kind of item."""

    severity: str
    title: str
    sentence: jinja2.Template


def read_kinds() -> dict[str, Kind]:
    """Read the kinds of items, in the order of the page."""
    text = (Path(__file__).parent / "templates" / "items.yml").read_text(encoding="utf-8")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)  # noqa: S701
    return {
        name: Kind(kind["severity"], kind["title"], environment.from_string(kind["sentence"]))
        for name, kind in yaml.safe_load(text).items()
    }


ITEM_KINDS = read_kinds()


def access_phrase(kind: str | None, thing: str | None) -> str:
    """Return the name of an entitlement at the beginning of a sentence."""
    phrases = {"workspace": "Access to the workspace", "seat": "The inbox seat"}
    return phrases.get(kind or "", f"The {kind} {thing}")


def sentence_of(fact: Row) -> str:
    """Return the sentence about an item."""
    template = ITEM_KINDS[fact["item"]].sentence
    text = template.render(fact, access=access_phrase(fact["kind"], fact["thing"]))
    return reveal_hidden(single_line(text))


def role_facts(log: AccessLog, after: datetime) -> list[Row]:
    """Return an item for each log entry about a role since the previous review."""
    blank: Row = dict.fromkeys(("admin_id", "kind", "due_on", "number", "name", "label", "email"))
    return [
        blank
        | {
            "item": "role_log_entry",
            "item_key": "role_log_entry//"
            + hashlib.sha256(f"{entry['at']} {entry['text']}".encode()).hexdigest()[:32],
            "position": 0,
            "thing": ", ".join(role["label"] for role in entry["roles"]),
            "who": entry["author"],
            "day": entry["at"].date(),
            "note": entry["text"] or "(no text)",
        }
        for entry in log.about_roles(after)
    ]


def collect_items(warehouse: Warehouse, log: AccessLog, previous: datetime | None) -> list[Row]:
    """Return all items, the most urgent first, and write them to the table review_items.

    Args:
        warehouse: The warehouse.
        log: The log entries.
        previous: The time of the previous review, if there is one.
    """
    order = list(ITEM_KINDS)
    facts = warehouse.query("select * from item_facts") + (
        role_facts(log, previous) if previous else []
    )
    facts.sort(key=lambda f: (order.index(f["item"]), f["position"], f["item_key"]))
    for fact in facts:
        fact["severity"] = ITEM_KINDS[fact["item"]].severity
        fact["sentence"] = sentence_of(fact)
    warehouse.write({"review_items": facts})
    return facts


def earlier_items(workspace_id: str) -> Items | None:
    """Return the items of the last sync, or None, with a message, if they are not known."""
    problem = f"{ITEMS} does not exist"
    if ITEMS.exists():
        try:
            known = read_record(ITEMS, Items)
        except click.ClickException as error:
            problem = error.message.rstrip(".")
        else:
            if known.workspace_id == workspace_id:
                return known
            problem = f"{ITEMS} is of another workspace"
    click.echo(f"{problem}. Counting every item as new.", err=True)
    return None


def write_items(items: list[Row], sync: Sync, settings: Settings) -> None:
    """Write the items of a sync, and end with exit code 1 if an item of fail_on is new.

    An item is new in one sync only.
    """
    before = earlier_items(sync.workspace["id"])
    first_seen = {row["key"]: row["first_seen"] for row in before.items} if before else {}
    rows = [
        {
            "key": item["item_key"],
            "item": item["item"],
            "severity": item["severity"],
            "admin_id": item["admin_id"],
            "name": item["label"],
            "email": item["email"],
            "first_seen": first_seen.get(item["item_key"], sync.as_of),
            "is_new": item["item_key"] not in first_seen,
            "sentence": item["sentence"],
        }
        for item in items
    ]
    record = Items(
        as_of=sync.as_of,
        is_time_simulated=sync.is_time_simulated,
        workspace_id=sync.workspace["id"],
        compared_with=before.as_of if before else None,
        first_seen_since=before.first_seen_since if before else sync.as_of,
        items=rows,
    )
    write_record(ITEMS, record)
    new = [row for row in rows if row["is_new"]]
    click.echo(f"{ITEMS}: {len(rows)} items, {len(new)} of them new")
    if alarming := [row for row in new if row["item"] in settings.alerts]:
        lines = [f"{row['severity']}: {row['name'] or ''} {row['sentence']}" for row in alarming]
        raise click.ClickException("\n- ".join([f"New items of fail_on: {len(lines)}", *lines]))
