"""Targets mark rows as removed only after a complete and plausible list."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tap_intercom_access.clock import RunClock
from tap_intercom_access.intercom.clock import Clock
from tap_intercom_access.sandbox.demo import generate_workspace
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.streams.size import is_shrunk
from tap_intercom_access.tap import TapIntercomAccess
from tests import faults
from tests.meltano import meltano
from tests.tap import ACTIVATE, DEFAULT_STREAMS, Result, catalog_of, sync, sync_here
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


def sync_at(sandbox: Sandbox, began_at: float, state: dict[str, Any] | None) -> Result:
    """Run a sync as if it began at a time."""

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
def test_versions_always_increase(began_at: list[float], sandbox: Sandbox) -> None:
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
def test_a_version_increases_from_any_form_of_a_number(last: object, sandbox: Sandbox) -> None:
    run = sync_at(sandbox, 1_800_000_000, {"bookmarks": {"admins": {"version": last}}})

    assert run.of("ACTIVATE_VERSION", "admins")[0]["version"] == 1_900_000_001


def test_a_version_that_is_not_a_number_is_refused(sandbox: Sandbox) -> None:
    run = sync_at(sandbox, 1_800_000_000, {"bookmarks": {"admins": {"version": "new"}}})

    assert "The state of admins has an invalid version ('new')" in run.error
    assert run.activated == []


def test_test_mode_writes_no_activate_version(paged: Sandbox) -> None:
    assert sync(paged, "--test", **ACTIVATE).activated == []


def test_batch_messages_are_never_written(paged: Sandbox, tmp_path: Path) -> None:
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
def test_failed_pages_remove_none(path: str, nth: int, paged: Sandbox, postgres: Postgres) -> None:
    assert load(paged, "target-postgres", postgres.config(), **ACTIVATE) == (0, 0)
    paged.workspace.leave(LEAVER)
    paged.fail(path, faults.refuse(401, "unauthorized"), nth=nth)

    tap, target = load(paged, "target-postgres", postgres.config(hard_delete=True), **ACTIVATE)

    assert (tap, target) == (1, 0)
    # The list of teammates was complete before the list of teams failed.
    left = 1 if path == "/teams" else 0
    assert len(postgres.query("select * from admins where _sdc_deleted_at is null")) == 13 - left
    assert len(postgres.query("select * from teams where _sdc_deleted_at is null")) == 4
    assert len(postgres.query("select * from team_memberships where _sdc_deleted_at is null")) == 13


# A list that lost too many rows


ACCEPT: dict[str, Any] = ACTIVATE | {"max_removed_percent": 100}


@pytest.fixture
def company() -> Iterator[Sandbox]:
    """A workspace with 200 teammates in two teams."""
    with Sandbox(generate_workspace(200, 2)) as server:
        yield server


def rows_of(state: dict[str, Any]) -> dict[str, int]:
    return {stream: bookmark["rows"] for stream, bookmark in state["bookmarks"].items()}


def state_of(**rows: object) -> dict[str, Any]:
    return {"bookmarks": {stream: {"rows": number} for stream, number in rows.items()}}


def shrink(sandbox: Sandbox, to: int) -> None:
    for admin in sandbox.workspace.admins[to:]:
        sandbox.workspace.leave(admin.id)


@pytest.mark.parametrize(
    ("before", "now", "percent", "shrunk"),
    [
        (200, 160, 20, False),
        (200, 159, 20, True),
        (12, 2, 20, False),
        (12, 1, 20, True),
        (1, 0, 20, True),
        (50, 40, 0, False),
        (50, 39, 0, True),
        (1000, 995, 0.1, False),
    ],
)
def test_a_list_may_lose_a_few_rows(before: int, now: int, percent: float, *, shrunk: bool) -> None:
    assert is_shrunk(before, now, percent) == shrunk


def test_a_row_that_is_listed_twice_counts_once(company: Sandbox) -> None:
    rows = company.workspace.admin_rows()
    company.respond("/admins", {"admins": [*rows, rows[0] | {"name": "Other"}]})
    teams = company.workspace.team_rows()
    company.respond("/teams", {"teams": [*teams, teams[0] | {"name": "Other"}]})

    assert rows_of(sync(company).state) == {"admins": 200, "team_memberships": 200, "teams": 2}


def test_a_list_that_lost_too_many_rows_fails_and_keeps_the_old_number(company: Sandbox) -> None:
    state = sync(company).state
    shrink(company, 120)

    run = sync(company, state=state, **ACTIVATE)

    assert run.error.startswith("admins: Intercom returned 120 rows, 80 fewer")
    assert f"(200 rows, {state['bookmarks']['admins']['rows_read_at']})" in run.error
    for words in ("permission", "plan", "another workspace", "PERCENT=100", "--full-refresh"):
        assert words in run.error
    assert run.activated == []
    assert rows_of(run.state) == rows_of(state)


def test_a_loss_can_be_accepted_for_one_run_or_without_a_state(company: Sandbox) -> None:
    state = sync(company).state
    shrink(company, 120)

    for run in (sync(company, state=state, **ACCEPT), sync(company, **ACTIVATE)):
        assert run.error == ""
        assert run.activated == list(DEFAULT_STREAMS)
        assert rows_of(run.state)["admins"] == 120


def test_memberships_have_their_own_number(company: Sandbox) -> None:
    state = sync(company).state
    for team in company.workspace.teams:
        del team.members[10:]

    run = sync(company, state=state, **ACTIVATE)

    assert run.error.startswith("team_memberships: Intercom returned 20 rows, 180 fewer")
    assert run.activated == ["admins"]


@pytest.mark.parametrize("stream", ["teams", "team_memberships"])
def test_a_list_that_lost_all_rows_fails(stream: str, company: Sandbox) -> None:
    company.respond("/teams", {"type": "team.list", "teams": []})
    catalog = catalog_of(stream)

    refused = sync(company, state=state_of(**{stream: 1}), catalog=catalog, **ACTIVATE)
    accepted = sync(company, state=state_of(**{stream: 1}), catalog=catalog, **ACCEPT)

    assert "returned 0 rows, 1 fewer" in refused.error
    assert "time unknown" in refused.error
    assert refused.activated == []
    assert accepted.activated == [stream]


@pytest.mark.parametrize("rows", ["200", -1, 1.5, True, [200], None])
def test_an_invalid_number_of_rows_in_the_state_is_refused(rows: object, company: Sandbox) -> None:
    run = sync(company, state=state_of(admins=rows), **ACTIVATE)

    assert "invalid row count" in run.error
    assert run.activated == []


def test_test_mode_does_not_compare_lists(company: Sandbox) -> None:
    assert sync(company, "--test", state=state_of(admins=200)).error == ""


@pytest.mark.targets
@pytest.mark.xdist_group("meltano")
def test_meltanos_state_keeps_the_number_of_rows(company: Sandbox, project: Path) -> None:
    def run() -> int:
        command = ("run", "--state-id-suffix=shrunk", "tap-intercom-access", "target-jsonl")
        variables = company.settings | {"TARGET_JSONL_DESTINATION_PATH": str(project)}
        return meltano(project, *command, **variables).returncode

    assert run() == 0
    shrink(company, 120)

    assert run() == 1
    assert run() == 1
