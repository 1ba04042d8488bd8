"""A target learns who left from a list that was read to its end, and from no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import faults
from tests.tap import ACTIVATE, catalog_of, sync
from tests.targets import load

if TYPE_CHECKING:
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Fault, Sandbox
    from tests.targets import Postgres

STREAMS = ("admins", "team_memberships", "teams")
LEAVER = 1010


def test_one_activate_version_follows_the_last_record_of_each_stream(paged: Sandbox) -> None:
    run = sync(paged, **ACTIVATE)

    assert run.code == 0, run.stderr
    for stream in STREAMS:
        kinds = [m["type"] for m in run.messages if m.get("stream") == stream]
        assert kinds == ["SCHEMA", *["RECORD"] * len(run.records(stream)), "ACTIVATE_VERSION"]
        messages = run.of("RECORD", stream) + run.of("ACTIVATE_VERSION", stream)
        assert len({message["version"] for message in messages}) == 1


def test_without_the_setting_there_is_no_version(paged: Sandbox) -> None:
    run = sync(paged)

    assert run.of("ACTIVATE_VERSION") == []
    assert not any("version" in message for message in run.messages)


@pytest.mark.parametrize(
    "fault",
    [faults.refuse(401, "unauthorized"), faults.status(200, b"<html>"), faults.status(204)],
    ids=["401", "html", "204"],
)
@pytest.mark.parametrize("request_number", [1, 2, 3])
def test_a_stream_that_is_cut_short_gets_no_activate_version(
    request_number: int, fault: Fault, paged: Sandbox
) -> None:
    paged.fail("/admins", fault, nth=request_number)

    run = sync(paged, **ACTIVATE)

    assert run.code == 1
    assert run.of("ACTIVATE_VERSION") == []
    assert len(run.records("admins")) == 5 * (request_number - 1)


def test_a_stream_that_was_complete_keeps_its_activate_version(paged: Sandbox) -> None:
    paged.fail("/teams", faults.refuse(401, "unauthorized"))

    run = sync(paged, **ACTIVATE)

    assert run.code == 1
    assert [message["stream"] for message in run.of("ACTIVATE_VERSION")] == ["admins"]


def test_the_test_mode_activates_nothing(paged: Sandbox) -> None:
    assert sync(paged, "--test", **ACTIVATE).of("ACTIVATE_VERSION") == []


def test_batches_which_carry_no_version_are_never_written(paged: Sandbox, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(
        '{"batch_config": {"encoding": {"format": "jsonl", "compression": "gzip"},'
        f'"storage": {{"root": "file://{tmp_path}"}}}}}}'
    )

    run = sync(paged, "--config", config, **ACTIVATE)

    assert run.of("BATCH") == []
    assert len(run.of("RECORD", "admins")) == 13
    assert "batch_config" in run.stderr


def test_memberships_alone_are_activated(paged: Sandbox) -> None:
    catalog = catalog_of("team_memberships")

    run = sync(paged, catalog=catalog, **ACTIVATE)

    assert [message["stream"] for message in run.of("ACTIVATE_VERSION")] == ["team_memberships"]


@pytest.mark.targets
@pytest.mark.parametrize("hard_delete", [False, True])
def test_the_leaver_is_marked_or_gone_and_nobody_else(
    hard_delete: bool,  # noqa: FBT001
    paged: Sandbox,
    postgres: Postgres,
) -> None:
    config = postgres.config(hard_delete=hard_delete)
    assert load(paged, "target-postgres", config, **ACTIVATE) == (0, 0)
    paged.workspace.leave(LEAVER)

    assert load(paged, "target-postgres", config, **ACTIVATE) == (0, 0)

    admins = postgres.query("select id, _sdc_deleted_at is null as here from admins order by id")
    assert {row["id"] for row in admins if row["here"]} == {
        str(admin.id) for admin in paged.workspace.admins
    }
    gone = [row["id"] for row in admins if not row["here"]]
    assert gone == ([] if hard_delete else [str(LEAVER)])
    memberships = postgres.query(
        "select admin_id, _sdc_deleted_at is null as here from team_memberships"
    )
    assert sum(row["here"] for row in memberships) == 11
    gone = [row["admin_id"] for row in memberships if not row["here"]]
    assert gone == ([] if hard_delete else [str(LEAVER)] * 2)


@pytest.mark.targets
@pytest.mark.parametrize(("path", "nth"), [("/admins", 1), ("/admins", 2), ("/teams", 1)])
def test_a_failed_page_deletes_nobody(
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
