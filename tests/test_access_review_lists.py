"""The example project: a list for each reviewer, which comes back alone; mails; settings."""

from __future__ import annotations

import json
import os
import shutil
import socketserver
import subprocess
import sys
from email import message_from_bytes
from email.policy import default
from hashlib import sha256
from importlib import import_module
from threading import Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from tests.docs import block
from tests.reviews import day, read_list, write_list
from tests.tap import POSIX, ROOT, environment
from tests.test_access_review_files import bomb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage
    from pathlib import Path

ADA, BEN, ODD = "ada@corp.example", "ben@corp.example", "jörg/../x@corp.example"
REVIEWED = day(10)
DEADLINES = {"remove_within_days": 14, "privileged_remove_within_days": 3}
STEPS = ("decisions", "findings", "folders", "lists", "outbox", "settings", "tables", "verify")

Rows = list[dict[str, str]]
Review = Any  # the class of the project


@pytest.fixture(scope="module")
def steps() -> Iterator[SimpleNamespace]:
    """The modules of the project, in this process."""
    folder = str(ROOT / "examples" / "access-review" / "review")
    sys.path.insert(0, folder)
    umask = os.umask(0o022)
    yield SimpleNamespace(**{name: import_module(name) for name in STEPS})
    os.umask(umask)
    sys.path.remove(folder)


def listed(number: int, kind: str, reviewer: str, **more: str) -> dict[str, str]:
    key = f"{number}/{kind}" + ("/7" if kind in {"role", "team"} else "")
    row = {"row": key, "person": f"Person {number}", "kind": kind, "access": kind}
    return row | {"reviewer": reviewer, "review": f"review of {REVIEWED}"} | more


LISTING = [
    listed(1, "workspace", ADA, privileged="yes", due=f"decide by {day(3)}"),
    listed(1, "role", ADA),
    listed(2, "team", ADA, person="=1+1;-2", findings="a;@b"),
    listed(1, "team", BEN),
    listed(3, "seat", BEN),
    listed(4, "seat", ODD),
    listed(5, "seat", ""),
]


def review_in(folder: Path, steps: SimpleNamespace) -> Review:
    """A review of a few rows, as the snapshot leaves it."""
    folder.mkdir()
    for write, end in ((steps.tables.write_csv, "csv"), (steps.tables.write_spreadsheet, "xlsx")):
        write(folder / f"access-review.{end}", LISTING)
    steps.lists.write_lists(folder, LISTING)
    files = [path for path in folder.rglob("*") if path.is_file()]
    evidence = {
        "as_of": f"{REVIEWED}T12:00:00+00:00",
        "written_at": f"{REVIEWED}T12:00:00+00:00",
        "earlier_reviews": {},
        "lists": {key: {"row_count": 5} for key in ("admins", "teams", "team_memberships")},
        "token_owner": {},
        "workspace": {"workspace_id": "w", "name": "Evil\r\nBcc: mallory@example.com " + "ü" * 300},
        "rows_to_decide": len(LISTING),
        "deadlines": DEADLINES,
        "files": {
            path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
            for path in files
        },
    }
    (folder / "evidence.json").write_text(json.dumps(evidence), encoding="utf-8")
    return steps.folders.Review(folder)


@pytest.fixture
def review(tmp_path: Path, steps: SimpleNamespace) -> Review:
    return review_in(tmp_path / str(REVIEWED), steps)


def decided(rows: Rows, decision: str = "keep", only: int | None = None) -> Rows:
    for row in rows[:only]:
        row |= {"decision": decision, "decided by": row["reviewer"], "decided on": str(day(9))}
    return rows


def signed(review: Review, reviewer: str, rows: Rows | None = None) -> Path:
    """The list of a reviewer, as it comes back."""
    if rows is None:
        rows = decided(read_list(review.folder / "lists" / f"{reviewer}.csv"))
    path: Path = review.folder / "signed" / f"{reviewer}.csv"
    write_list(path, rows)
    return path


def own_rows(review: Review, reviewer: str) -> Rows:
    return read_list(review.folder / "lists" / f"{reviewer}.csv")


def by_key(review: Review) -> dict[str, str]:
    return {row["access_key"]: row["decision"] for row in review.decisions}


