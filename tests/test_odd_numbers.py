"""Numbers, times, and nesting at the limits, and wrong settings of the log."""

import json
from pathlib import Path

import pytest

from tap_intercom_access.sandbox.server import Sandbox
from tests import faults
from tests.responses import state_of
from tests.tap import TAP, catalog_of, run_command, run_tap, sync, sync_here, write

DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.slow
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
def test_an_invalid_date_is_ignored(date: str, sandbox: Sandbox) -> None:
    headers = {"Date": date, "Retry-After": "0"}
    sandbox.fail("/admins", faults.refuse(429, "rate_limit_exceeded", headers=headers), nth=1)

    run = sync_here(sandbox)

    assert run.error == ""
    assert len(run.records("admins")) == 13


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
    state = state_of(replication_key_value=bookmark)

    assert sync_here(sandbox, catalog=catalog_of("activity_logs"), state=state).error == ""


@pytest.mark.parametrize("date", ["0001-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31"])
def test_a_start_date_at_the_end_of_time_works(date: str, sandbox: Sandbox) -> None:
    assert sync_here(sandbox, catalog=catalog_of("activity_logs"), start_date=date).error == ""


@pytest.mark.parametrize("stream", ["admins", "activity_logs"])
@pytest.mark.parametrize("key", ["progress_markers", "partitions"])
@pytest.mark.parametrize("value", ["x", [1]])
def test_odd_values_that_the_sdk_keeps_in_a_state_are_ignored(
    stream: str, key: str, value: object, sandbox: Sandbox
) -> None:
    run = sync_here(sandbox, state={"bookmarks": {stream: {key: value}}})

    assert run.error == ""
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
    assert "bug in the tap" not in error
    assert sandbox.journal.requests == []


@pytest.mark.parametrize("variable", ["TAP_INTERCOM_ACCESS_LOGLEVEL", "LOGLEVEL"])
@pytest.mark.parametrize("level", ["loud", "10", "Level 10"])
def test_an_unknown_log_level_is_named(variable: str, level: str) -> None:
    error = run_tap("--about", **{variable: level}).error

    assert error.startswith("Can't set up logging (")
    assert level.upper() in error
    assert "Correct TAP_INTERCOM_ACCESS_LOGLEVEL (DEBUG, INFO, WARNING, ERROR)" in error


@pytest.mark.parametrize(
    "text", ["x", "version: 7", "version: 1\nhandlers: {a: {class: nowhere.A}}", "{"]
)
def test_an_unusable_log_configuration_is_one_error(text: str, tmp_path: Path) -> None:
    path = write(tmp_path / "logging.yml", text)

    error = run_tap("--about", SINGER_SDK_LOG_CONFIG=str(path)).error

    assert error.startswith("Can't set up logging (")
    assert "SINGER_SDK_LOG_CONFIG" in error


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--about"], ["--about", "--format=json"], ["--discover"]])
def test_the_locale_does_not_matter(options: list[str]) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    run = run_command(TAP, *options, **ascii_only)

    assert run.error == ""
    if "--about" not in options or len(options) > 1:
        assert json.loads(run.stdout)
