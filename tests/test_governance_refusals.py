"""The governance export refuses what is not one complete list of one workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.governance import HOME, MEMBER, PERSON, TEAM, step, write_rows

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"admins": [PERSON]}, "lacks the workspace"),
        ({"workspaces": [HOME]}, "lacks the teammates"),
        ({"workspaces": [HOME, HOME], "admins": [PERSON]}, "rows of two runs"),
        (
            {
                "workspaces": [HOME],
                "admins": [PERSON],
                "teams": [TEAM],
                "team_memberships": [MEMBER, MEMBER],
            },
            "rows of two runs",
        ),
        (
            {"workspaces": [HOME], "admins": [PERSON], "team_memberships": [MEMBER]},
            "lacks teams",
        ),
        ({"workspaces": [HOME], "admins": [PERSON | {"team_ids": ["7"]}]}, "lacks teams"),
        (
            {"workspaces": [HOME], "admins": [PERSON | {"id": "workspace-w"}]},
            "stand for two things",
        ),
        (
            {"workspaces": [HOME], "admins": [{"id": "1", "name": "A", "role__id": "3"}]},
            "admins.jsonl lacks email, has_inbox_seat, role, team_ids: select 'admins.*'",
        ),
    ],
)
def test_what_is_not_one_complete_list_is_refused(
    files: dict[str, list[dict[str, Any]]], reason: str, example: Path
) -> None:
    write_rows(example, **files)

    done = step(example, "write")

    assert done.returncode == 1
    assert reason in done.stderr
    assert "Nothing was written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (example / "output").exists()


def test_another_workspace_needs_another_folder(example: Path) -> None:
    write_rows(example, workspaces=[HOME], admins=[PERSON])
    assert step(example, "write").returncode == 0
    write_rows(example, workspaces=[HOME | {"id": "other"}], admins=[PERSON])

    done = step(example, "write")

    assert done.returncode == 1
    assert "of another workspace" in done.stderr
    assert "workspace-w" in (example / "output" / "baton-file.json").read_text()