def test_each_reviewer_has_a_list_with_their_rows_only(
    review: Review, steps: SimpleNamespace
) -> None:
    lists = steps.lists.lists_of(review)

    assert {name: [row["row"] for row in rows] for name, rows in lists.items()} == {
        ADA: ["1/workspace", "1/role/7", "2/team/7"],
        BEN: ["1/team/7", "3/seat"],
        steps.lists.file_name(ODD): ["4/seat"],
    }
    assert review.strays() == []
    for name in lists:
        sheet = openpyxl.load_workbook(review.folder / "lists" / f"{name}.xlsx").worksheets[0]
        assert [cell.value for cell in sheet[1]] == [*steps.tables.LIST]


ADDRESSES = [
    "../../etc/passwd",
    "/etc/passwd",
    "a/b@corp.example",
    "a_b@corp.example",
    "a\\b@corp.example",
    "a\x00b@corp.example",
    "a b@corp.example",
    "-rf@corp.example",
    ".hidden@corp.example",
    "con.x@corp.example",
    "jörg@corp.example",
    "jo\u0308rg@corp.example",
    "j_rg@corp.example",
    "x" * 100 + "@corp.example",
    "x" * 300 + "1@corp.example",
    "x" * 300 + "2@corp.example",
    "..",
    "",
]


def test_every_address_has_a_safe_file_name_of_its_own(steps: SimpleNamespace) -> None:
    file_name = steps.lists.file_name
    hashed = file_name(ADDRESSES[0])

    names = [file_name(address) for address in (*ADDRESSES, hashed)]

    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert name.isascii()
        assert len(f".{name}.xlsx.new") < 255
        assert not set(name) & set('/\\:*?"<>| \x00')
        assert name[0] not in "-."
    assert file_name("con.x@corp.example").startswith("_con.x@corp.example-")
    assert file_name("Ada+x@Corp.example") == "ada+x@corp.example"


