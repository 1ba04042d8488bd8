"""Verified removals. They are recorded with evidence, so that later syncs don't change them."""

import click

from intercom_access_review.evidence import copy_sources
from intercom_access_review.manifest import new_step, next_folder
from intercom_access_review.records import Removals, write_record
from intercom_access_review.state import State


def record_removals(state: State) -> None:
    """Record in each review the removals that this sync verified first, with its evidence."""
    for review in state.reviews:
        known = {row["access_key"] for row in review.removals}
        rows = [
            row
            for row in state.outcomes
            if (row["review"], row["decision"], row["outcome"])
            == (review.name, "revoke", "removed")
            and row["access_key"] not in known
        ]
        if not rows:
            continue
        target = next_folder(review.folder / "removals")
        hosts = state.sync.source_hosts
        with new_step("removals", review.name, target, hosts, state.settings) as new:
            copy_sources(state.sync, new)
            record = Removals(sync=state.sync, removals=rows)
            write_record(new / "removals.json", record)
        review.add(record)
        click.echo(f"{target}: {len(rows)} verified")
