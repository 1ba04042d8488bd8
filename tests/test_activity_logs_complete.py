"""No event is lost, whatever happens while they are read."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_intercom_access.sandbox.history import generate_events
from tap_intercom_access.sandbox.models import DAY
from tests.responses import CROWD, NOW, SEARCH, ids, sync_events
from tests.tap import POSIX, TAP, catalog_of, environment, files_of

if TYPE_CHECKING:
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Sandbox

pytestmark = pytest.mark.slow

ORDERS = ["newest first", "oldest first", "as in history"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("form", ["null", "object", "url"])
def test_no_event_is_lost_in_any_order_and_form_of_pages(
    order: str, form: str, sandbox: Sandbox
) -> None:
    crowd = [row | {"id": f"crowd-{row['id']}"} for row in generate_events(700, CROWD, CROWD + 1)]
    sandbox.workspace.history = generate_events(3000, NOW - 80 * DAY, NOW - DAY) + crowd
    random.Random(7).shuffle(sandbox.workspace.history)  # noqa: S311 (not for secrets)
    sandbox.behaviour.event_order, sandbox.behaviour.event_next_form = order, form

    event_ids = ids(sync_events(sandbox))

    assert len(event_ids) == len(set(event_ids)) == 3700


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("change", ["an event is deleted", "an event arrives"])
def test_events_that_come_and_go_meanwhile_lose_no_other(
    change: str, order: str, sandbox: Sandbox
) -> None:
    history = generate_events(2500, NOW - 20 * DAY, NOW - DAY)
    random.Random(8).shuffle(history)  # noqa: S311 (not for secrets)
    sandbox.workspace.history = history
    sandbox.behaviour.event_order = order
    kept = {row["id"] for row in history[40:]}
    more = generate_events(60, NOW - 20 * DAY, NOW - DAY)

    def shift() -> None:
        if change == "an event arrives" and more:
            row = more.pop()
            history.insert(0, row | {"id": f"late-{row['id']}"})
        elif len(history) > len(kept):
            history.pop(0)

    sandbox.fail(SEARCH, shift)

    assert kept <= set(ids(sync_events(sandbox)))


@pytest.mark.parametrize(
    "pages",
    [
        {"page": 1, "total_pages": 2, "next": None},
        {"next": "/admins/activity_logs/search?page=2"},
        {"next": {"starting_after": "a"}},
    ],
)
def test_empty_pages_that_point_on_are_an_error(pages: dict[str, Any], sandbox: Sandbox) -> None:
    body = {"type": "activity_log.list", "activity_logs": [], "pages": pages}
    sandbox.respond(SEARCH, body)

    error = sync_events(sandbox).error

    assert "empty pages in a row" in error or "points back" in error


def test_events_that_never_stop_changing_are_an_error(sandbox: Sandbox) -> None:
    numbers = iter(range(10**6))

    def crowd() -> list[dict[str, Any]]:
        return [row | {"id": f"{next(numbers)}"} for row in generate_events(400, CROWD, CROWD + 1)]

    def renew() -> None:
        sandbox.workspace.history = crowd()

    sandbox.fail(SEARCH, renew)

    assert "its events still change after 10 readings" in sync_events(sandbox).error


@pytest.mark.parametrize("order", ["newest first", "oldest first"])
def test_it_takes_an_eighth_of_the_requests_of_others(order: str, sandbox: Sandbox) -> None:
    sandbox.workspace.history = generate_events(8_000, NOW - 89 * DAY, NOW - DAY)
    sandbox.behaviour.event_order = order
    others = 0
    pages = 1
    while others < pages:  # as others do it: a page of 20 after the other
        others += 1
        answer = requests.get(
            f"{sandbox.base_url}/admins/activity_logs?created_at_after=1&page={others}",
            headers={"Authorization": f"Bearer {sandbox.token}"},
            timeout=10,
        )
        pages = min(answer.json()["pages"]["total_pages"], 3)
    others = answer.json()["pages"]["total_pages"]

    assert len(ids(sync_events(sandbox))) == 8_000

    assert len(sandbox.journal.bodies) <= others / 8


@pytest.mark.skipif(not POSIX, reason="no resource usage on this system")
def test_memory_does_not_grow_with_the_number_of_events(sandbox: Sandbox, tmp_path: Path) -> None:
    peaks = []
    for count in (6_000, 60_000):
        sandbox.workspace.history = generate_events(count, NOW - 80 * DAY, NOW - DAY)
        measured = (
            "import resource, subprocess, sys;"
            "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                measured,
                TAP,
                "--config=ENV",
                *files_of(tmp_path, catalog=catalog_of("activity_logs")),
            ],
            capture_output=True,
            check=True,
            encoding="utf-8",
            env=environment(**sandbox.settings),
        )
        peaks.append(int(done.stdout))

    assert peaks[1] < 1.2 * peaks[0]  # nine windows, however many there are
