"""Who was given access, lost it or used it: no event is lost, whatever happens while it is read."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import duckdb
import jsonschema
import pytest
import requests

from tap_intercom_access.activity_types import ACCESS_TYPES, DEFAULT_TYPES
from tap_intercom_access.sandbox import faults
from tap_intercom_access.sandbox.history import DAY, event, generated
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.sandbox.workspace import demo
from tests.commands import ROOT, TAP, environment
from tests.conftest import Run, catalog_selecting, run_tap, sync
from tests.targets import load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.targets import Postgres

README = (ROOT / "README.md").read_text(encoding="utf-8")
ALL = {"TAP_INTERCOM_ACCESS_ACTIVITY_TYPES": "[]"}
NOW = int(time.time())
CROWD = NOW - 10 * DAY
METADATA = {
    "sign_in_method": "google",
    "external_id": "f3b8",
    "away_mode": True,
    "away_status_reason": "😌 On a break",
    "update_by": 93,
    "last_activity_at": 1671028894,
    "changes": {"window": {"before": 15, "after": 30.5}, "other": {"before": None, "after": []}},
    "team": {"id": 123, "name": "Süpport"},
    "expired_at": "2025-12-04T09:31:57.000Z",
    "before": {"a": [1, {"b": None}]},
    "after": "text instead of an object",
    "big": 2**60,
    "": "an empty name",
    'a "quoted" name.with dots': {"nested": {"deeply": [[1], [2]]}},
}


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    return catalog_selecting(tmp_path, "activity_logs")


def events(run: Run) -> list[dict[str, Any]]:
    assert run.code == 0, run.stderr
    (schema,) = run.of("SCHEMA", "activity_logs")
    validator = jsonschema.Draft202012Validator(schema["schema"])
    for record in run.records("activity_logs"):
        validator.validate(record)
    return run.records("activity_logs")


def ids(run: Run) -> list[str]:
    return [record["id"] for record in events(run)]


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def bookmark(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = run.of("STATE")[-1]["value"]["bookmarks"]["activity_logs"]
    return found


# What is read


def test_a_default_sync_leaves_it_alone(sandbox: Sandbox) -> None:
    run = sync(sandbox)

    assert run.code == 0
    assert sandbox.requests == ["GET /admins", "GET /teams"]


def test_an_event_has_what_intercom_tells(sandbox: Sandbox, catalog: Path) -> None:
    sandbox.workspace.history = [
        event(NOW - 60, "admin_deletion", sandbox.workspace.people[0], "Gone", **METADATA),
        event(NOW - 50, "bulk_export", None, "By nobody"),
    ]

    first, second = events(sync(sandbox, "--catalog", catalog))

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


def test_events_come_oldest_first(sandbox: Sandbox, catalog: Path) -> None:
    times = [record["created_at"] for record in events(sync(sandbox, "--catalog", catalog))]

    assert len(times) > 100
    assert times == sorted(times)


def test_the_types_that_concern_access_are_asked_for(sandbox: Sandbox, catalog: Path) -> None:
    found = {record["activity_type"] for record in events(sync(sandbox, "--catalog", catalog))}

    assert all(body["event_types"] == DEFAULT_TYPES for body in sandbox.bodies)
    assert found == {e["activity_type"] for e in sandbox.workspace.history} - {
        "admin_away_mode_change"
    }


def test_an_empty_list_of_types_asks_for_all(sandbox: Sandbox, catalog: Path) -> None:
    run = sync(sandbox, "--catalog", catalog, **ALL)

    assert len(events(run)) == len(sandbox.workspace.history)
    assert not any("event_types" in body for body in sandbox.bodies)


def test_a_type_that_intercom_does_not_know_is_named(sandbox: Sandbox, catalog: Path) -> None:
    types = '["admin_deletion", "admin_login_failure", "admin_delition"]'

    run = sync(sandbox, "--catalog", catalog, TAP_INTERCOM_ACCESS_ACTIVITY_TYPES=types)

    assert {record["activity_type"] for record in events(run)} == {"admin_login_failure"}
    warnings = [line for line in run.stderr.splitlines() if "| WARNING  | tap-" in line]
    assert len(warnings) == 1
    assert warnings[0].endswith("does not list: admin_deletion, admin_delition")
    assert sandbox.requests[0] == "GET /admins/activity_log_event_types"


@pytest.mark.parametrize("types", ['"x"', "[1]", '{"a": 1}'])
def test_a_setting_of_types_that_is_no_list_is_refused(types: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(f'{{"access_token": "x", "activity_types": {types}}}')

    assert "activity_types" in run_tap("--config", path).error


def test_without_a_start_date_ninety_days_are_read_and_it_says_so(
    sandbox: Sandbox, catalog: Path
) -> None:
    sandbox.workspace.history = generated(300, NOW - 100 * DAY, NOW)

    run = sync(sandbox, "--catalog", catalog)

    assert len(events(run)) in (269, 270)
    assert "reading the last 90 days" in run.stderr


@pytest.mark.parametrize("date", ["{:%Y-%m-%d}", "{:%Y-%m-%dT00:00:00Z}", "{:%Y-%m-%d 00:00}"])
def test_a_start_date_is_where_it_begins(date: str, sandbox: Sandbox, catalog: Path) -> None:
    start = NOW - NOW % DAY - 5 * DAY
    sandbox.workspace.history = generated(60, start - 5 * DAY, start + 5 * DAY)

    run = sync(
        sandbox,
        "--catalog",
        catalog,
        TAP_INTERCOM_ACCESS_START_DATE=date.format(datetime.fromtimestamp(start).astimezone()),
    )

    assert len(events(run)) == 30


@pytest.mark.parametrize("date", ["yesterday", "2026-13-01", 5])
def test_a_start_date_that_is_none_is_refused(date: object, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"access_token": "x", "start_date": date}))

    assert run_tap("--config", path).error.startswith(
        "The configuration cannot be used: start_date"
    )


def test_a_missing_permission_is_named(sandbox: Sandbox, catalog: Path) -> None:
    sandbox.faults[1] = faults.refuse(403, "token_unauthorized")

    error = sync(sandbox, "--catalog", catalog).error

    assert error.startswith(f"activity_logs: POST {sandbox.base_url}/admins/activity_logs/search ")
    assert "'Read admin activity logs'" in error


def test_the_test_mode_does_not_insist_on_the_permission(sandbox: Sandbox) -> None:
    sandbox.faults[1] = faults.refuse(403, "token_unauthorized")

    run = sync(sandbox, "--test")

    assert run.code == 0
    assert "activity_logs: not read" in run.stderr
    assert len(run.records("teams")) == 1


def test_an_event_outside_of_the_time_asked_for_is_an_error(
    sandbox: Sandbox, catalog: Path
) -> None:
    body = {"activity_logs": [{"id": "1", "created_at": 1_600_000_000}]}
    sandbox.answer("/admins/activity_logs/search", body)

    assert "outside of the time asked for" in sync(sandbox, "--catalog", catalog).error


# Nothing is lost


@pytest.mark.parametrize("order", ["newest", "oldest", "as it is"])
@pytest.mark.parametrize("form", ["number", "object", "url"])
def test_no_event_is_lost_in_any_order_and_form_of_pages(
    order: str, form: str, sandbox: Sandbox, catalog: Path
) -> None:
    crowd = [row | {"id": f"crowd-{row['id']}"} for row in generated(700, CROWD, CROWD + 1)]
    sandbox.workspace.history = generated(3000, NOW - 80 * DAY, NOW - DAY) + crowd
    random.Random(7).shuffle(sandbox.workspace.history)  # noqa: S311 (not for secrets)
    sandbox.log_order, sandbox.log_next = order, form

    found = ids(sync(sandbox, "--catalog", catalog))

    assert len(found) == len(set(found)) == 3700


@pytest.mark.parametrize("order", ["newest", "oldest", "as it is"])
@pytest.mark.parametrize("change", ["an event is deleted", "an event arrives"])
def test_events_that_come_and_go_meanwhile_lose_no_other(
    change: str, order: str, sandbox: Sandbox, catalog: Path
) -> None:
    history = generated(2500, NOW - 20 * DAY, NOW - DAY)
    random.Random(8).shuffle(history)  # noqa: S311 (not for secrets)
    sandbox.workspace.history = history
    sandbox.log_order = order
    kept = {row["id"] for row in history[40:]}
    more = generated(60, NOW - 20 * DAY, NOW - DAY)

    def shift() -> None:
        if change == "an event arrives" and more:
            row = more.pop()
            history.insert(0, row | {"id": f"late-{row['id']}"})
        elif len(history) > len(kept):
            history.pop(0)

    sandbox.faults[None] = shift

    assert kept <= set(ids(sync(sandbox, "--catalog", catalog)))


@pytest.mark.parametrize(
    "pages",
    [
        {"page": 1, "total_pages": 2, "next": None},
        {"next": "/admins/activity_logs/search?page=2"},
        {"next": {"starting_after": "a"}},
    ],
)
def test_empty_pages_that_point_on_are_an_error(
    pages: dict[str, Any], sandbox: Sandbox, catalog: Path
) -> None:
    body = {"type": "activity_log.list", "activity_logs": [], "pages": pages}
    sandbox.answer("/admins/activity_logs/search", body)

    error = sync(sandbox, "--catalog", catalog).error

    assert "empty pages in a row" in error or "points back" in error


def test_events_that_never_stop_changing_are_an_error(sandbox: Sandbox, catalog: Path) -> None:
    numbers = iter(range(10**6))

    def crowd() -> list[dict[str, Any]]:
        return [row | {"id": f"{next(numbers)}"} for row in generated(400, CROWD, CROWD + 1)]

    def renew() -> None:
        sandbox.workspace.history = crowd()

    sandbox.faults[None] = renew

    assert "its events still change after 10 readings" in sync(sandbox, "--catalog", catalog).error


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_it_takes_an_eighth_of_the_requests_of_others(
    order: str, sandbox: Sandbox, catalog: Path
) -> None:
    sandbox.workspace.history = generated(20_000, NOW - 89 * DAY, NOW - DAY)
    sandbox.log_order = order
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

    assert len(ids(sync(sandbox, "--catalog", catalog))) == 20_000

    assert len(sandbox.bodies) <= others / 8


# Going on where the last run ended


def test_the_next_run_goes_on_a_little_before_the_end_of_the_last(
    sandbox: Sandbox, catalog: Path, tmp_path: Path
) -> None:
    first = sync(sandbox, "--catalog", catalog)
    state = tmp_path / "state.json"
    state.write_text(json.dumps(first.of("STATE")[-1]["value"]))
    end = seconds(bookmark(first)["replication_key_value"])
    sandbox.workspace.history += [
        event(time_, "admin_deletion", None, f"{time_}") for time_ in (end - 400, end - 200)
    ]
    sandbox.bodies.clear()
    time.sleep(1)

    second = sync(sandbox, "--catalog", catalog, "--state", state)

    assert [record["activity_description"] for record in events(second)] == [str(end - 200)]
    assert [body["created_at_after"] for body in sandbox.bodies] == [end - 301]
    assert seconds(bookmark(second)["replication_key_value"]) > end
    assert "reading the last" not in second.stderr


def test_a_quiet_time_moves_the_bookmark_too(sandbox: Sandbox, catalog: Path) -> None:
    sandbox.workspace.history = []

    run = sync(sandbox, "--catalog", catalog)

    assert events(run) == []
    assert seconds(bookmark(run)["replication_key_value"]) >= NOW


def test_the_end_is_fixed_when_it_starts(sandbox: Sandbox, catalog: Path) -> None:
    future = generated(50, NOW + DAY, NOW + 2 * DAY)
    sandbox.workspace.history += future

    run = sync(sandbox, "--catalog", catalog)

    assert not {row["id"] for row in future} & set(ids(run))
    assert seconds(bookmark(run)["replication_key_value"]) <= time.time()


def test_a_bookmark_that_is_no_date_is_refused(
    sandbox: Sandbox, catalog: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    for value in ("last week", 5, ["x"]):
        mark = {"replication_key": "created_at", "replication_key_value": value}
        state.write_text(json.dumps({"bookmarks": {"activity_logs": mark}}))

        error = sync(sandbox, "--catalog", catalog, "--state", state).error

        assert "The bookmark of activity_logs in the state is no date" in error


def test_a_bookmark_in_the_future_is_a_warning(
    sandbox: Sandbox, catalog: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    mark = {"replication_key": "created_at", "replication_key_value": "2999-01-01T00:00:00+00:00"}
    state.write_text(json.dumps({"bookmarks": {"activity_logs": mark}}))

    run = sync(sandbox, "--catalog", catalog, "--state", state)

    assert events(run) == []
    assert "begins in the future" in run.stderr


@pytest.mark.parametrize("order", ["newest", "as it is"])
def test_runs_that_are_killed_anywhere_together_hold_every_event(
    order: str, sandbox: Sandbox, catalog: Path, tmp_path: Path
) -> None:
    chance = random.Random(42)  # noqa: S311 (not for secrets)
    sandbox.workspace.history = generated(6000, NOW - 85 * DAY, NOW - DAY)
    chance.shuffle(sandbox.workspace.history)
    sandbox.log_order = order
    state = tmp_path / "state.json"
    state.write_text("{}")
    found: set[str] = set()
    for _ in range(60):
        finished, lines = killed(sandbox, catalog, state, after=chance.randrange(1, 900))
        for line in lines:
            message = json.loads(line)
            if message["type"] == "RECORD":
                found.add(message["record"]["id"])
            elif message["type"] == "STATE":
                state.write_text(json.dumps(message["value"]))
                known = message["value"]["bookmarks"]["activity_logs"]["replication_key_value"]
                passed = {
                    r["id"] for r in sandbox.workspace.history if r["created_at"] < seconds(known)
                }
                assert passed <= found
        if finished:
            break

    assert finished
    assert found == {row["id"] for row in sandbox.workspace.history}


def killed(sandbox: Sandbox, catalog: Path, state: Path, after: int) -> tuple[bool, list[str]]:
    """Run the tap and kill it after so many lines; tell whether it came to its end before."""
    command = [TAP, "--config=ENV", "--catalog", str(catalog), "--state", str(state)]
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


def test_memory_does_not_grow_with_the_number_of_events(sandbox: Sandbox, catalog: Path) -> None:
    peaks = []
    for count in (6_000, 60_000):
        sandbox.workspace.history = generated(count, NOW - 80 * DAY, NOW - DAY)
        measured = (
            "import resource, subprocess, sys;"
            "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        done = subprocess.run(
            [sys.executable, "-c", measured, TAP, "--config=ENV", "--catalog", str(catalog)],
            capture_output=True,
            check=True,
            encoding="utf-8",
            env=environment(**sandbox.settings),
        )
        peaks.append(int(done.stdout))

    assert peaks[1] < 1.1 * peaks[0]


# In targets


def loaded(sandbox: Sandbox, catalog: Path, target: str, config: Path, **settings: str) -> None:
    arguments = ("--catalog", str(catalog))
    assert load(sandbox, target, config, *arguments, **(ALL | settings)) == (0, 0)


def every_type() -> list[dict[str, Any]]:
    """One event of each type and one for each detail, and one with all details at once."""
    rows = [event(NOW - 90, type_, None, type_, **METADATA) for type_ in DEFAULT_TYPES]
    rows += [event(NOW - 80, "x", None, name, **{name: METADATA[name]}) for name in METADATA]
    return rows


@pytest.mark.targets
def test_every_type_and_detail_arrives_in_postgres(
    sandbox: Sandbox, catalog: Path, postgres: Postgres
) -> None:
    sandbox.workspace.history = every_type()

    loaded(sandbox, catalog, "target-postgres", postgres.config())

    rows = postgres.query("select * from activity_logs")
    assert {row["id"]: row["metadata"] for row in rows} == {
        row["id"]: row["metadata"] for row in sandbox.workspace.history
    }
    assert {row["created_at"].timestamp() for row in rows} <= {NOW - 90, NOW - 80}


@pytest.mark.targets
@pytest.mark.parametrize("flattened", ["false", "true"])
def test_every_type_and_detail_arrives_in_duckdb(
    flattened: str, sandbox: Sandbox, catalog: Path, tmp_path: Path
) -> None:
    sandbox.workspace.history = every_type()
    config = tmp_path / "target.json"
    path = tmp_path / "i.duckdb"
    config.write_text(json.dumps({"path": str(path), "default_target_schema": "intercom"}))

    loaded(
        sandbox,
        catalog,
        "target-duckdb",
        config,
        TAP_INTERCOM_ACCESS_FLATTENING_ENABLED=flattened,
        TAP_INTERCOM_ACCESS_FLATTENING_MAX_DEPTH="2",
    )

    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute("select id, metadata from intercom.activity_logs").fetchall()
    assert {id_: json.loads(metadata) for id_, metadata in rows} == {
        row["id"]: row["metadata"] for row in sandbox.workspace.history
    }


@pytest.mark.targets
def test_the_questions_of_the_readme_are_answered(tmp_path: Path) -> None:
    workspace = demo()
    workspace.a_quarter_later()
    workspace.history.append(event(NOW - 60, "admin_login_success", None, "By nobody known"))
    config = tmp_path / "target.json"
    path = tmp_path / "i.duckdb"
    config.write_text(json.dumps({"path": str(path), "default_target_schema": "intercom"}))
    catalog = catalog_selecting(tmp_path, "admins", "activity_logs")
    with Sandbox(workspace) as sandbox:
        loaded(sandbox, catalog, "target-duckdb", config)
    questions = re.findall(r"```sql\n(-- .*?)```", README, flags=re.DOTALL)

    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set search_path = 'intercom'")
        answers = [connection.execute(question).fetchall() for question in questions]

    assert [row[0] for row in answers[0]] == ["Dana Levi"]
    assert {(row[1], row[2]) for row in answers[1]} >= {
        ("aoife@example.com", "Aoife Ní Bhriain removed Marcus Webb"),
        ("tomas@example.com", "Tomás Herrera invited lina@example.com"),
    }
    assert [row[1] for row in answers[2]] == ["support@example.com"] * 3


def test_the_types_in_the_readme_are_the_taps_own() -> None:
    for reason, types in ACCESS_TYPES.items():
        (row,) = [row for row in README.splitlines() if row.startswith(f"| {reason} |")]
        assert re.findall(r"`(\w+)`", row) == types.split()
