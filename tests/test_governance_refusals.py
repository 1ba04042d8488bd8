"""The governance export refuses what is not one complete list of one workspace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.governance import step

if TYPE_CHECKING:
    from pathlib import Path


def rows_of(example: Path, **files: list[dict[str, Any]]) -> None:
    assert step(example, "begin").returncode == 0
    for stream, rows in files.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (example / "run" / f"{stream}.jsonl").write_text(text, encoding="utf-8")


HOME = {"id": "w", "name": "W"}
PERSON: dict[str, Any] = {"id": "1", "name": "A", "email": "a@x", "team_ids": [], "role": None}
TEAM = {"id": "7", "name": "T"}
MEMBER = {"team_id": "7", "admin_id": "1", "priority_level": None}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"admins": [PERSON]}, "lacks the workspace"),
        ({"workspaces": [HOME]}, "lacks the workspace or the teammates"),
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
    ],
)
def test_what_is_not_one_complete_list_is_refused(
    files: dict[str, list[dict[str, Any]]], reason: str, example: Path
) -> None:
    rows_of(example, **files)

    done = step(example, "write")

    assert done.returncode == 1
    assert reason in done.stderr
    assert "Nothing was written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (example / "output").exists()


def test_another_workspace_needs_another_folder(example: Path) -> None:
    rows_of(example, workspaces=[HOME], admins=[PERSON])
    assert step(example, "write").returncode == 0
    rows_of(example, workspaces=[HOME | {"id": "other"}], admins=[PERSON])

    done = step(example, "write")

    assert done.returncode == 1
    assert "of another workspace" in done.stderr
    assert "workspace-w" in (example / "output" / "baton-file.json").read_text()
