"""The example project: runs that are killed, and what the next run makes of it."""

from __future__ import annotations

import shutil
import time
from copy import deepcopy
from typing import TYPE_CHECKING

import pytest

from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.history import event, sign_in
from tap_intercom_access.sandbox.server import Sandbox
from tests.reviews import CRASH, clock, finished_step, query, run_step, write_seeds

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

    from tap_intercom_access.sandbox.workspace import Workspace

pytestmark = [pytest.mark.targets, pytest.mark.xdist_group("world")]

KILLED = 137
WHERE = {
    "LOADER": "target-jsonl",
    "MELTANO_ENVIRONMENT": "demo",
    "REVIEW_HOME": "demo",
    "WAREHOUSE": "duckdb",
}


def load(project: Path, workspace: Workspace, *before: str, **more: str) -> CompletedProcess[str]:
    with Sandbox(workspace) as sandbox:
        return finished_step(project, "load", *before, **WHERE, **sandbox.settings, **more)


def signed_in_again(workspace: Workspace, number: int) -> Workspace:
    """The workspace, in which one of its people did something just now."""
    later = deepcopy(workspace)
    later.history.append(sign_in(int(time.time()), later.admins[number]))
    return later


def test_runs_that_are_killed_lose_no_event_and_mix_no_syncs(world_project: Path) -> None:
    home = world_project / "demo"
    write_seeds(home)
    first = demo()

    # Loaded, but not built; then killed once everything was loaded, and in the middle of building.
    assert load(world_project, first).returncode == 0
    second = signed_in_again(first, 0)
    killed = load(world_project, second, CRASH, ".sync.json.new")
    not_built = finished_step(world_project, "page", **WHERE)
    third = signed_in_again(second, 1)
    third.leave(1012)
    assert load(world_project, third).returncode == 0
    half = finished_step(world_project, "build", CRASH, "marts/access_history.sql", **WHERE)
    half_built = finished_step(world_project, "snapshot", **WHERE)
    assert load(world_project, third).returncode == 0
    run_step(world_project, "build", **WHERE)
    run_step(world_project, "page", **WHERE)
    run_step(world_project, "snapshot", **WHERE)

    assert killed.returncode == half.returncode == KILLED
    for refused in (not_built, half_built):
        assert refused.returncode == 1
        assert "Traceback" not in refused.stderr
    assert query(home, "select count(distinct event_id) from stg_activity_logs") == [
        (len(third.history),)
    ]
    assert len(query(home, "select * from people where is_there")) == len(third.admins)
    assert query(home, "select count(*) from access_grants where since is null") == [(0,)]
    assert query(home, "select bool_and(or_earlier) from access_grants") == [(True,)]


def test_logs_that_were_read_and_are_lost_end_it_until_they_are_read_again(
    world_project: Path,
) -> None:
    home = world_project / "demo"
    (home / "output" / "review.duckdb").unlink()
    reviews = home / "reviews"
    reviews.rename(home / "elsewhere")
    (home / "output" / "load" / "activity_logs.from").unlink(missing_ok=True)
    workspace = demo()

    lost = load(world_project, workspace)
    anew = load(world_project, workspace, MELTANO_RUN_FULL_REFRESH="true")

    assert lost.returncode == 1
    assert "were read, but are not in the warehouse" in lost.stderr
    assert "MELTANO_RUN_FULL_REFRESH=true" in lost.stderr
    assert anew.returncode == 0


def test_what_happens_while_a_sync_reads_is_told_by_the_next_one(world_project: Path) -> None:
    home = world_project / "demo"
    shutil.rmtree(home, ignore_errors=True)
    write_seeds(home)
    first = demo()
    began = int(time.time())
    # The time of a review is that of its lists, which are read after the logs: here an hour.
    hours = [clock(began + number * 3600) for number in (1, 2)]
    done = load(world_project, first, REVIEWED_AT=hours[0], MELTANO_RUN_FULL_REFRESH="true")
    assert done.returncode == 0
    for name in ("build", "snapshot"):
        run_step(world_project, name, **WHERE)

    second = deepcopy(first)
    by, who = second.admins[0], second.admins[2]
    who.role, lead = "2", second.roles["2"]
    for sentence in (
        f"changed the role of {who.name}",
        f"changed the role {lead}: may export data",
    ):
        text = f"{by.name} {sentence}"
        second.history.append(event(int(time.time()), "role_change", by, text))
    assert load(world_project, second, REVIEWED_AT=hours[1]).returncode == 0
    run_step(world_project, "build", **WHERE)

    assert query(home, "select admin_id, telling, done_by from access_changes") == [
        (str(who.id), "one", by.email)
    ]
    assert query(home, "select label from role_edits") == [(lead,)]
    shutil.rmtree(home)  # its clock is ahead
