"""The files of the governance export: names, rights, formulas, sign-ins."""

from __future__ import annotations

import json
import os
import shutil
import stat
from typing import TYPE_CHECKING, Any

import pytest

from tests.governance import (
    HOME,
    MEMBER,
    PERSON,
    check_baton,
    check_hyperproof,
    check_probo,
    check_vanta,
    sign_in_of,
    step,
    write_rows,
    written,
)
from tests.tap import NEEDS_POSIX, POSIX

if TYPE_CHECKING:
    from pathlib import Path

COMPLETE: dict[str, Any] = {"workspaces": [HOME], "admins": [PERSON]}
NAMES = [
    "\u6c49" * 80,
    "\U0001f600" * 70,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 40,
    "e\u0301" * 200,
    "x" * 300,
    ("x" * 99 + " .") * 3,
    "..",
    "a\u202egpj/..\\b",
    "\ud83d",
    "",
    None,
]
FORMULAS = [
    "=1+1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20x",
    "\u22121",
    "\ufe661+1",
    "  =1",
    "\u3000\uff1d1",
    "\t=1",
    "a;=1+1",
    "a; \uff1d1+1",
    "a;;-1",
    'a;"=1+1"',
    '"=1+1',
    "a,=1+1",
    "a, @x, +1",
    "\ufeff=1",
    "\u2060=1",
    "\u200d\u00ad\ufe0f+1",
    "a;\u202e=1",
    "\u207c1+1",
    "\u208a1",
    "\u2a751",
    "\ufb291",
    "-",
    ";=cmd|' /C calc'!A0",
]


def last_logins(example: Path) -> dict[str, str]:
    users = check_baton(example / "output" / "baton-file.json")["users"]
    return {user["id"]: user["last_login"] for user in users if "last_login" in user}


def test_a_workspace_of_any_name_has_a_file(example: Path) -> None:
    for name in NAMES:
        write_rows(example, workspaces=[HOME | {"name": name}], admins=[PERSON])

        written(example)

        (path,) = (example / "output").glob("Access File - * - Intercom.csv")
        assert len(path.name.encode()) < 140, name  # some file systems take 143 bytes
        assert not set(path.name) & set("/\\\u202e\n"), name
        middle = path.name.removeprefix("Access File - ").removesuffix(" - Intercom.csv")
        assert middle.strip(" .") == middle != "", name
        check_vanta(example / "output")


def test_no_text_is_a_formula_whatever_divides_the_columns(example: Path) -> None:
    texts = dict(enumerate(FORMULAS))
    ids = [str(number) for number in texts]
    write_rows(
        example,
        workspaces=[HOME],
        admins=[
            PERSON
            | {"id": str(n), "name": text, "job_title": text, "role": {"id": f"r{n}", "name": text}}
            for n, text in texts.items()
        ],
        teams=[{"id": str(number), "name": text} for number, text in texts.items()],
        team_memberships=[MEMBER | {"team_id": id_, "admin_id": id_} for id_ in ids],
    )

    written(example)

    for check in (check_vanta, check_probo, check_hyperproof):
        assert len(check(example / "output")) == len(FORMULAS)


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
@pytest.mark.parametrize(
    ("folder", "umask", "expected"),
    [(0o755, 0o022, 0o640), (0o700, 0o000, 0o600), (0o775, 0o077, 0o660), (0o777, 0o000, 0o660)],
)
def test_no_file_is_for_everybody(folder: int, umask: int, expected: int, example: Path) -> None:
    if os.geteuid() == 0:  # only root gives files to others
        os.chown(example, 12345, 23456)
    example.chmod(folder)
    known = set(example.rglob("*"))
    assert step(example, "begin", umask).returncode == 0
    before = {path for path in example.rglob("*") if path.is_file()} - known
    write_rows(example, **COMPLETE, activity_logs=[sign_in_of("1", 1)])

    written(example, umask)

    made = {path for path in example.rglob("*") if "__pycache__" not in path.parts} - known
    files = {path for path in made if path.is_file()}
    names = {path.name for path in files}
    assert before
    assert names > {"admins.jsonl", "baton-file.json", "probo.csv", "sign-ins.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {expected}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made - files} == {folder & 0o770}
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {
        (example.stat().st_uid, example.stat().st_gid)
    }


def test_sign_ins_of_a_run_that_failed_are_kept(example: Path) -> None:
    write_rows(example, activity_logs=[sign_in_of("1", 5), sign_in_of("1", 3)])
    write_rows(example, **COMPLETE)

    written(example)

    assert last_logins(example) == {"1": "2026-01-05T00:00:00+00:00"}
    write_rows(example, **COMPLETE)
    written(example)
    assert last_logins(example) == {"1": "2026-01-05T00:00:00+00:00"}


def test_a_killed_loader_leaves_a_row_that_stops_no_later_run(example: Path) -> None:
    write_rows(example, activity_logs=[sign_in_of("1", 5)])
    with (example / "run" / "activity_logs.jsonl").open("a") as file:
        file.write(json.dumps(sign_in_of("1", 6))[:-9])
    refused = step(example, "write")

    write_rows(example, **COMPLETE)
    written(example)

    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert last_logins(example) == {"1": "2026-01-05T00:00:00+00:00"}


def test_sign_ins_of_another_workspace_are_kept_nowhere(example: Path) -> None:
    write_rows(example, **COMPLETE, activity_logs=[sign_in_of("1", 1)])
    written(example)
    kept = (example / "sign-ins.json").read_bytes()
    other = [HOME | {"id": "other"}]
    write_rows(example, workspaces=other, admins=[PERSON], activity_logs=[sign_in_of("1", 9)])

    assert step(example, "write").returncode == 1
    assert (example / "sign-ins.json").read_bytes() == kept

    write_rows(example, **COMPLETE)
    assert (example / "sign-ins.json").read_bytes() == kept
    written(example)
    assert last_logins(example) == {"1": "2026-01-01T00:00:00+00:00"}


def test_a_first_run_of_another_workspace_leaves_no_sign_in(example: Path) -> None:
    other = [HOME | {"id": "other"}]
    write_rows(example, workspaces=other, activity_logs=[sign_in_of("1", 9)])
    assert step(example, "write").returncode == 1
    write_rows(example, **COMPLETE)

    written(example)

    assert last_logins(example) == {}


def test_sign_ins_of_the_first_version_count(example: Path) -> None:
    write_rows(example, **COMPLETE)
    written(example)
    (example / "sign-ins.json").write_text('{"1": "2026-01-01T00:00:00+00:00"}')
    write_rows(example, **COMPLETE)

    written(example)

    assert last_logins(example) == {"1": "2026-01-01T00:00:00+00:00"}


def test_a_run_killed_between_two_renames_loses_no_files(example: Path) -> None:
    write_rows(example, **COMPLETE)
    written(example)
    before = {path.name: path.read_bytes() for path in (example / "output").iterdir()}
    (example / "output").rename(example / "output.old")
    shutil.copytree(example / "output.old", example / "output.new")

    begun = step(example, "begin")

    assert "output/ holds the complete files of" in begun.stdout
    assert {path.name: path.read_bytes() for path in (example / "output").iterdir()} == before
