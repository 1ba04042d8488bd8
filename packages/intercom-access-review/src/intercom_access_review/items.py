"""Collect the items needing attention, write their sentences, and write output/items.json."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import click
import jinja2
import yaml

from intercom_access_review.log_entries import AccessLog
from intercom_access_review.page import SENTENCES, access_phrase
from intercom_access_review.project import ITEMS, Row
from intercom_access_review.records import Items, Sync, read_record, write_record
from intercom_access_review.settings import Settings
from intercom_access_review.texts import bullets, reveal_hidden, single_line
from intercom_access_review.warehouse import Warehouse


class Kind(NamedTuple):
    """A kind of item."""

    severity: str
    title: str
    sentence: jinja2.Template


def read_kinds() -> dict[str, Kind]:
    """Read the kinds of items, in the order of the page."""
    text = (Path(__file__).parent / "templates" / "items.yml").read_text(encoding="utf-8")
    return {
        name: Kind(kind["severity"], kind["title"], SENTENCES.from_string(kind["sentence"]))
        for name, kind in yaml.safe_load(text).items()
    }


ITEM_KINDS = read_kinds()


def sentence_of(fact: Row) -> str:
    """Return the sentence about an item."""
    template = ITEM_KINDS[fact["item"]].sentence
    text = template.render(fact, access=access_phrase(fact["kind"], fact["thing"]))
    return reveal_hidden(single_line(text))


def role_facts(log: AccessLog, after: datetime) -> list[Row]:
    """Return the facts of an item for each log entry about a role since the previous review."""
    blank: Row = dict.fromkeys(("admin_id", "kind", "due_on", "number", "name", "label", "email"))
    return [
        blank
        | {
            "item": "role_log_entry",
            "item_key": f"role_log_entry//{entry['event_id']}",
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


def write_items(items: list[Row], sync: Sync) -> list[Row]:
    """Write the items of a sync, and return the new ones. An item is new in one sync only."""
    before = read_record(ITEMS, Items) if ITEMS.exists() else None
    first_seen = {row["key"]: row["first_seen"] for row in before.items} if before else {}
    rows = [
        {name: item[name] for name in ("item", "severity", "admin_id", "email", "sentence")}
        | {
            "key": item["item_key"],
            "name": item["label"],
            "first_seen": first_seen.get(item["item_key"], sync.as_of),
            "is_new": item["item_key"] not in first_seen,
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
    return new


def alert(new: list[Row], settings: Settings) -> None:
    """Raise an error if an item of fail_on is new."""
    if alarming := [row for row in new if row["item"] in settings.alerts]:
        lines = [f"{row['severity']}: {row['name'] or ''} {row['sentence']}" for row in alarming]
        raise click.ClickException(bullets(f"New items that fail_on lists: {len(lines)}", lines))
