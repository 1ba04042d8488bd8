"""Files that users pass, above all states; test_catalog.py has more about catalogs."""

import json
from typing import Any

import pytest

from tap_intercom_access.errors import InputError
from tap_intercom_access.inputs import check_state
from tap_intercom_access.sandbox.server import Sandbox
from tests.responses import state_of, sync_events
from tests.tap import STREAMS, catalog_of, run_tap, sync, sync_here

LOST: dict[str, Any] = {"bookmarks": {"admins": {"rows": 500}}}
"""A state with which a sync of the demo has lost 487 teammates."""


DEEP = "[" * 100_000 + "]" * 100_000
UNREADABLE: dict[str, str | bytes] = {
    "empty": "",
    "cut off": "{",
    "another encoding": b"\xff\xfe{}",
    "single quotes": "{'a': 1}",
    "an array": "[]",
    "null": "null",
    "not a number": '{"bookmarks": NaN}',
    "a large number": '{"bookmarks": {"admins": {"rows": -1e999}}}',
    "many digits": f'{{"bookmarks": {{"admins": {{"rows": 1{"0" * 5000}}}}}}}',
    "nested": f'{{"bookmarks": {{"admins": {{"rows": {DEEP}}}}}}}',
}


@pytest.mark.slow
@pytest.mark.parametrize("option", ["state", "catalog", "config"])
@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_without_a_valid_json_object_is_refused(
    option: str, content: str | bytes, sandbox: Sandbox
) -> None:
    error = sync(sandbox, **{option: content}).error

    assert error.startswith(f"The {option}")
    assert "bug in the tap" not in error
    assert sandbox.journal.requests == []


@pytest.mark.parametrize("option", ["--state", "--catalog", "--config"])
def test_a_file_that_does_not_exist_is_named(option: str) -> None:
    assert "nowhere.json" in run_tap(option, "nowhere.json").error


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_skipped_in_every_input(encoding: str, sandbox: Sandbox) -> None:
    def encoded(content: dict[str, Any]) -> bytes:
        return json.dumps(content).encode(encoding)

    run = run_tap(
        config=encoded({"base_url": sandbox.base_url, "access_token": sandbox.token}),
        catalog=encoded(catalog_of("admins")),
        state=encoded(LOST),
    )

    assert "487 fewer" in run.error
    assert sandbox.journal.requests == ["GET /admins"]


def test_unknown_streams_in_catalog_and_state_are_a_warning(sandbox: Sandbox) -> None:
    catalog = catalog_of(*STREAMS)
    catalog["streams"].append({"tap_stream_id": "conversations", "schema": {"properties": {}}})
    state = {"bookmarks": {"admins": {}, "companies": {"replication_key_value": 1}}}

    run = sync(sandbox, catalog=catalog, state=state)

    assert run.error == ""
    about_state, about_catalog = sorted(run.warnings, key=lambda warning: "catalog" in warning)
    assert "state" in about_state
    assert "companies" in about_state
    assert "catalog" in about_catalog
    assert "conversations" in about_catalog
    assert len(run.records("admins")) == 13


def test_a_state_as_meltano_prints_it_keeps_the_safeguards(sandbox: Sandbox) -> None:
    assert "487 fewer" in sync(sandbox, state={"singer_state": LOST}).error


@pytest.mark.parametrize(
    "state", [LOST, {"singer_state": LOST}, LOST | {"currently_syncing": None}]
)
def test_a_state_of_meltano_is_a_state(state: dict[str, Any]) -> None:
    assert check_state(state)["bookmarks"] == LOST["bookmarks"]


@pytest.mark.parametrize("state", [{}, {"bookmarks": {}}, {"singer_state": {}}])
def test_an_empty_state_is_accepted(state: dict[str, Any]) -> None:
    assert check_state(state).get("bookmarks", {}) == {}


NOT_A_STATE: list[dict[str, Any]] = [
    {"bookmarks": []},
    {"bookmarks": None},
    {"bookmarks": {"admins": 5}},
    {"Bookmarks": LOST["bookmarks"]},
    {"admins": {"rows": 500}},
    {"singer_state": None},
    {"singer_state": [LOST]},
    {"singer_state": {"currently_syncing": "admins"}},
    {"type": "STATE", "value": LOST},
    {"state": LOST},
]


@pytest.mark.parametrize("state", NOT_A_STATE)
def test_a_state_of_another_form_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="Invalid state"):
        check_state(state)


def test_a_sync_with_a_state_that_is_refused_requests_nothing(sandbox: Sandbox) -> None:
    assert "Invalid state" in sync(sandbox, state=NOT_A_STATE[0]).error
    assert sandbox.journal.requests == []


@pytest.mark.parametrize(
    "date",
    [
        "0001-01-01T00:00:00+00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59+00:00",
        "1969-12-31T23:59:59+00:00",
    ],
)
def test_a_bookmark_and_a_start_date_may_be_at_the_end_of_time(date: str, sandbox: Sandbox) -> None:
    for options in ({"state": state_of(replication_key_value=date)}, {"start_date": date}):
        assert sync_events(sandbox, **options).error == ""


@pytest.mark.parametrize("stream", ["admins", "activity_logs"])
@pytest.mark.parametrize("key", ["progress_markers", "partitions"])
@pytest.mark.parametrize("value", ["x", [1]])
def test_odd_values_that_the_sdk_keeps_in_a_state_are_ignored(
    stream: str, key: str, value: object, sandbox: Sandbox
) -> None:
    run = sync_here(sandbox, state={"bookmarks": {stream: {key: value}}})

    assert run.error == ""
    assert len(run.records("admins")) == 13
