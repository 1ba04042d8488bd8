"""Windows are read in parallel, and their events are written in order."""

import json
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Response, request

from tap_intercom_access.intercom import Intercom, IntercomError, list_of
from tap_intercom_access.intercom.windows import CONCURRENT, Timed, read_windows
from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.history import generate_events
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import PERIOD, Behaviour, Sandbox, error
from tests import faults
from tests.responses import NOW, SEARCH, events, ids, sync_events
from tests.tap import TAP, catalog_of, files_of, run_command, started, waits

pytestmark = pytest.mark.slow

START, STOP = NOW - 80 * DAY, NOW - DAY
LOGS = list_of("activity_logs", Timed, SEARCH, method="POST")


@pytest.fixture
def busy(sandbox: Sandbox) -> Sandbox:
    """A sandbox with 6,000 events."""
    sandbox.workspace.history = generate_events(6000, START, STOP)
    return sandbox


def refuse_after(share: float) -> Response | None:
    """Refuse windows that begin late, but not the window of all events."""
    body = request.get_json()
    width = body["created_at_before"] - body["created_at_after"]
    if width < 20 * DAY and body["created_at_after"] > START + share * (STOP - START):
        return error(403, "forbidden", "No")
    return None


def test_windows_are_read_in_parallel_and_written_oldest_first(busy: Sandbox) -> None:
    chance = random.Random(3)  # noqa: S311 (not for secrets)
    three = threading.Event()

    def hold_until_three_wait() -> None:
        if busy.journal.max_concurrent > 2:
            three.set()
        if len(busy.journal.requests) > 1:  # the first request is for all events
            three.wait(60)
        time.sleep(chance.random() / 5)  # so that the order of the responses is random

    busy.fail(SEARCH, hold_until_three_wait)

    records = events(sync_events(busy))

    assert [row["id"] for row in records] == [f"event-{number}" for number in range(6000)]
    assert three.is_set()
    assert busy.journal.max_concurrent <= CONCURRENT


def test_all_events_before_a_failed_window_are_written(busy: Sandbox) -> None:
    busy.fail(SEARCH, lambda: refuse_after(0.5))

    run = sync_events(busy)

    assert run.error.startswith("activity_logs: POST ")
    numbers = [int(row["id"].removeprefix("event-")) for row in run.records("activity_logs")]
    assert numbers == list(range(len(numbers)))
    assert 3000 <= len(numbers) < 4000


def test_each_request_has_its_own_five_attempts(busy: Sandbox) -> None:
    failed: set[bytes] = set()

    def once() -> Response | None:
        body = request.get_data()
        if body in failed:
            return None
        failed.add(body)
        return error(503, "service_unavailable", "Later")

    busy.fail(SEARCH, once)

    run = sync_events(busy)

    assert len(ids(run)) == 6000
    assert run.stderr.count("Attempt 1 of 5 failed") == len(failed) > 20
    assert "Attempt 2" not in run.stderr


def test_windows_share_a_limit_that_costs_no_attempt() -> None:
    with Sandbox(demo(), Behaviour(rate_limit=12)) as limited:
        limited.workspace.history = generate_events(6000, START, STOP)
        run = sync_events(limited)

    assert len(ids(run)) == 6000
    assert "Attempt 1" not in run.stderr
    different = {json.dumps(body) for body in limited.journal.bodies}
    refused = len(limited.journal.requests) - len(different)  # refused requests are sent twice
    assert refused <= CONCURRENT
    # Full pages, and for each window in flight a page that isn't full and a refused request.
    assert len(limited.journal.times) <= 6000 / 250 + 2 * CONCURRENT
    periods = len(limited.journal.times) / 12
    assert sum(waits(run)) <= PERIOD * (periods + 1)


