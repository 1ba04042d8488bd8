"""The example project: what its steps leave on the disk, whole or not at all, and for whom."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.reviews import (
    FIRST,
    NOW,
    SECOND,
    clock,
    day,
    error_of,
    finished_step,
    kills,
    read_list,
    run_step,
    step,
    write_list,
)
from tests.tap import NEEDS_POSIX, POSIX, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

pytestmark = pytest.mark.xdist_group("review")
project_test = pytest.mark.targets
on_posix = pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)


@pytest.fixture
def home(reviewed: Path, tmp_path: Path) -> Path:
    """A copy of the archive, in which the second review is not decided yet."""
    shutil.copytree(reviewed / "reviews", tmp_path / "reviews")
    shutil.copytree(reviewed / "output", tmp_path / "output")
    shutil.copytree(reviewed / "seeds", tmp_path / "seeds")
    return tmp_path


def sign(home: Path) -> Path:
    """Decide all that has a reviewer in the second review."""
    folder = home / "reviews" / SECOND
    rows = read_list(folder / "access-review.csv")
    for row in rows:
        if row["reviewer"]:
            row |= {"decision": "keep", "decided by": row["reviewer"], "decided on": str(day(0))}
    write_list(folder / "decisions.csv", rows)
    return folder


def reviews_in(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "reviews").glob("2*"))


@project_test
@on_posix
def test_a_review_that_is_killed_is_there_whole_or_not_at_all(
    home: Path, review_project: Path
) -> None:
    written = home / "reviews" / SECOND
    files = {path.name: path.read_bytes() for path in written.iterdir() if path.is_file()}
    shutil.rmtree(written)

    trials = kills(review_project, "snapshot", home, every=7)

    assert len(trials) > 10
    assert trials[-1]["code"] == 0, trials[-1]
    for trial in trials:
        code, printed = trial["check"]
        assert code == 0, printed
        assert "CHANGED" not in printed
        assert printed.count(": unchanged") == (2 if SECOND in printed else 1)
    assert reviews_in(home) == [FIRST, SECOND]
    again = {path.name: path.read_bytes() for path in written.iterdir() if path.is_file()}
    same = ("access-review.csv", "access-review.html")
    assert again.keys() == files.keys()
    assert all(again[name] == files[name] for name in same)
    assert not (home / "reviews" / ".new").exists()


@project_test
@on_posix
def test_decisions_that_are_killed_are_taken_over_once(home: Path, review_project: Path) -> None:
    folder = sign(home)

    trials = kills(review_project, "decisions", home)

    assert len(trials) > 5
    assert trials[-1]["code"] == 0
    assert [trial["check"][0] for trial in trials] == [0] * len(trials)
    assert [path.name for path in folder.glob("decided-*")] == ["decided-1.json"]
    seed = (home / "output" / "seeds" / "decisions.csv").read_text(encoding="utf-8")
    taken = json.loads((folder / "decided-1.json").read_text(encoding="utf-8"))["decisions"]
    assert seed.count(f'\n"{SECOND}",') == len(taken) > 50


@project_test
@on_posix
@pytest.mark.parametrize("name", ["page", "archive"])
def test_a_page_that_is_killed_is_the_old_one_or_the_new_one(
    name: str, home: Path, review_project: Path
) -> None:
    path = home / ("output/access-review.html" if name == "page" else "reviews/index.html")

    trials = kills(review_project, name, home)

    assert trials[-1]["code"] == 0
    assert [trial["check"][0] for trial in trials] == [0] * len(trials)
    assert "</html>" in path.read_text(encoding="utf-8")


@project_test
@on_posix
def test_mails_and_findings_that_are_killed_are_whole_or_not_there(
    home: Path, review_project: Path
) -> None:
    trials = kills(review_project, "outbox", home, every=4)
    trials += kills(review_project, "findings", home)
    reminded = step(review_project, "outbox", home)

    assert [trial["check"][0] for trial in trials] == [0] * len(trials)
    assert reminded.returncode == 0
    names = {path.stem for path in (home / "reviews" / SECOND / "lists").glob("*.csv")}
    folder = home / "outbox" / SECOND
    for mails in (folder, folder / "reminders"):
        assert {path.stem for path in mails.glob("*.eml")} == names
    for path in folder.rglob("*.eml"):
        assert path.read_bytes().rstrip().endswith(b"==--")
    assert not (home / "outbox" / ".new").exists()
    assert json.loads((home / "output" / "findings.json").read_text("utf-8"))["findings"]


@project_test
@on_posix
@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_no_file_with_personal_data_is_readable_by_everybody(
    umask: int, home: Path, review_project: Path
) -> None:
    sign(home)
    shutil.rmtree(home / "output" / "seeds")
    where = {"REVIEW_HOME": str(home), "WAREHOUSE": "duckdb"}
    for path in (home, home / "reviews", home / "output"):
        path.chmod(0o755)

    own = os.umask(umask)
    try:
        for name in ("page", "findings", "decisions", "outbox", "archive"):
            run_step(review_project, name, **where)
    finally:
        os.umask(own)

    modes = {
        str(path.relative_to(home)): path.stat().st_mode & 0o777
        for path in home.rglob("*")
        if path.is_file() and path.stem != "decisions" and path.parent != home / "seeds"
    }
    assert not [name for name, mode in modes.items() if mode & 0o007]
    assert modes["output/access-review.html"] == 0o640
    assert modes[f"reviews/{SECOND}/decided-1.json"] == 0o440


@project_test
@on_posix
def test_what_other_programs_write_in_a_run_is_not_for_everybody_either(reviewed: Path) -> None:
    files = [path for name in ("output", "reviews") for path in (reviewed / name).rglob("*")]

    open_ones = [path.name for path in files if path.stat().st_mode & 0o007]
    assert {"review.duckdb", "admins.jsonl", "employees.csv"} <= {path.name for path in files}
    assert set(open_ones) <= {"decisions.xlsx"}  # the reviewers' own


@project_test
def test_files_that_no_step_wrote_are_named(home: Path, review_project: Path) -> None:
    folder = home / "reviews" / SECOND
    names = [
        "decided-1 - Copy.json",
        "decided-1 (conflicted copy 2026-08-26).json",
        "decided-0.json",
        ".DS_Store",
        "access-review (1).xlsx",
        "Decisions.csv",
        "decisions (1).csv",
        "decisions.ods",
        "decisions.xlsm",
    ]
    for name in names:
        (folder / name).write_text("{}", encoding="utf-8")
    (home / "reviews" / "notes.txt").touch()
    shutil.copytree(home / "reviews" / FIRST, home / "reviews" / f"{FIRST} - Copy")

    verified = step(review_project, "verify", home)
    taken = step(review_project, "decisions", home)

    assert verified.returncode == taken.returncode == 1
    assert "Traceback" not in verified.stderr + taken.stderr
    for name in names:
        assert f"{name} was not written by any step" in verified.stdout
        assert name == ".DS_Store" or f"{folder / name} is not read" in taken.stderr
    assert f"{home / 'reviews' / 'notes.txt'}: CHANGED" in verified.stdout
    assert f"{FIRST} - Copy: CHANGED" in verified.stdout
    assert "Nothing was taken over" in taken.stderr


@project_test
def test_a_signed_list_beside_its_copies_is_taken_over_and_they_are_named(
    home: Path, review_project: Path
) -> None:
    folder = sign(home)
    shutil.copy(folder / "decisions.csv", folder / "decisions (1).csv")

    done = step(review_project, "decisions", home)

    assert done.returncode == 0
    assert "decisions (1).csv is not read" in done.stderr
    assert (folder / "decided-1.json").exists()


@project_test
def test_a_lost_history_ends_it_before_anything_is_read(home: Path, review_project: Path) -> None:
    (home / "output" / "review.duckdb").unlink()

    error = error_of(review_project, "load", home)

    assert f"The warehouse does not know the sync of {home / 'reviews' / FIRST}" in error
    assert "Bring it back from your backup" in error
    assert (home / "output" / "sync.json").exists()


@project_test
def test_a_sync_older_than_the_last_one_ends_before_anything_is_read(
    home: Path, review_project: Path
) -> None:
    done = finished_step(
        review_project,
        "load",
        MELTANO_ENVIRONMENT="demo",
        REVIEWED_AT=clock(NOW - 3600),
        REVIEW_HOME=str(home),
        WAREHOUSE="duckdb",
    )

    assert done.returncode == 1
    assert "the clock of this machine is wrong, or was wrong then" in done.stderr
    assert (home / "output" / "sync.json").exists()


@project_test
def test_before_the_first_sync_each_step_says_what_to_do(
    tmp_path: Path, review_project: Path
) -> None:
    for name in ("page", "snapshot", "findings", "decisions", "close", "archive"):
        assert "run 'meltano run access-sync' first" in error_of(review_project, name, tmp_path)


@project_test
def test_a_review_that_was_renamed_or_is_gone_ends_it(home: Path, review_project: Path) -> None:
    reviews = home / "reviews"
    (reviews / SECOND).rename(reviews / "2031-01-01")
    renamed = error_of(review_project, "decisions", home)
    (reviews / "2031-01-01").rename(reviews / SECOND)
    shutil.rmtree(reviews / FIRST)
    gone = error_of(review_project, "decisions", home)

    assert "2031-01-01 was renamed" in renamed
    assert f"{reviews / FIRST} is not there" in gone


@project_test
@pytest.mark.parametrize("environment", ["review", "postgres", ""])
def test_only_the_demo_pretends_a_time(environment: str, home: Path, review_project: Path) -> None:
    done = finished_step(
        review_project,
        "load",
        REVIEW_HOME=str(home),
        MELTANO_ENVIRONMENT=environment,
        REVIEWED_AT="2026-08-26 12:00:00",
    )

    assert done.returncode == 1
    assert "REVIEWED_AT pretends a time, which only the environment demo may do" in done.stderr


def bomb(path: Path, rows: str, size: int = 0) -> None:
    """Write a small spreadsheet that is large once it is read."""
    empty = io.BytesIO()
    openpyxl.Workbook().save(empty)
    with ZipFile(empty) as source, ZipFile(path, "w", ZIP_DEFLATED) as file:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                begin = b"<sheetData>"
                assert begin in content
                content = content.replace(begin, begin + rows.encode()) + b" " * size
            file.writestr(name, content)


@project_test
@pytest.mark.parametrize(
    ("rows", "size", "message"),
    [
        ("", 150_000_000, "bytes large once unpacked, more than 100,000,000"),
        ("<row><c><v>1</v></c></row>" * 100_000, 0, "it has more than"),
        ('<row r="999999999999"><c><v>1</v></c></row>', 0, "its columns are not those"),
    ],
    ids=["bytes", "rows", "gap"],
)
def test_a_spreadsheet_that_grows_when_it_is_read_is_refused(
    rows: str, size: int, message: str, home: Path, review_project: Path
) -> None:
    path = home / "reviews" / SECOND / "decisions.xlsx"
    bomb(path, rows, size)

    error = error_of(review_project, "decisions", home)

    assert path.stat().st_size < 1_000_000
    assert message in error


@project_test
def test_headers_that_stand_twice_are_named_in_the_order_of_the_list(
    home: Path, review_project: Path
) -> None:
    path = home / "reviews" / SECOND / "decisions.csv"
    path.write_text("row,row,person,person,colour,size\n", encoding="utf-8")

    error = error_of(review_project, "decisions", home)

    assert (
        "(lacking: email, job title, kind, access, level, since, last event, privileged, findings, "
        "reviewer, decision, reason, until, decided by, decided on; not known: colour, size; "
        "more than once: row, person)" in error
    )


@pytest.fixture(scope="module")
def tables() -> Iterator[ModuleType]:
    """The module that writes and reads the lists."""
    folder = str(ROOT / "examples" / "access-review" / "review")
    sys.path.insert(0, folder)
    yield import_module("tables")
    sys.path.remove(folder)


TEXTS = st.text(
    st.one_of(
        st.sampled_from("=+-@＝＋－＠;'\"\t\r\n \u00a0\u2028\u202e\x00\x0b_x0041ab,"),  # noqa: RUF001
        st.characters(),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=50)
@example(texts=[" =1+1", "a; =1", "'=1", '"=1', "' '=1", "_x0041_", "_x000D_", "a\x00", "\ud800"])
@example(
    texts=[
        "\u2060=1",
        "\u200d\u00ad\ufe0f+1",
        "a;\u202e=1",
        "\u207c1",
        "\u2a751",
        "\ufb291",
        "\u115f'=1",
    ]
)
@given(texts=st.lists(TEXTS, min_size=1, max_size=40))
def test_the_list_and_the_spreadsheet_decode_to_the_same_text(
    texts: list[str], tables: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("lists")
    rows = [
        dict.fromkeys(tables.COLUMNS, "") | {"row": f"{number}", "person": tables.plain(text)}
        for number, text in enumerate(texts)
    ]
    tables.write_csv(folder / "a.csv", rows)
    tables.write_spreadsheet(folder / "a.xlsx", rows)

    as_csv, as_sheet = tables.read(folder / "a.csv"), tables.read(folder / "a.xlsx")

    assert as_csv == as_sheet
    assert [row["person"] for _, row in as_csv] == [
        tables.decoded(tables.plain(text)) for text in texts
    ]
    with (folder / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            for delimiter in (";", None):
                for cell in row["person"].split(delimiter) if delimiter else [row["person"]]:
                    assert cell.strip(' "')[:1] not in {*"=+-@＝＋－＠"}, row  # noqa: RUF001


def test_what_a_list_hides_is_shown_however_it_came_back(tables: Any, tmp_path: Path) -> None:  # noqa: ANN401
    row = dict.fromkeys(tables.COLUMNS, "") | {"row": "1", "reason": "a\x00b\u202ec"}
    tables.write_csv(tmp_path / "a.csv", [row])  # as a reviewer's program might

    ((_, read),) = tables.read(tmp_path / "a.csv")

    assert read["reason"] == "a\u27e8U+0000\u27e9b\u27e8U+202E\u27e9c"


@given(text=TEXTS)
@example(text="a;\ufeff=1")
@settings(deadline=None)
def test_both_examples_defuse_in_the_same_way(text: str, tables: ModuleType) -> None:
    path = ROOT / "examples" / "governance-export" / "export" / "texts.py"
    spec = spec_from_file_location("governance_texts", path)
    assert spec is not None
    assert spec.loader is not None
    texts = module_from_spec(spec)
    spec.loader.exec_module(texts)

    assert tables.defuse(text) == texts.defuse(text)
    assert tables.defuse.__globals__["FORMULA"] == texts.FORMULA  # each example is copied alone


@pytest.mark.parametrize(
    "text",
    ["\u2060=1", "\u200d\u00ad\ufe0f+1", "\u202e=1", "\u207c1", "\u208a1", "\u2a751", "\ufb291"],
)
def test_a_formula_behind_what_nobody_sees_is_defused(text: str, tables: ModuleType) -> None:
    assert tables.defuse(text) == f"'{text}"
    assert tables.defuse(f"a;{text}") == f"a;'{text}"


def test_nothing_is_left_of_a_file_that_could_not_be_written(tables: Any, tmp_path: Path) -> None:  # noqa: ANN401
    path = tmp_path / "a.csv"
    path.write_text("old", encoding="utf-8")

    with pytest.raises(UnicodeEncodeError):
        tables.write_csv(path, [{"row": "\ud800"}])

    assert path.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) in (["a.csv"], [".a.csv.new", "a.csv"], ["a.csv", ".a.csv.new"])  # noqa: PTH208


def test_a_file_that_cannot_be_written_ends_it_with_a_sentence(tables: Any, tmp_path: Path) -> None:  # noqa: ANN401
    path = tmp_path / "not there" / "a.csv"

    with pytest.raises(SystemExit) as end:
        tables.write_csv(path, [])

    assert str(end.value) == f"{path} cannot be written: No such file or directory"
