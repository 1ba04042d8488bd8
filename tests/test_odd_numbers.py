"""Numbers, times and nesting that are out of range: a sentence about the input, or it works."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.server import Sandbox
from tests import faults
from tests.responses import sync_events
from tests.tap import TAP, catalog_of, run_command, run_tap, sync, write

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

DEEP = "[" * 100_000 + "]" * 100_000


class Dated(Sandbox):
    """Has a clock that is out of order."""

    date = ""

    @override
    def _date(self) -> str:
        return self.date


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 01 Jan 2024 00:00:00 +9999",
        "Mon, 01 Jan 2024 00:00:00 +999999999999999",
        "Mon, 01 Jan 0001 00:00:00 +1400",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 99 Jan 99999 99:99:99 GMT",
    ],
)
def test_a_date_that_is_none_changes_nothing(date: str) -> None:
    with Dated(demo()) as sandbox:
        sandbox.date = date
        sandbox.fail(
            "/admins",
            faults.refuse(429, "rate_limit_exceeded", headers={"Retry-After": "1"}),
            nth=1,
        )
        run = sync(sandbox)

    assert run.code == 0, run.stderr
    assert len(run.records("admins")) == 13


def test_a_workspace_of_a_time_in_milliseconds_is_a_sentence(sandbox: Sandbox) -> None:
    me = sandbox.workspace.me()
    for created_at in (1_700_000_000_000, -(10**15), 10**18):
        me["app"]["created_at"] = created_at
        sandbox.respond("/me", me)

        error = sync(sandbox, catalog=catalog_of("workspaces")).error

        assert "an admin with their workspace" in error
        assert "`$.app.created_at`" in error


@pytest.mark.parametrize("created_at", [1_700_000_000_000, 253_402_300_800, -1])
def test_an_event_of_a_time_in_milliseconds_is_a_sentence(
    created_at: int, sandbox: Sandbox
) -> None:
    events = [{"id": "1", "created_at": created_at}]
    sandbox.respond("/admins/activity_logs/search", {"activity_logs": events})

    error = sync_events(sandbox).error

    assert "created_at" in error
    assert "fault of the tap" not in error


@pytest.mark.parametrize(
    "bookmark",
    [
        "0001-01-01T00:00:00+00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59+00:00",
        "1969-12-31T23:59:59+00:00",
    ],
)
def test_a_bookmark_at_the_end_of_time_works(bookmark: str, sandbox: Sandbox) -> None:
    state = {"replication_key": "created_at", "replication_key_value": bookmark}

    run = sync_events(sandbox, state={"bookmarks": {"activity_logs": state}})

    assert run.code == 0, run.stderr


@pytest.mark.parametrize("date", ["0001-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31"])
def test_a_start_date_at_the_end_of_time_works(date: str, sandbox: Sandbox) -> None:
    run = sync_events(sandbox, start_date=date)

    assert run.code == 0, run.stderr


@pytest.mark.parametrize("stream", ["admins", "activity_logs"])
@pytest.mark.parametrize(
    "odd",
    [
        '"progress_markers": "x"',
        '"progress_markers": [1]',
        '"partitions": "x"',
        '"partitions": [5]',
    ],
)
def test_what_the_sdk_keeps_in_a_state_may_be_odd(odd: str, stream: str, sandbox: Sandbox) -> None:
    state = f'{{"bookmarks": {{"{stream}": {{{odd}}}}}}}'

    run = sync(sandbox, state=state)

    assert run.code == 0, run.stderr
    assert len(run.records("admins")) == 13


@pytest.mark.parametrize(
    "text",
    [
        '{"bookmarks": {"admins": {"rows": 1e400}}}',
        '{"bookmarks": {"admins": {"rows": -1e999}}}',
        f'{{"bookmarks": {{"admins": {{"rows": 1{"0" * 5000}}}}}}}',
        f'{{"bookmarks": {{"admins": {{"rows": {DEEP}}}}}}}',
        DEEP,
    ],
    ids=["1e400", "-1e999", "digits", "nested", "only nested"],
)
@pytest.mark.parametrize("option", ["state", "catalog", "config"])
def test_an_input_out_of_range_is_named(text: str, option: str, sandbox: Sandbox) -> None:
    error = sync(sandbox, **{option: text}).error

    assert error.startswith(f"The {option}")
    assert "fault of the tap" not in error
    assert sandbox.journal.requests == []


@pytest.mark.parametrize("variable", ["TAP_INTERCOM_ACCESS_LOGLEVEL", "LOGLEVEL"])
@pytest.mark.parametrize("level", ["loud", "10", "Level 10"])
def test_a_level_of_the_log_that_does_not_exist_is_named(variable: str, level: str) -> None:
    error = run_tap("--about", **{variable: level}).error

    assert error.startswith(f"{variable} is not a level of the log: use DEBUG, INFO")


def test_a_configuration_of_the_log_that_is_none_is_named(tmp_path: Path) -> None:
    for text in ("x", "version: 7", "version: 1\nhandlers: {a: {class: nowhere.A}}", "{"):
        path = write(tmp_path / "input.json", text)

        error = run_tap("--about", SINGER_SDK_LOG_CONFIG=str(path)).error

        assert error.startswith("SINGER_SDK_LOG_CONFIG names an unusable file")


@pytest.mark.parametrize("options", [["--about"], ["--about", "--format=json"], ["--discover"]])
def test_the_locale_does_not_matter(options: list[str]) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    run = run_command(TAP, *options, **ascii_only)

    assert run.code == 0, run.stderr
    if "--about" not in options or len(options) > 1:
        assert json.loads(run.stdout)