def test_a_429_pauses_all_windows(busy: Sandbox) -> None:
    refused: list[float] = []

    def refuse() -> Response:
        refused.append(time.time())
        return error(429, "rate_limit_exceeded", "Later", **{"Retry-After": "3"})

    busy.fail(SEARCH, refuse, nth=6)

    run = sync_events(busy)

    assert len(ids(run)) == 6000
    assert len(waits(run)) == 1
    # During the wait, only requests in flight arrive.
    meanwhile = [time_ for time_ in busy.journal.times if 0 < time_ - refused[0] < 2.9]
    assert len(meanwhile) < CONCURRENT


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_windows_at_once(number: signal.Signals, busy: Sandbox) -> None:
    release = threading.Event()
    for nth in range(10, 100):
        busy.fail(SEARCH, faults.hold(release), nth=nth)
    with started(busy, catalog=catalog_of("activity_logs")) as process:
        while len(busy.journal.requests) < 12:
            time.sleep(0.05)
        process.send_signal(number)
        try:
            run = process.ended()
        finally:
            release.set()

    assert run.code == 1
    assert "Stopped by a signal" in run.stderr


def test_a_failure_does_not_wait_for_the_other_windows(busy: Sandbox) -> None:
    release = threading.Event()

    def slow() -> Response | None:
        if len(busy.journal.requests) == 1:
            return None
        if request.get_json()["created_at_after"] < START:
            return error(403, "forbidden", "No")
        release.wait()
        return None

    busy.fail(SEARCH, slow)

    try:  # a run that waits for the other windows is killed
        run = sync_events(busy, request_timeout="300")
    finally:
        release.set()

    assert "HTTP 403" in run.error


def test_no_thread_is_left_behind(busy: Sandbox) -> None:
    intercom = Intercom(busy.token, busy.base_url)
    request_ = intercom.build_request(LOGS, {"per_page": 250})
    rows = [row for _, rows in read_windows(intercom, request_, (START, STOP)) for row in rows]
    assert len(rows) == 6000
    windows = read_windows(intercom, request_, (START, STOP))
    next(windows)
    windows.close()
    busy.fail(SEARCH, lambda: refuse_after(0.2))
    with pytest.raises(IntercomError, match="HTTP 403"):
        list(read_windows(intercom, request_, (START, STOP)))

    left = [thread for thread in threading.enumerate() if "ThreadPoolExecutor" in thread.name]
    for thread in left:
        thread.join(60)
    assert [thread for thread in left if thread.is_alive()] == []


@pytest.mark.parametrize(
    ("count", "requests"),
    [(0, 1), (249, 1), (250, 4), (299, 2), (300, 3), (1000, 5), (2000, 10), (5000, 26)],
)
def test_a_few_events_take_few_requests(count: int, requests: int, sandbox: Sandbox) -> None:
    sandbox.workspace.history = generate_events(count, NOW - 89 * DAY, NOW) if count else []

    assert len(ids(sync_events(sandbox))) == count

    assert len(sandbox.journal.bodies) <= requests


@pytest.mark.parametrize(
    "pages",
    [
        {"page": 1, "total_pages": 2, "next": None},
        {"next": "/admins/activity_logs/search?page=2"},
        {"next": {"starting_after": "a"}},
    ],
)
def test_empty_pages_with_next_links_are_an_error(pages: dict[str, Any], sandbox: Sandbox) -> None:
    sandbox.respond(SEARCH, {"activity_logs": [], "pages": pages})

    error = sync_events(sandbox).error

    assert "empty pages in a row" in error or "points back" in error


def test_events_that_never_stop_changing_are_an_error(sandbox: Sandbox) -> None:
    numbers = iter(range(10**6))

    def renew() -> None:
        crowd = generate_events(400, START, START + 1)
        sandbox.workspace.history = [row | {"id": f"{next(numbers)}"} for row in crowd]

    sandbox.fail(SEARCH, renew)

    error = sync_events(sandbox).error

    assert "30 readings returned 12000 different events" in error
    assert "The last reading returned 400 events on 2 pages." in error


MEASURED = (
    "import resource, subprocess, sys;"
    "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def test_memory_does_not_grow_with_the_number_of_events(sandbox: Sandbox, tmp_path: Path) -> None:
    files = files_of(tmp_path, catalog=catalog_of("activity_logs"))
    command = [sys.executable, "-c", MEASURED, TAP, "--config=ENV", *files]
    peaks = []
    for count in (6_000, 60_000):
        sandbox.workspace.history = generate_events(count, START, STOP)
        peaks.append(int(run_command(*command, **sandbox.settings).stdout))

    assert peaks[1] < 1.3 * peaks[0]  # twelve windows, however many there are