REFUSED: dict[str, tuple[Callable[[Rows, Review], Any], str]] = {
    "no such decision": (
        lambda rows, _: rows[1].update(decision="maybe"),
        "line 3 (Person 1, role): decision is 'maybe'",
    ),
    "by somebody else": (
        lambda rows, _: rows[0].update({"decided by": BEN}),
        f"line 2 (Person 1, workspace): was decided by {BEN}, but {ADA} is assigned",
    ),
    "before the review": (
        lambda rows, _: rows[0].update({"decided on": str(day(11))}),
        "not a day since the review",
    ),
    "a row less": (lambda rows, _: rows.pop(1), "row '1/role/7' (Person 1, role) is missing"),
    "a row of another list": (
        lambda rows, review: rows.append(own_rows(review, BEN)[0]),
        "line 5 (Person 1, team): row '1/team/7' is not in the snapshot",
    ),
    "a row twice": (
        lambda rows, _: rows.append(dict(rows[0])),
        "line 5 (Person 1, workspace): is there twice, first in line 2",
    ),
    "another person": (
        lambda rows, _: rows[2].update(person="Somebody"),
        "line 4 (Somebody, team): differs from the snapshot in: person",
    ),
    "another due day": (
        lambda rows, _: rows[0].update(due=f"decide by {day(-300)}"),
        "differs from the snapshot in: due",
    ),
    "no due day": (
        lambda rows, _: rows[0].update({"privileged": "", "due": ""}),
        "differs from the snapshot in: privileged, due",
    ),
    "another reviewer in one row": (
        lambda rows, _: rows[0].update(reviewer=BEN),
        "differs from the snapshot in: reviewer",
    ),
    "the list of another reviewer": (
        lambda rows, review: rows.__setitem__(slice(None), decided(own_rows(review, BEN))),
        f"it is the list of {BEN}, not {ADA}",
    ),
    "a list of an earlier review": (
        lambda rows, _: [row.update(review=f"review of {day(100)}") for row in rows],
        f"it belongs to review of {day(100)}, not review of {REVIEWED}",
    ),
    "a column less": (
        lambda rows, _: [row.pop("due") for row in rows],
        "its columns are not those of the list (lacking: due; not known: none)",
    ),
    "the whole list": (
        lambda rows, review: rows.__setitem__(
            slice(None), read_list(review.folder / "access-review.csv")
        ),
        "lacking: role, teams, last decision, review, due; not known: none",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_list_with_anything_wrong_is_refused_alone(
    case: str,
    review: Review,
    steps: SimpleNamespace,
) -> None:
    spoil, message = REFUSED[case]
    rows = decided(own_rows(review, ADA))
    spoil(rows, review)
    path = signed(review, ADA, rows)
    signed(review, BEN)

    taken, refused = steps.decisions.take_over_all(review, {})

    assert taken == 1
    assert len(refused) == 1
    assert str(path) in refused[0]
    assert "nothing is taken over" in refused[0]
    assert message in refused[0]
    assert by_key(review) == {"1/team/7": "keep", "3/seat": "keep"}
    assert steps.verify.problems_of_signed(review) == []


WRONG_FILES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "not in UTF-8": (lambda path: path.write_bytes(b"row\xfc"), "it is not in UTF-8"),
    "empty": (lambda path: path.write_bytes(b""), "its columns are not those of the list"),
    "NUL": (lambda path: path.write_bytes(b"\x00" * 9), "its columns are not those of the list"),
    "a spreadsheet with the name of a CSV file": (
        lambda path: shutil.copy(path.parents[1] / "lists" / f"{ADA}.xlsx", path),
        "it is not in UTF-8",
    ),
    "no spreadsheet": (
        lambda path: path.with_suffix(".xlsx").write_bytes(b"PK"),
        "it is no spreadsheet (.xlsx)",
    ),
    "a bomb of bytes": (
        lambda path: bomb(path.with_suffix(".xlsx"), "", 150_000_000),
        "bytes large once unpacked, more than 100,000,000",
    ),
    "a bomb of rows": (
        lambda path: bomb(path.with_suffix(".xlsx"), "<row><c><v>1</v></c></row>" * 20_000),
        "it has more than",
    ),
    "two versions": (
        lambda path: [
            shutil.copy(path.parents[1] / "lists" / f"{ADA}{end}", path.with_suffix(end))
            for end in (".csv", ".xlsx")
        ],
        f"holds {ADA}.csv and {ADA}.xlsx: keep one of them",
    ),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_a_file_that_is_no_list_is_refused_alone(
    case: str,
    review: Review,
    steps: SimpleNamespace,
) -> None:
    spoil, message = WRONG_FILES[case]
    spoil(review.folder / "signed" / f"{ADA}.csv")
    signed(review, BEN)

    taken, refused = steps.decisions.take_over_all(review, {})

    assert (taken, len(refused)) == (1, 1)
    assert str(review.folder / "signed") in refused[0]
    assert message in refused[0]
    assert by_key(review).keys() == {"1/team/7", "3/seat"}


def test_a_list_that_may_not_be_read_is_refused_alone(
    review: Review, steps: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read = signed(review, ADA), steps.folders.sha256
    signed(review, BEN)

    def sha256_of(other: Path) -> str:
        if other == path:
            raise PermissionError(13, "Permission denied")
        return str(read(other))

    monkeypatch.setattr(steps.decisions, "sha256", sha256_of)

    assert steps.decisions.take_over_all(review, {}) == (
        1,
        [f"{path} cannot be read: Permission denied"],
    )
    assert by_key(review).keys() == {"1/team/7", "3/seat"}


def test_nobody_decides_after_their_last_day(review: Review, steps: SimpleNamespace) -> None:
    path = signed(review, ADA)
    signed(review, BEN)
    left = {ADA: str(day(10)), BEN: str(day(9))}

    taken, refused = steps.decisions.take_over_all(review, left)

    assert (taken, len(refused)) == (1, 1)
    assert f"{path}: nothing is taken over: {ADA} left on {day(10)} by employees.csv" in refused[0]
    assert by_key(review).keys() == {"1/team/7", "3/seat"}
    assert steps.decisions.take_over_all(review, {ADA: str(day(8)), BEN: str(day(10))}) == (1, [])
    assert len(review.decisions) == 5


def test_a_list_that_a_program_saved_with_empty_rows_to_the_last_one_is_read(
    review: Review, steps: SimpleNamespace, tmp_path: Path
) -> None:
    plain = tmp_path / "list.xlsx"
    rows = decided(own_rows(review, ADA))
    steps.tables.write_spreadsheet(plain, [*rows[:1], {}, *rows[1:]], steps.tables.LIST)
    end, last = b"</sheetData>", b'<row r="1048576" customFormat="false" ht="12.8"/>'
    with ZipFile(plain) as source, ZipFile(review.folder / f"signed/{ADA}.xlsx", "w") as file:
        for name in source.namelist():
            file.writestr(name, source.read(name).replace(end, last + end))

    assert steps.decisions.take_over_all(review, {}) == (1, [])
    assert len(review.decisions) == 3


def test_files_under_another_name_are_no_lists(review: Review, steps: SimpleNamespace) -> None:
    names = [
        f"{ADA}.ods",
        f"{ADA}.xlsm",
        f"{ADA} (1).csv",
        f"{ADA}.CSV",
        f"{ADA.upper()}.csv",
        f"~${ADA}.xlsx",
        "mallory@corp.example.csv",
        "decisions.csv",
        f"old/{ADA}.csv",
    ]
    (review.folder / "signed" / "old").mkdir()
    for name in names:
        (review.folder / "signed" / name).write_text("x", encoding="utf-8")
    (review.folder / "signed" / f"{BEN}.csv").symlink_to(review.folder / "lists" / f"{BEN}.csv")

    strays = review.strays()

    assert set(strays) == {f"signed/{name}" for name in [*names, f"{BEN}.csv"]}
    assert steps.decisions.take_over_all(review, {}) == (0, [])
    assert review.decisions == []


def test_the_decisions_are_made_of_the_lists_as_they_come_back(
    review: Review,
    steps: SimpleNamespace,
) -> None:
    odd = steps.lists.file_name(ODD)
    signed(review, BEN)
    signed(review, odd, decided(own_rows(review, odd), "remove"))
    both = steps.decisions.take_over_all(review, {})
    signed(review, ADA, decided(own_rows(review, ADA), "remove", only=2))
    part = steps.decisions.take_over_all(review, {})
    again = steps.decisions.take_over_all(review, {})
    rest = decided(decided(own_rows(review, ADA)), "remove", only=2)
    signed(review, ADA, rest).unlink()
    steps.tables.write_spreadsheet(
        review.folder / "signed" / f"{ADA}.xlsx",
        [{name: steps.tables.decoded(text) for name, text in row.items()} for row in rest],
        steps.tables.LIST,
    )
    whole = steps.decisions.take_over_all(review, {})

    assert [both, part, again, whole] == [(2, []), (1, []), (0, []), (1, [])]
    assert by_key(review) == {
        "1/team/7": "keep",
        "3/seat": "keep",
        "4/seat": "remove",
        "1/workspace": "remove",
        "1/role/7": "remove",
        "2/team/7": "keep",
    }
    assert set(review.taken_lists) == {
        f"signed/{BEN}.csv",
        f"signed/{odd}.csv",
        f"signed/{ADA}.xlsx",
    }
    assert [path.name for path in review.taken_over] == [f"decided-{n}.json" for n in range(1, 5)]
    assert review.undecided == 1
    assert steps.verify.problems_of_signed(review) == []
    assert steps.verify.problems_of_records(review, []) == []


def test_a_removal_is_due_by_the_deadlines_of_its_review(
    review: Review,
    steps: SimpleNamespace,
) -> None:
    signed(review, ADA, decided(own_rows(review, ADA), "remove"))
    signed(review, BEN)
    steps.decisions.take_over_all(review, {})

    due = {row["access_key"]: row["remove_by"] for row in review.decisions}

    assert due == {
        "1/workspace": str(day(6)),  # privileged
        "1/role/7": str(day(-5)),
        "2/team/7": str(day(-5)),
        "1/team/7": None,
        "3/seat": None,
    }


def whole(review: Review, *, decision: str) -> Path:
    """The list of all rows, in which one of Ben's is decided."""
    rows = read_list(review.folder / "access-review.csv")
    decided([row for row in rows if row["row"] == "3/seat"], decision)
    path: Path = review.folder / "decisions.csv"
    write_list(path, rows)
    return path


@pytest.mark.parametrize("decision", ["keep", "remove"])
def test_the_whole_list_may_come_back_beside_the_others_if_they_agree(
    decision: str,
    review: Review,
    steps: SimpleNamespace,
) -> None:
    all_rows = whole(review, decision=decision)
    own = signed(review, BEN)

    taken, refused = steps.decisions.take_over_all(review, {})

    if decision == "keep":
        assert (taken, refused) == (2, [])
        assert by_key(review) == {"3/seat": "keep", "1/team/7": "keep"}
        assert set(review.taken_lists) == {"decisions.csv", f"signed/{BEN}.csv"}
    else:
        assert taken == 0
        (problem,) = refused
        assert f"{all_rows} and {own} disagree on row '3/seat' (Person 3, seat)" in problem
        assert review.decisions == []
    assert review.taken_over == [] or steps.verify.problems_of_signed(review) == []


def test_what_was_taken_over_is_not_decided_otherwise_by_another_list(
    review: Review,
    steps: SimpleNamespace,
) -> None:
    whole(review, decision="remove")
    first = steps.decisions.take_over_all(review, {})
    signed(review, BEN)
    second = steps.decisions.take_over_all(review, {})
    signed(review, BEN, decided(own_rows(review, BEN), only=1))
    third = steps.decisions.take_over_all(review, {})
    signed(review, BEN, [*decided(own_rows(review, BEN), only=1)[:1], own_rows(review, BEN)[1]])

    assert first == (1, [])
    assert second[0] == 0
    assert "was taken over as 'remove' from decisions, and differs from that" in second[1][0]
    assert third == (1, [])
    assert by_key(review) == {"3/seat": "remove", "1/team/7": "keep"}


TAMPERED: dict[str, tuple[Callable[[Review], Any], str]] = {
    "an earlier list": (
        lambda review: (review.folder / "signed" / f"{BEN}.csv").write_text("x", encoding="utf-8"),
        f"signed/{BEN}.csv is not what was taken over on",
    ),
    "an earlier list is gone": (
        lambda review: (review.folder / "signed" / f"{BEN}.csv").unlink(),
        f"signed/{BEN}.csv is not what was taken over on",
    ),
    "a decision": (
        lambda review: edit(review, '"decision": "keep"', '"decision": "remove"'),
        f"decided-2.json does not say what signed/{ADA}.csv says; decided-2.json does not say",
    ),
    "a due day": (
        lambda review: edit(review, str(day(6)), str(day(-300))),
        f"decided-2.json does not say what signed/{ADA}.csv says",
    ),
    "a decision less": (
        lambda review: rewrite(review, lambda record: record["decisions"].pop()),
        f"decided-2.json does not say what signed/{BEN}.csv says",
    ),
    "a list that nobody signs": (
        lambda review: rewrite(
            review,
            lambda record: record["lists"].update(
                {"access-review.csv": review.evidence["files"]["access-review.csv"]}
            ),
        ),
        "access-review.csv is not what was taken over on",
    ),
    "another list": (
        lambda review: edit(review, f'"signed/{ADA}.csv": ', '"/etc/hostname": '),
        "/etc/hostname is not what was taken over on",
    ),
    "the list of a decision": (
        lambda review: edit(review, f'"list": "signed/{BEN}"', '"list": "signed/nobody"'),
        "decided-2.json says more than the signed lists",
    ),
}


def rewrite(review: Review, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the last record of decisions."""
    path = review.taken_over[-1]
    path.chmod(0o600)
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")


def edit(review: Review, old: str, new: str) -> None:
    path = review.taken_over[-1]
    path.chmod(0o600)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("case", TAMPERED)
def test_whatever_does_not_agree_with_the_signed_lists_is_detected(
    case: str,
    review: Review,
    steps: SimpleNamespace,
) -> None:
    rows = decided(own_rows(review, ADA))
    signed(review, ADA, [decided(rows[:1], "remove")[0], *rows[1:]])
    signed(review, BEN)
    steps.decisions.take_over_all(review, {})
    spoil, message = TAMPERED[case]

    spoil(review)

    assert message in "; ".join(steps.verify.problems_of_signed(review))


def test_a_record_of_an_older_version_is_verified_and_the_rest_may_follow(
    review: Review, steps: SimpleNamespace
) -> None:
    path = whole(review, decision="keep")
    keys = "access_key admin_id kind thing thing_id decision reason until decided_by decided_on"
    decision = dict(
        zip(keys.split(), ["3/seat", "3", "seat", "seat", "", "keep", "", ""], strict=False)
    )
    decision |= {"decided_by": BEN, "decided_on": str(day(9))}
    record = {
        "taken_over_at": f"{day(9)}T00:00:00+00:00",
        "file": path.name,
        "sha256": sha256(path.read_bytes()).hexdigest(),
        "decisions": [decision],
    }
    (review.folder / "decided-1.json").write_text(json.dumps(record), encoding="utf-8")
    before = steps.verify.problems_of_signed(review)
    again = steps.decisions.take_over_all(review, {})
    rows = read_list(path)
    decided([row for row in rows if row["reviewer"] == BEN])
    write_list(path, rows)
    more = steps.decisions.take_over_all(review, {})
    signed(review, ADA)
    own = steps.decisions.take_over_all(review, {})

    assert (before, again, more, own) == ([], (0, []), (1, []), (1, []))
    assert len(review.decisions) == 5
    assert steps.verify.problems_of_signed(review) == []
    assert steps.verify.problems_of_records(review, []) == []


SETTINGS: dict[str, tuple[str, str]] = {
    "no section": ("decide_within_days: 3\n", "File contains no section headers"),
    "another section": (
        "[mail]\nmail_from: a@b.c\n",
        "all settings stand below one line with [review]",
    ),
    "a default": ("[DEFAULT]\na: b\n[review]\n", "all settings stand below one line with [review]"),
    "twice": (
        "[review]\ndecide_within_days: 3\ndecide_within_days: 5\n",
        "option 'decide_within_days' in section 'review' already exists",
    ),
    "unknown": ("[review]\ndecide_in_days: 3\n", "decide_in_days is no setting; there are: "),
    "no number": (
        "[review]\nremove_within_days: soon\n",
        "remove_within_days is 'soon', not a number",
    ),
    "a fraction": ("[review]\nremove_within_days: 1.5\n", "is '1.5', not a number of days"),
    "negative": (
        "[review]\nremove_within_days: -1\n",
        "is '-1', not a number of days from 0 to 3650",
    ),
    "too many": ("[review]\nremove_within_days: 3651\n", "is '3651', not a number of days"),
    "other digits": ("[review]\nremove_within_days: ٣\n", "is '٣', not a number of days"),
    "an alert that is none": (
        "[review]\nfail_on: leaver, everything\n",
        "fail_on names everything; there are: leaver, overdue, privileged, and the names",
    ),
    "no address": (
        "[review]\nmail_from: Ada <ada@b.c>\n",
        "mail_from is 'Ada <ada@b.c>', not an address",
    ),
    "two addresses": ("[review]\nmail_from: a@b.c, d@e.f\n", "not an address"),
    "not in UTF-8": ("[review]\nfail_on: \udcfc\n", "cannot be read"),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_with_anything_wrong_are_refused(
    case: str,
    tmp_path: Path,
    steps: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, message = SETTINGS[case]
    path = tmp_path / "settings.ini"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    monkeypatch.setattr(steps.settings, "PATH", path)

    with pytest.raises(SystemExit) as end:
        steps.settings.check(set(steps.findings.FINDINGS))

    assert str(path) in str(end.value)
    assert message in str(end.value)


def test_what_is_not_set_has_no_deadline_and_privileged_access_the_general_one(
    tmp_path: Path,
    steps: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "settings.ini"
    monkeypatch.setattr(steps.settings, "PATH", path)
    lacking = steps.settings.deadlines()
    path.write_text(
        "[review]\ndecide_within_days: 0\nfail_on = Overdue, no_team\n", encoding="utf-8"
    )

    days = steps.settings.deadlines()

    assert lacking == {}
    assert days == {"decide_within_days": 0, "privileged_decide_within_days": 0}
    assert steps.settings.due(REVIEWED, days, "decide", is_privileged=True) == str(REVIEWED)
    assert steps.settings.due(REVIEWED, days, "remove", is_privileged=False) == ""
    assert steps.settings.alerts(set(steps.findings.FINDINGS)) == {
        "removal_overdue",
        "leaver_overdue",
        "decision_overdue",
        "no_team",
    }


def finding(key: str, kind: str = "no_team") -> dict[str, Any]:
    return {
        "finding_key": key,
        "finding": kind,
        "admin_id": "1",
        "label": "A\u202eda",
        "email": "a@b.c",
        "detail": "is in\nno team",
    }


def test_findings_remember_when_they_were_seen_first_and_say_where_that_is_lost(
    tmp_path: Path,
    steps: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "findings.json"
    monkeypatch.setattr(steps.findings, "PATH", path)

    def run(as_of: str, *keys: str, workspace_id: str = "w") -> tuple[dict[str, Any], str]:
        record = steps.findings.record_of(
            [finding(key) for key in keys], {"as_of": as_of, "is_pretended": False}, workspace_id
        )
        path.write_text(json.dumps(record), encoding="utf-8")
        seen = {row["key"]: (row["first_seen"], row["is_new"]) for row in record["findings"]}
        assert record["findings"][0]["sentence"] == "A⟨U+202E⟩da (a@b.c): is in no team"
        return {**record, "findings": seen}, capsys.readouterr().err

    first, first_message = run("t1", "a", "b")
    second, second_message = run("t2", "b", "c")
    third, _ = run("t3", "a", "b")
    other, other_message = run("t4", "a", workspace_id="v")
    path.write_text('{"findings": [{"key": "a"}]}', encoding="utf-8")
    broken, broken_message = run("t5", "a")

    assert first["findings"] == {"a": ("t1", True), "b": ("t1", True)}
    assert (first["compared_with"], first["first_seen_since"]) == (None, "t1")
    assert "every finding counts as new" in first_message
    assert second["findings"] == {"b": ("t1", False), "c": ("t2", True)}
    assert (second["compared_with"], second["first_seen_since"]) == ("t1", "t1")
    assert second_message == ""
    assert third["findings"] == {"a": ("t3", True), "b": ("t1", False)}
    assert other["first_seen_since"] == "t4"
    assert "is of another workspace" in other_message
    assert broken["findings"] == {"a": ("t5", True)}
    assert broken["first_seen_since"] == "t5"
    assert "is broken" in broken_message


class Mailbox(socketserver.ThreadingTCPServer):
    """A mail server on loopback that keeps what it gets: from whom, to whom, and what."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), MailHandler)
        self.mails: list[tuple[str, list[str], bytes]] = []


class MailHandler(socketserver.StreamRequestHandler):
    server: Mailbox

    @override
    def handle(self) -> None:
        sender = ""
        receivers: list[str] = []
        self.wfile.write(b"220 mailbox\r\n")
        for line in self.rfile:
            command = line.decode("ascii").strip()
            answer = "250 ok"
            if command.upper().startswith("MAIL FROM:"):
                sender, receivers = command[10:].split()[0], []
            elif command.upper().startswith("RCPT TO:"):
                receivers.append(command[8:].split()[0])
            elif command.upper() == "DATA":
                self.wfile.write(b"354 go on\r\n")
                content = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append((sender, receivers, content))
            elif command.upper() == "QUIT":
                answer = "221 bye"
            self.wfile.write(f"{answer}\r\n".encode())


def text_of(message: EmailMessage) -> str:
    body = message.get_body()
    assert body is not None
    return str(body.get_content())


def mails_in(review: Review, steps: SimpleNamespace, folder: Path, **names: str) -> None:
    """Write the mails to Ada and Ben."""
    lists = steps.lists.lists_of(review)
    mails = {
        name: steps.outbox.mail(
            review, name, names.get(name[:3], ""), lists[name], str(day(2)), is_reminder=False
        )
        for name in (ADA, BEN)
    }
    steps.outbox.write_mails(folder, mails)


@pytest.mark.skipif(not POSIX, reason="a line for a shell")
def test_the_documented_line_sends_every_mail_with_its_list(
    review: Review, steps: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "settings.ini"
    path.write_text("[review]\nmail_from: reviews@corp.example\n", encoding="utf-8")
    monkeypatch.setattr(steps.settings, "PATH", path)
    mails_in(review, steps, tmp_path / "outbox", ada="陈伟\r\nBcc: mallory@x.example " + "ü" * 300)
    command = block("## Lists, mails, reminders", "bash")

    with Mailbox() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        command = command.replace("mail.example.com", f"127.0.0.1:{server.server_address[1]}")
        command = command.replace("outbox/2026-08-26", str(tmp_path / "outbox"))
        subprocess.run(["sh", "-ec", command], check=True, env=environment())
        server.shutdown()

    assert [(sender, to) for sender, to, _ in server.mails] == [
        ("<reviews@corp.example>", [f"<{ADA}>"]),
        ("<reviews@corp.example>", [f"<{BEN}>"]),
    ]
    for (*_, content), name in zip(server.mails, (ADA, BEN), strict=True):
        assert content.isascii()
        message = message_from_bytes(content, policy=default)
        assert message["Bcc"] is None
        (attachment,) = message.iter_attachments()
        assert attachment.get_filename() == f"{name}.xlsx"
        sent = (review.folder / "lists" / f"{name}.xlsx").read_bytes()
        assert attachment.get_payload(decode=True) == sent
        text = text_of(message)
        assert f"- decided by: {name}" in text
        assert "Evil Bcc: mallory@example.com" in text
    ada = message_from_bytes(server.mails[0][2], policy=default)
    assert ada["To"].addresses[0].display_name.startswith("陈伟 Bcc: mallory@x.example")
    assert "please decide 3 rows until" in ada["Subject"]
    text = text_of(ada)
    assert f"- 2 rows\r\n- 1 row until {day(3)} (overdue)" in text


@given(name=st.text(st.one_of(st.sampled_from('\r\n\0\\",;:<>@()=?_ .\u202e'), st.characters())))
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_name_adds_to_a_header_or_ends_it(
    name: str, review: Review, steps: SimpleNamespace
) -> None:
    rows = [listed(1, "seat", ADA) | {"due": ""}]

    mail = steps.outbox.mail(review, ADA, name, rows, str(day(0)), is_reminder=False)
    content = mail.as_bytes()

    message = message_from_bytes(content, policy=default)
    assert content.isascii()
    assert message.keys() == ["To", "Date", "Subject", "MIME-Version", "Content-Type"]
    assert [address.addr_spec for address in message["To"].addresses] == [ADA]
    assert message["Subject"].endswith("please decide 1 row")
    assert message.defects == []


@pytest.mark.parametrize(
    "address", [ODD, "ada", "a@b.c, d@e.f", "a..b@c.d", "Ada <a@b.c>", "a b@c.d"]
)
def test_who_has_no_address_gets_no_mail_and_is_named(
    address: str, review: Review, steps: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [listed(1, "seat", address) | {"due": ""}]

    mail = steps.outbox.mail(review, ADA, "", rows, str(day(0)), is_reminder=False)

    assert mail is None
    assert f"No mail to {address}, which is no address: hand out" in capsys.readouterr().err


def test_a_reminder_holds_the_list_as_it_came_back(
    review: Review, steps: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    path = signed(review, ADA, decided(own_rows(review, ADA), only=1))
    steps.decisions.take_over_all(review, {})
    rows = steps.lists.lists_of(review)[ADA][1:]

    mail = steps.outbox.mail(review, ADA, "Ada", rows, str(day(0)), is_reminder=True)
    path.write_text("edited", encoding="utf-8")
    changed = steps.outbox.mail(review, ADA, "Ada", rows, str(day(0)), is_reminder=True)

    assert mail["Subject"].startswith("Reminder: access review of Evil Bcc: mallory@example.com")
    assert mail["Subject"].endswith("please decide 2 rows")
    (attachment,) = mail.iter_attachments()
    assert attachment.get_filename() == f"{ADA}.csv"
    assert b"keep" in attachment.get_payload(decode=True)
    assert "From" not in mail
    assert changed is None
    assert f"No mail to {ADA}: their list in signed/ is not what" in capsys.readouterr().err
