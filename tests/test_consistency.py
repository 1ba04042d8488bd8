from __future__ import annotations

from typing import TYPE_CHECKING

from tests.tap import Result, catalog_of, sync

if TYPE_CHECKING:
    from tap_intercom_access.sandbox.server import Sandbox


def findings(run: Result) -> list[str]:
    assert run.code == 0, run.stderr
    return [
        line.partition("tap-intercom-access            | ")[2]
        for line in run.stderr.splitlines()
        if "| WARNING  | tap-intercom-access" in line
    ]


def test_lists_that_agree_cause_no_warning(sandbox: Sandbox) -> None:
    assert findings(sync(sandbox)) == []


def test_members_that_are_no_admins_are_named(sandbox: Sandbox) -> None:
    sandbox.workspace.teams[3].members += range(1, 8)

    run = sync(sandbox)

    assert findings(run) == [
        "7 memberships name a teammate who is not in the list of admins: "
        + ", ".join(f"team 504 / admin {number}" for number in range(1, 6))
    ]
    assert len(run.records("team_memberships")) == 13 + 7


def test_teams_that_do_not_list_their_admin_are_named(sandbox: Sandbox) -> None:
    rows = sandbox.workspace.admin_rows()
    rows[0]["team_ids"] += [504, 999]
    sandbox.respond("/admins", {"type": "admin.list", "admins": rows})

    run = sync(sandbox)

    assert findings(run) == [
        (
            "2 memberships stand in a teammate's team_ids, but the team does not list them: "
            "team 504 / admin 1001, team 999 / admin 1001"
        )
    ]
    assert run.records("admins")[0]["team_ids"] == ["502", "504", "999"]


def test_one_list_alone_is_not_compared(sandbox: Sandbox) -> None:
    sandbox.workspace.teams[3].members.append(7)

    for streams in (("admins",), ("teams", "team_memberships")):
        catalog = catalog_of(*streams)
        assert findings(sync(sandbox, catalog=catalog)) == []


def test_admins_and_memberships_are_compared_without_the_stream_of_teams(sandbox: Sandbox) -> None:
    sandbox.workspace.teams[3].members.append(7)

    catalog = catalog_of("admins", "team_memberships")

    assert len(findings(sync(sandbox, catalog=catalog))) == 1
