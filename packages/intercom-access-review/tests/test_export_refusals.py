"""The export refuses what is not one complete sync of one workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from export_runs import HOME, MEMBER, PERSON, TEAM, exported, refusal, run, write_records

if TYPE_CHECKING:
    from pathlib import Path

    from export_rules import Row

ONE: dict[str, list[Row]] = {"workspaces": [HOME], "admins": [PERSON]}
LOCAL_TIME = {"activity_type": None, "created_at": "2026-01-01T00:00:00", "performed_by": None}
NOT_WHOLE = "line 3 is not complete output of the tap ("


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ({"admins": [PERSON]}, "has no record of the workspace. Select workspaces"),
        ({"workspaces": [HOME]}, "has no records of teammates. Select admins"),
        (ONE | {"workspaces": [HOME, HOME]}, "has records of several syncs. Write each"),
        (ONE | {"teams": [TEAM], "team_memberships": [MEMBER] * 2}, "has records of several syncs"),
        (
            ONE | {"team_memberships": [MEMBER]},
            "has teammates in teams that it lacks. Select teams",
        ),
        (
            ONE | {"admins": [PERSON | {"team_ids": ["7"]}], "teams": [TEAM]},
            "has teammates in teams",
        ),
        ({"admins": [PERSON | {"id": "team-7"}]}, NOT_WHOLE),
        ({"admins": [PERSON | {"id": ""}]}, NOT_WHOLE),
        ({"admins": [{"id": "1", "name": "A", "role__id": "3"}]}, "field `email`). Run the tap"),
        ({"admins": [PERSON | {"email": 7}]}, NOT_WHOLE),
        ({"team_memberships": [MEMBER | {"priority_level": "x"}]}, NOT_WHOLE),
        ({"activity_logs": [LOCAL_TIME]}, NOT_WHOLE),
    ],
)
def test_records_that_are_not_one_complete_sync_are_refused(
    records: dict[str, list[Row]], reason: str, tmp_path: Path
) -> None:
    exported(tmp_path)
    write_records(tmp_path, **records)

    error = refusal(tmp_path)

    assert f"{tmp_path / 'access.jsonl'}" in error
    assert reason in error


def test_a_file_that_is_not_complete_output_is_refused(tmp_path: Path) -> None:
    exported(tmp_path)
    path = tmp_path / "access.jsonl"
    missing_record = b'{"type": "RECORD", "stream": "teams"}'
    for content in (
        path.read_bytes()[:-9],
        b'{"a":' + b"[" * 100_000,
        b"\xff\n",
        b"[]\n",
        missing_record,
    ):
        path.write_bytes(content)
        assert "is not complete output of the tap" in refusal(tmp_path)
    path.unlink()

    assert f"Cannot read {path}: No such file or directory." in refusal(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the columns email, owner are missing (it has: none)"),
        ("email,owner\na@x,\n", "line 2: 'a@x' and '' must both be email addresses."),
        ("email,owner\na@x,b@x\nA@x ,c@x\n", "line 2: a@x is listed twice. Remove one"),
        ("email,owner\na@x,b@x\nb@x,c@x\n", "line 2: the owner b@x is a service account."),
    ],
)
def test_a_wrong_file_of_service_accounts_is_refused(
    text: str, reason: str, tmp_path: Path
) -> None:
    write_records(tmp_path, **ONE)
    path = tmp_path / "services.csv"
    path.write_text(text)

    error = refusal(tmp_path, f"--service-accounts={path}")

    assert str(path) in error
    assert reason in error


def test_another_workspace_needs_another_folder(tmp_path: Path) -> None:
    exported(tmp_path)
    write_records(tmp_path, **ONE | {"workspaces": [HOME | {"id": "other"}]})
    another = refusal(tmp_path)
    (tmp_path / "files" / "baton-file.json").write_bytes(b"\xff")

    for error in (another, refusal(tmp_path)):
        assert "baton-file.json is of another workspace. Use another --output." in error


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    write_records(tmp_path, **ONE)
    (tmp_path / "files").touch()

    done = run(tmp_path)

    assert done.exit_code == 1
    assert f"Error: Cannot create {tmp_path / 'files'}: File exists." in done.stderr
