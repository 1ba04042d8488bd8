"""The example that fills governance tools: complete files, or the last complete ones."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tap_intercom_access.sandbox.demo import generate_workspace
from tap_intercom_access.sandbox.history import sign_in
from tap_intercom_access.sandbox.models import Admin, Team
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.sandbox.workspace import Workspace
from tests import faults
from tests.governance import check_baton, check_hyperproof, check_probo, check_vanta, step
from tests.meltano import demo_of, meltano, output_of
from tests.tap import ROOT, catalog_of, sync

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = ROOT / "examples" / "governance-export"
STREAMS = ("admins", "teams", "team_memberships", "workspaces", "activity_logs")
NAMES = [
    "=1+1",
    "+1",
    "-1",
    "@x",
    "  ",
    "a\nb\x00c",
    "\u202eevil",
    "名前, 漢字",
    'quo"te',
    "x\u2028y",
]


def run_without_meltano(example: Path, sandbox: Sandbox, *streams: str, **variables: str) -> str:
    """Do what the job does, with the tap alone: begin, sync, a file per stream, write."""
    assert step(example, "begin").returncode == 0
    catalog = catalog_of(*(streams or STREAMS[:-1]))
    run = sync(sandbox, catalog=catalog)
    assert run.code == 0, run.stderr
    for stream in STREAMS:
        lines = [json.dumps(record) + "\n" for record in run.records(stream)]
        if lines:
            (example / "run" / f"{stream}.jsonl").write_text("".join(lines), encoding="utf-8")
    done = step(example, "write", **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


def checked(
    example: Path, users: int, grants: int | None = None
) -> dict[str, list[dict[str, Any]]]:
    """The sections of the baton file, once all files are checked and hold so many users."""
    output = example / "output"
    baton = check_baton(output / "baton-file.json")
    assert len(baton["users"]) == users
    for check in (check_vanta, check_probo, check_hyperproof):
        assert len(check(output)) == users
    assert grants in (None, len(baton["direct_user_grants"]))
    return baton


def test_the_demo_is_complete_in_every_file(example: Path, sandbox: Sandbox) -> None:
    printed = run_without_meltano(example, sandbox, COMPANY_DOMAINS="example.com")

    # everybody, 9 seats, 10 roles, 13 memberships and the levels of 6 of them
    baton = checked(example, 13, 13 + 9 + 10 + 13 + 6)
    assert (
        "output/baton-file.json: 13 users, 9 resources, 18 entitlements, 51 direct_user" in printed
    )
    assert {row["id"] for row in baton["resources"]} == {
        "workspace-sandbox",
        *(f"team-{team.id}" for team in sandbox.workspace.teams),
        *(f"role-{number}" for number in range(1, 5)),
    }
    granted = {
        (row["resource_id"], row["entitlement_slug"])
        for row in baton["direct_user_grants"]
        if row["principal_id"] == "1002"
    }
    assert granted == {
        ("workspace-sandbox", "member"),
        ("workspace-sandbox", "inbox_seat"),
        ("role-2", "assigned"),
        ("team-501", "member"),
        ("team-502", "member"),
        ("team-502", "primary"),
    }
    (path,) = (example / "output").glob("Access*")
    assert path.name == "Access File - Intercom sandbox - Intercom.csv"
    vanta = {row["Account name"]: row for row in check_vanta(example / "output")}
    assert vanta["dana.levi@gmail.com"]["Account owner"] == "External user"
    assert vanta["operator+sandbox@intercom.io"]["Account owner"] == "Not a person"
    assert vanta["chen.wei@example.com"] == {
        "Account name": "chen.wei@example.com",
        "Account owner": "chen.wei@example.com",
        "Role": "Support agent, Support, Billing",
        "Status": "Active",
    }
    assert "Probo drops" not in printed


def test_nothing_that_intercom_does_not_say_is_filled_in(example: Path, sandbox: Sandbox) -> None:
    run_without_meltano(example, sandbox)

    baton = checked(example, 13)
    *people, bot = sorted(baton["users"], key=lambda user: str(user["id"]))
    known = {"id", "display_name", "email", "login", "profile"}
    assert all(user.keys() <= known for user in people)
    assert bot.keys() == known | {"type"}
    assert all(row["is_admin"] == "" for row in check_probo(example / "output"))


@pytest.mark.slow
def test_two_thousand_people_are_all_there(example: Path) -> None:
    with Sandbox(generate_workspace(2000, 5000)) as large:
        run_without_meltano(example, large)

    baton = checked(example, 2000, 2000 * 4)
    assert len(baton["resources"]) == 1 + 5000 + 1


def test_odd_people_are_in_every_file_as_text(example: Path) -> None:
    people = [
        Admin(number, name, f"{number}@example.com" if number > 2 else "", name, role="3")
        for number, name in enumerate(NAMES, 1)
    ]
    teams = [Team(7, "Same"), Team(8, "Same"), Team(9, "=cmd()"), Team(10, ""), Team(11, "a, b")]
    for team in teams:
        team.members = [1, 2, 4711]
    workspace = Workspace(people, teams, name="../Acme & Sons: <EU>")
    with Sandbox(workspace) as odd:
        printed = run_without_meltano(example, odd)

    baton = checked(example, len(NAMES) + 1)
    names = {user["id"]: user["display_name"] for user in baton["users"]}
    assert names["5"] == "5"
    assert names["6"] == "a b\ufffdc"
    assert names["1"] == "=1+1"
    assert names["4711"].startswith("4711 (in 10, a, b, Same (7), Same (8), =cmd()")
    assert names["4711"].endswith("not in the list of teammates)")
    assert "Probo drops 3 users without an address: 1 (=1+1), 2 (+1), 4711 (4711 (in" in printed
    teams_of = {row["full_name"]: row["external_id"] for row in check_probo(example / "output")}
    assert "'=1+1" in teams_of
    stranger = [g for g in baton["direct_user_grants"] if g["principal_id"] == "4711"]
    assert {grant["entitlement_slug"] for grant in stranger} == {"member"}
    assert "workspace-sandbox" not in {grant["resource_id"] for grant in stranger}
    vanta = {row["Account name"]: row for row in check_vanta(example / "output")}
    assert "a; b, Same (7), Same (8)" in vanta["'=1+1"]["Role"]
    (path,) = (example / "output").glob("Access*")
    assert path.name == "Access File - _Acme & Sons_ _EU_ - Intercom.csv"


@pytest.mark.slow
def test_ids_stay_from_run_to_run(example: Path, sandbox: Sandbox) -> None:
    run_without_meltano(example, sandbox)
    first = (example / "output" / "baton-file.json").read_bytes()

    run_without_meltano(example, sandbox)

    assert (example / "output" / "baton-file.json").read_bytes() == first


@pytest.mark.slow
def test_sign_ins_are_kept_from_run_to_run(example: Path, sandbox: Sandbox) -> None:
    now = int(time.time())
    admins = {admin.id: admin for admin in sandbox.workspace.admins}
    sandbox.workspace.history = [
        sign_in(now - 5000, admins[1001]),
        sign_in(now - 9000, admins[1001]),
    ]
    run_without_meltano(example, sandbox, *STREAMS)
    sandbox.workspace.history = [sign_in(now - 100, admins[1002])]
    run_without_meltano(example, sandbox, *STREAMS)

    logins = {user["id"]: user.get("last_login") for user in checked(example, 13)["users"]}
    assert {id_ for id_, login in logins.items() if login} == {"1001", "1002"}


@pytest.mark.targets
@pytest.mark.xdist_group("meltano")
def test_a_failed_run_leaves_the_last_complete_files_and_says_so(
    example: Path, sandbox: Sandbox
) -> None:
    output_of(example, "run", "governance-export", **sandbox.settings)
    before = {path.name: path.read_bytes() for path in (example / "output").iterdir()}
    assert len(before) == 4
    sandbox.workspace.leave(1010)
    sandbox.fail("/teams", faults.refuse(403, "forbidden"), nth=1)

    failed = meltano(example, "run", "governance-export", **sandbox.settings)

    assert failed.returncode == 1
    assert "they stay until this run is complete" in failed.stdout + failed.stderr
    assert {path.name: path.read_bytes() for path in (example / "output").iterdir()} == before

    output_of(example, "run", "governance-export", **sandbox.settings)
    checked(example, 12)
    assert len(list((example / "output").iterdir())) == 4


@pytest.mark.targets
@pytest.mark.xdist_group("meltano")
def test_the_command_of_the_readme_shows_it(example: Path) -> None:
    demo_of(example)

    checked(example, 13, 51)
