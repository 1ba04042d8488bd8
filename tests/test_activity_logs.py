"""The stream activity_logs: its records, and the requested event types and period."""

from datetime import datetime

import pytest
from flask import request

from tap_intercom_access.sandbox.history import event, generate_events
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.streams.activity_types import DEFAULT_TYPES
from tap_intercom_access.streams.schema import as_date_time
from tests import faults
from tests.responses import METADATA, NOW, SEARCH, events, ids, seconds, sync_events
from tests.tap import sync

MIDNIGHT = NOW - NOW % DAY - 5 * DAY


def test_an_event_has_the_values_that_intercom_sends(sandbox: Sandbox) -> None:
    sandbox.workspace.history = [
        event(NOW - 60, "admin_deletion", sandbox.workspace.admins[0], "Gone", **METADATA),
        event(NOW - 50, "bulk_export", None, "By an unknown person"),
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


def test_types_that_concern_access_are_requested_by_default(sandbox: Sandbox) -> None:
    types = {record["activity_type"] for record in events(sync_events(sandbox))}

    assert [body["event_types"] for body in sandbox.journal.bodies] == [DEFAULT_TYPES]
    in_history = {row["activity_type"] for row in sandbox.workspace.history}
    assert in_history - types == {"admin_away_mode_change"}


def test_an_empty_list_of_types_requests_all_types(sandbox: Sandbox) -> None:
    run = sync_events(sandbox, activity_types=[])

    assert len(events(run)) == len(sandbox.workspace.history)
    assert [body for body in sandbox.journal.bodies if "event_types" in body] == []


def test_a_type_that_intercom_does_not_list_is_refused(sandbox: Sandbox) -> None:
    run = sync_events(sandbox, activity_types=["admin_login_failure", "admin_delition"])

    assert "admin_delition" in run.error
    assert "admin_login_failure" not in run.error
    assert sandbox.journal.requests == ["GET /admins/activity_log_event_types"]


@pytest.mark.parametrize("date", ["{:%Y-%m-%d}", "{:%Y-%m-%dT00:00:00Z}", "{:%Y-%m-%d 00:00}"])
def test_the_first_sync_begins_at_the_start_date(date: str, sandbox: Sandbox) -> None:
    sandbox.workspace.history = generate_events(60, MIDNIGHT - 5 * DAY, MIDNIGHT + 5 * DAY)
    start_date = date.format(datetime.fromtimestamp(MIDNIGHT).astimezone())

    assert len(events(sync_events(sandbox, start_date=start_date))) == 30


def test_the_error_names_a_missing_permission(sandbox: Sandbox) -> None:
    sandbox.fail(SEARCH, faults.refuse(403, "token_unauthorized"), nth=1)

    error = sync_events(sandbox).error

    assert error.startswith(f"activity_logs: POST {sandbox.base_url}{SEARCH} ")
    assert "'Read admin activity logs'" in error


def test_test_mode_succeeds_without_the_permission(sandbox: Sandbox) -> None:
    sandbox.fail(SEARCH, faults.refuse(403, "token_unauthorized"), nth=1)

    run = sync(sandbox, "--test")

    assert run.error == ""
    assert "Skipped the optional stream activity_logs: POST" in run.stderr
    assert len(run.records("teams")) == 1


def test_events_outside_of_the_requested_time_are_left_out(sandbox: Sandbox) -> None:
    times = [MIDNIGHT - 2 * DAY, MIDNIGHT - 1, MIDNIGHT, NOW + 2 * DAY]
    rows = [{"id": f"{time - MIDNIGHT}", "created_at": time} for time in times]
    sandbox.respond(SEARCH, {"activity_logs": rows})

    run = sync_events(sandbox, start_date=as_date_time(MIDNIGHT))

    assert ids(run) == ["0"]
    assert run.stderr.count("outside of the requested time") == 1


def test_no_event_is_missing_if_intercom_rounds_the_end_to_a_day(sandbox: Sandbox) -> None:
    sandbox.workspace.history = generate_events(600, MIDNIGHT, NOW)

    def round_down() -> None:
        body = request.get_json()
        body["created_at_before"] -= body["created_at_before"] % DAY

    sandbox.fail(SEARCH, round_down)

    assert len(ids(sync_events(sandbox))) == 600
