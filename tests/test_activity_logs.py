"""Who was given access, lost it or used it: what is read, from when, and of which types."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from flask import Response, jsonify, request

from tap_intercom_access.sandbox.history import event, generate_events
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.streams.activity_types import DEFAULT_TYPES
from tap_intercom_access.streams.schema import as_date_time
from tests import faults
from tests.responses import METADATA, NOW, SEARCH, events, seconds, sync_events
from tests.tap import run_tap, sync

if TYPE_CHECKING:
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Sandbox


def test_a_default_sync_leaves_it_alone(sandbox: Sandbox) -> None:
    run = sync(sandbox)

    assert run.code == 0
    assert sandbox.journal.requests == ["GET /admins", "GET /teams"]


def test_an_event_has_what_intercom_tells(sandbox: Sandbox) -> None:
    sandbox.workspace.history = [
        event(NOW - 60, "admin_deletion", sandbox.workspace.admins[0], "Gone", **METADATA),
        event(NOW - 50, "bulk_export", None, "By nobody"),
    ]

    first, second = events(sync_events(sandbox))

    assert seconds(first.pop("created_at")) == NOW - 60
    assert first == {
        "id": sandbox.workspace.history[0]["id"],
        "activity_type": "admin_deletion",
        "activity_description": "Gone",
        "performed_by": {
            "id": "1001",
            "type": "admin",
            "email": "aoife@example.com",
            "ip": "203.0.113.1",
        },
        "metadata": METADATA,
    }
    assert second["performed_by"] is None
    assert second["metadata"] == {}


def test_events_come_oldest_first(sandbox: Sandbox) -> None:
    times = [record["created_at"] for record in events(sync_events(sandbox))]

    assert len(times) > 100
    assert times == sorted(times)


def test_the_types_that_concern_access_are_asked_for(sandbox: Sandbox) -> None:
    types = {record["activity_type"] for record in events(sync_events(sandbox))}

    assert all(body["event_types"] == DEFAULT_TYPES for body in sandbox.journal.bodies)
    assert types == {e["activity_type"] for e in sandbox.workspace.history} - {
        "admin_away_mode_change"
    }


def test_an_empty_list_of_types_asks_for_all(sandbox: Sandbox) -> None:
    run = sync_events(sandbox, activity_types=[])

    assert len(events(run)) == len(sandbox.workspace.history)
    assert not any("event_types" in body for body in sandbox.journal.bodies)


def test_a_type_that_intercom_does_not_know_is_named(sandbox: Sandbox) -> None:
    types = '["admin_deletion", "admin_login_failure", "admin_delition"]'

    run = sync_events(sandbox, activity_types=types)

    assert {record["activity_type"] for record in events(run)} == {"admin_login_failure"}
    warnings = [line for line in run.stderr.splitlines() if "| WARNING  | tap-" in line]
    assert len(warnings) == 1
    assert warnings[0].endswith("does not list: admin_deletion, admin_delition")
    assert sandbox.journal.requests[0] == "GET /admins/activity_log_event_types"


@pytest.mark.parametrize("types", ['"x"', "[1]", '{"a": 1}'])
def test_a_setting_of_types_that_is_no_list_is_refused(types: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(f'{{"access_token": "x", "activity_types": {types}}}')

    assert "activity_types" in run_tap("--config", path).error


def test_without_a_start_date_ninety_days_are_read_and_it_says_so(sandbox: Sandbox) -> None:
    sandbox.workspace.history = generate_events(300, NOW - 100 * DAY, NOW)

    run = sync_events(sandbox)

    assert len(events(run)) in (269, 270)
    assert "reading the last 90 days" in run.stderr


@pytest.mark.parametrize("date", ["{:%Y-%m-%d}", "{:%Y-%m-%dT00:00:00Z}", "{:%Y-%m-%d 00:00}"])
def test_a_start_date_is_where_it_begins(date: str, sandbox: Sandbox) -> None:
    start = NOW - NOW % DAY - 5 * DAY
    sandbox.workspace.history = generate_events(60, start - 5 * DAY, start + 5 * DAY)

    run = sync_events(
        sandbox,
        start_date=date.format(datetime.fromtimestamp(start).astimezone()),
    )

    assert len(events(run)) == 30


@pytest.mark.slow
@pytest.mark.parametrize("date", ["yesterday", "2026-13-01", 5])
def test_a_start_date_that_is_none_is_refused(date: object, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"access_token": "x", "start_date": date}))

    assert run_tap("--config", path).error.startswith(
        "The configuration cannot be used: start_date"
    )


def test_a_missing_permission_is_named(sandbox: Sandbox) -> None:
    sandbox.fail(SEARCH, faults.refuse(403, "token_unauthorized"), nth=1)

    error = sync_events(sandbox).error

    assert error.startswith(f"activity_logs: POST {sandbox.base_url}/admins/activity_logs/search ")
    assert "'Read admin activity logs'" in error


def test_the_test_mode_does_not_insist_on_the_permission(sandbox: Sandbox) -> None:
    sandbox.fail(SEARCH, faults.refuse(403, "token_unauthorized"), nth=1)

    run = sync(sandbox, "--test")

    assert run.code == 0
    assert "activity_logs: not read" in run.stderr
    assert len(run.records("teams")) == 1


def test_events_outside_of_the_time_asked_for_are_left_out_and_it_says_so_once(
    sandbox: Sandbox,
) -> None:
    """As from a server that rounds the bounds to whole days, a crowded one among them."""
    start = NOW - NOW % DAY - 5 * DAY
    history = generate_events(4000, start - 2 * DAY, start + 2 * DAY)
    history += [
        row | {"id": f"more-{row['id']}"} for row in generate_events(900, start, start + 900)
    ]

    def rounded() -> Response:
        body = request.get_json()
        after, before = (body[f"created_at_{bound}"] // DAY for bound in ("after", "before"))
        rows = [row for row in history if after <= row["created_at"] // DAY <= before]
        size, page = body["per_page"], body.get("page", 1)
        pages = {"type": "pages", "page": page, "total_pages": -(-len(rows) // size)}
        return jsonify({"pages": pages, "activity_logs": rows[(page - 1) * size : page * size]})

    sandbox.fail(SEARCH, rounded)

    run = sync_events(
        sandbox,
        start_date=as_date_time(start - 3600),
    )

    wanted = {row["id"] for row in history if row["created_at"] >= start - 3600}
    assert {record["id"] for record in events(run)} == wanted
    assert run.stderr.count("outside of the time asked for") == 1


def test_an_end_that_is_rounded_down_to_a_day_leaves_out_no_event(sandbox: Sandbox) -> None:
    sandbox.workspace.history = generate_events(600, NOW - 5 * DAY, NOW)

    def round_down() -> None:
        request.get_json()["created_at_before"] //= DAY
        request.get_json()["created_at_before"] *= DAY

    sandbox.fail(SEARCH, round_down)

    assert len(events(sync_events(sandbox))) == 600


def test_a_start_date_before_what_the_state_covers_is_a_warning(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    mark = {
        "replication_key": "created_at",
        "replication_key_value": as_date_time(NOW - DAY),
        "read_from": as_date_time(NOW - 9 * DAY),
    }
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"bookmarks": {"activity_logs": mark}}))

    def stderr(start: int) -> str:
        date = {"TAP_INTERCOM_ACCESS_START_DATE": as_date_time(start)}
        return sync_events(sandbox, state=state, **date).stderr

    assert stderr(NOW - 10 * DAY).count("events before that are not read. To read them, run") == 1
    assert "events before that are not read" not in stderr(NOW - 9 * DAY)
