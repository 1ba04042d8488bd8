"""The export refuses evidence that isn't from one complete sync of one workspace."""

from pathlib import Path

import pytest

from export_runs import HOME, PERSON, exported, refusal, run, write_sync


def test_evidence_that_is_not_from_one_complete_sync_is_refused(tmp_path: Path) -> None:
    exported(tmp_path)
    path = tmp_path / "evidence" / "requests.jsonl"
    content = path.read_bytes()

    for part in (content[:-9], content[: content.index(b"\n")], b"[]\n"):
        path.write_bytes(part)
        assert "is not from one complete sync" in refusal(tmp_path)
    path.unlink()
    assert "The tap kept no evidence of this sync" in refusal(tmp_path)


def test_a_sync_without_a_list_is_refused(tmp_path: Path) -> None:
    exported(tmp_path)
    write_sync(tmp_path, admins=[PERSON])

    assert "teams was not read. Select 'teams.*' in meltano.yml." in refusal(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the columns email, owner are missing (it has: none)"),
        ("email,owner\na@x,\n", "line 2: owner is empty."),
        ("email,owner\na@x,b@x\nA@x ,c@x\n", "line 3: the same email is in line 2."),
    ],
)
def test_an_invalid_file_of_service_accounts_is_refused(
    text: str, reason: str, tmp_path: Path
) -> None:
    exported(tmp_path)
    path = tmp_path / "services.csv"
    path.write_text(text)

    error = refusal(tmp_path, f"--service-accounts={path}")

    assert str(path) in error
    assert reason in error


def test_another_workspace_needs_another_folder(tmp_path: Path) -> None:
    exported(tmp_path)
    write_sync(tmp_path, HOME | {"id_code": "other"}, admins=[PERSON], teams=[])
    another = refusal(tmp_path)
    (tmp_path / "files" / "baton-file.json").write_bytes(b"\xff")

    for error in (another, refusal(tmp_path)):
        assert "baton-file.json belongs to another workspace. Use another --output." in error


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    write_sync(tmp_path, admins=[PERSON], teams=[])
    (tmp_path / "files").touch()

    done = run(tmp_path)

    assert done.exit_code == 1
    assert f"Error: Cannot create {tmp_path / 'files'}: File exists." in done.stderr
