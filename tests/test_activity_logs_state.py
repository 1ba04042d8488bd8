"""A run goes on where the last one ended, wherever that was."""

from __future__ import annotations

import json
import random
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tap_intercom_access.sandbox.history import event, generate_events
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.streams.schema import as_date_time
from tests.responses import NOW, bookmark, events, ids, seconds, sync_events
from tests.tap import TAP, catalog_of, environment, files_of

if TYPE_CHECKING:
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Sandbox

pytestmark = pytest.mark.slow


def test_the_next_run_goes_on_a_little_before_the_end_of_the_last(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    first = sync_events(sandbox)
    state = tmp_path / "state.json"
    state.write_text(json.dumps(first.of("STATE")[-1]["value"]))
    end = seconds(bookmark(first)["replication_key_value"])
    sandbox.workspace.history += [
        event(time_, "admin_deletion", None, f"{time_}") for time_ in (end - 3700, end - 3500)
    ]
    sandbox.journal.entries.clear()
    time.sleep(1)

    second = sync_events(sandbox, state=state)

    assert [record["activity_description"] for record in events(second)] == [str(end - 3500)]
    assert [body["created_at_after"] for body in sandbox.journal.bodies] == [end - 3601]
    assert seconds(bookmark(second)["replication_key_value"]) > end
    assert "reading the last" not in second.stderr
    assert bookmark(second)["read_from"] == bookmark(first)["read_from"]


@pytest.mark.parametrize("end", ["2999-01-01T00:00:00+00:00", "2020-01-01T00:00:00+00:00"])
def test_the_state_tells_from_when_on_events_are_known_without_a_gap(
    end: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Neither after a bookmark that cannot be true, nor after one that the start date skips."""
    mark = {"replication_key": "created_at", "replication_key_value": end}
    state = tmp_path / "state.json"
    state.write_text(
        json.dumps({"bookmarks": {"activity_logs": mark | {"read_from": "2019-01-01T00:00:00Z"}}})
    )
    start = NOW - 9 * DAY

    run = sync_events(
        sandbox,
        state=state,
        start_date=as_date_time(start),
    )

    assert seconds(bookmark(run)["read_from"]) >= start


def test_a_quiet_time_moves_the_bookmark_too(sandbox: Sandbox) -> None:
    sandbox.workspace.history = []

    run = sync_events(sandbox)

    assert events(run) == []
    assert seconds(bookmark(run)["replication_key_value"]) >= NOW


def test_the_end_is_fixed_when_it_starts(sandbox: Sandbox) -> None:
    future = generate_events(50, NOW + DAY, NOW + 2 * DAY)
    sandbox.workspace.history += future

    run = sync_events(sandbox)

    assert not {row["id"] for row in future} & set(ids(run))
    assert seconds(bookmark(run)["replication_key_value"]) <= time.time()


def test_a_bookmark_that_is_no_date_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    for value in ("last week", 5, ["x"]):
        mark = {"replication_key": "created_at", "replication_key_value": value}
        state.write_text(json.dumps({"bookmarks": {"activity_logs": mark}}))

        error = sync_events(sandbox, state=state).error

        assert "The bookmark of activity_logs in the state is no date" in error


def test_a_bookmark_in_the_future_does_not_silence_the_stream(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    mark = {"replication_key": "created_at", "replication_key_value": "2999-01-01T00:00:00+00:00"}
    state.write_text(json.dumps({"bookmarks": {"activity_logs": mark}}))
    sandbox.workspace.history = [event(NOW - 1800, "bulk_export", None, "half an hour ago")]

    run = sync_events(sandbox, state=state)

    assert [record["activity_description"] for record in events(run)] == ["half an hour ago"]
    assert "2999-01-01T00:00:00+00:00, is in the future" in run.stderr
    assert NOW <= seconds(bookmark(run)["replication_key_value"]) <= time.time()


def test_a_start_date_in_the_future_is_a_warning(sandbox: Sandbox) -> None:
    run = sync_events(sandbox, start_date="2999-01-01T00:00:00Z")

    assert events(run) == []
    assert "nothing to read: it begins in the future" in run.stderr
    assert "replication_key_value" not in bookmark(run)


@pytest.mark.parametrize("order", ["newest first", "as in history"])
def test_runs_that_are_killed_anywhere_together_hold_every_event(
    order: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    chance = random.Random(42)  # noqa: S311 (not for secrets)
    sandbox.workspace.history = generate_events(6000, NOW - 85 * DAY, NOW - DAY)
    chance.shuffle(sandbox.workspace.history)
    sandbox.behaviour.event_order = order
    state = tmp_path / "state.json"
    state.write_text("{}")
    written: set[str] = set()
    for _ in range(60):
        finished, lines = killed(sandbox, state, after=chance.randrange(1, 1800))
        for line in lines:
            message = json.loads(line)
            if message["type"] == "RECORD":
                written.add(message["record"]["id"])
            elif message["type"] == "STATE":
                state.write_text(json.dumps(message["value"]))
                known = message["value"]["bookmarks"]["activity_logs"]["replication_key_value"]
                passed = {
                    r["id"] for r in sandbox.workspace.history if r["created_at"] < seconds(known)
                }
                assert passed <= written
        if finished:
            break

    assert finished
    assert written == {row["id"] for row in sandbox.workspace.history}


def killed(sandbox: Sandbox, state: Path, after: int) -> tuple[bool, list[str]]:
    """Run the tap and kill it after so many lines; return whether it came to its end before."""
    files = files_of(state.parent, catalog=catalog_of("activity_logs"), state=state)
    command = [TAP, "--config=ENV", *files]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        env=environment(**sandbox.settings),
    ) as process:
        assert process.stdout is not None
        lines = [line for line, _ in zip(process.stdout, range(after), strict=False)]
        finished = len(lines) < after
        process.kill()
    return finished, lines
