"""A target learns who left from a list that was read to its end, and from no other."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tap_intercom_access.clock import RunClock
from tap_intercom_access.intercom.clock import Clock
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.tap import TapIntercomAccess
from tests import faults
from tests.tap import ACTIVATE, DEFAULT_STREAMS, Result, sync, sync_here
from tests.targets import Postgres, load

LEAVER = 1010


def test_one_activate_version_follows_the_last_record_of_each_stream(paged: Sandbox) -> None:
    run = sync(paged, **ACTIVATE)

    assert run.error == ""
    for stream in DEFAULT_STREAMS:
        kinds = [m["type"] for m in run.messages if m.get("stream") == stream]
        assert kinds == ["SCHEMA", *["RECORD"] * len(run.records(stream)), "ACTIVATE_VERSION"]
        messages = run.of("RECORD", stream) + run.of("ACTIVATE_VERSION", stream)
        assert len({message["version"] for message in messages}) == 1


def test_without_the_setting_there_is_no_version(paged: Sandbox) -> None:
    run = sync(paged)

    assert run.activated == []
    assert [message for message in run.messages if "version" in message] == []


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_stream_that_is_cut_short_gets_no_activate_version(nth: int, paged: Sandbox) -> None:
    paged.fail("/admins", faults.refuse(401, "unauthorized"), nth=nth)

    run = sync(paged, **ACTIVATE)

    assert run.code == 1
    assert run.activated == []
    assert len(run.records("admins")) == 5 * (nth - 1)


def sync_at(sandbox: Sandbox, began_at: float, state: dict[str, Any] | None) -> Result:
    """Sync in a run that began at a time."""

    class At(RunClock):
        def __init__(self, intercom: Clock) -> None:
            super().__init__(intercom)
            self.began_at = began_at

    with patch.object(TapIntercomAccess, "clock_class", At):
        return sync_here(sandbox, state=state, **ACTIVATE)


@pytest.mark.parametrize(
    "began_at",
    [
        [1_800_000_000, 1_800_000_000.9, 1_800_000_001],
        [1_800_000_000 + DAY, 1_800_000_000, 1_800_000_000 + 2 * DAY],
    ],
    ids=["two runs within a second", "a clock that was a day ahead"],
)
def test_versions_always_grow(began_at: list[float], sandbox: Sandbox) -> None:
    state: dict[str, Any] | None = None
    versions: list[dict[str, int]] = []
    for at in began_at:
        run = sync_at(sandbox, at, state)
        state = run.state
        versions.append({m["stream"]: m["version"] for m in run.of("ACTIVATE_VERSION")})
        assert {n: b["version"] for n, b in state["bookmarks"].items()} == versions[-1]

    for stream in DEFAULT_STREAMS:
        numbers = [of_run[stream] for of_run in versions]
        assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("last", [1_900_000_000.0, "1900000000"])
def test_a_version_grows_from_any_form_of_a_number(last: object, sandbox: Sandbox) -> None:
    run = sync_at(sandbox, 1_800_000_000, {"bookmarks": {"admins": {"version": last}}})

    assert run.of("ACTIVATE_VERSION", "admins")[0]["version"] == 1_900_000_001


def test_a_version_that_is_not_a_number_is_refused(sandbox: Sandbox) -> None:
    run = sync_at(sandbox, 1_800_000_000, {"bookmarks": {"admins": {"version": "new"}}})

    assert "The state of admins has an invalid version ('new')" in run.error
    assert run.activated == []


def test_the_test_mode_activates_nothing(paged: Sandbox) -> None:
    assert sync(paged, "--test", **ACTIVATE).activated == []


def test_batches_which_carry_no_version_are_never_written(paged: Sandbox, tmp_path: Path) -> None:
    encoding = {"format": "jsonl", "compression": "gzip"}
    batches = {"encoding": encoding, "storage": {"root": f"file://{tmp_path}"}}

    run = sync(paged, config={"batch_config": batches}, **ACTIVATE)

    assert run.of("BATCH") == []
    assert len(run.of("RECORD", "admins")) == 13
    assert "batch_config" in run.stderr


@pytest.mark.targets
@pytest.mark.parametrize("hard_delete", [False, True])
def test_only_leavers_are_marked(paged: Sandbox, postgres: Postgres, *, hard_delete: bool) -> None:
    config = postgres.config(hard_delete=hard_delete)
    assert load(paged, "target-postgres", config, **ACTIVATE) == (0, 0)
    paged.workspace.leave(LEAVER)

    assert load(paged, "target-postgres", config, **ACTIVATE) == (0, 0)

    marked = "_sdc_deleted_at is not null"
    here = postgres.query(f"select id from admins where not {marked}")
    assert {row["id"] for row in here} == {str(admin.id) for admin in paged.workspace.admins}
    gone = [] if hard_delete else [str(LEAVER)]
    assert [row["id"] for row in postgres.query(f"select id from admins where {marked}")] == gone
    memberships = postgres.query(f"select admin_id, {marked} as gone from team_memberships")
    assert [row["admin_id"] for row in memberships if row["gone"]] == gone * 2
    assert [row["gone"] for row in memberships].count(False) == 11


@pytest.mark.targets
@pytest.mark.parametrize(("path", "nth"), [("/admins", 1), ("/admins", 2), ("/teams", 1)])
def test_a_failed_page_deletes_none(
    path: str, nth: int, paged: Sandbox, postgres: Postgres
) -> None:
    assert load(paged, "target-postgres", postgres.config(), **ACTIVATE) == (0, 0)
    paged.workspace.leave(LEAVER)
    paged.fail(path, faults.refuse(401, "unauthorized"), nth=nth)

    tap, target = load(paged, "target-postgres", postgres.config(hard_delete=True), **ACTIVATE)

    assert (tap, target) == (1, 0)
    # The list of teammates was read to its end before that of the teams failed.
    left = 1 if path == "/teams" else 0
    assert len(postgres.query("select * from admins where _sdc_deleted_at is null")) == 13 - left
    assert len(postgres.query("select * from teams where _sdc_deleted_at is null")) == 4
    assert len(postgres.query("select * from team_memberships where _sdc_deleted_at is null")) == 13
