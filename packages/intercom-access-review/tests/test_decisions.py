"""Completed worksheets: valid ones are imported, others are refused with all their problems."""

from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

import openpyxl
import pytest

from archives import (
    ADA,
    BEN,
    NAME,
    complete,
    first_row_only,
    imported,
    read_review,
    verify,
    write_review,
)
from intercom_access_review.archive import Archived, archive_tables
from intercom_access_review.identity import hash_of
from intercom_access_review.project import INBOX, REVIEWS, iso, now, utc
from intercom_access_review.records import Reassignment, ReassignmentStep, Removals
from intercom_access_review.worksheets import DECIDED, file_name
from intercom_access_review.worksheets import read_rows as read_worksheet
from projects import day, read_rows, write_rows

pytestmark = pytest.mark.usefixtures("in_project")

Rows = list[dict[str, str]]


@pytest.fixture
def review() -> Archived:
    return write_review()


def decided(row: int, /, **values: str) -> Callable[[Rows], object]:
    return lambda rows: rows[row].update({name.replace("_", " "): v for name, v in values.items()})


def test_decisions_are_imported_with_the_worksheet_and_both_dates(review: Archived) -> None:
    complete(ADA, decided(1, decision="Remove", reason="=left the project"))

    number, problems = imported(review)

    again = read_review(review.folder)
    revoked = again.decisions["1/role/7"]
    assert (number, problems) == (1, [])
    assert (revoked.decision, revoked.reason) == ("revoke", "=left the project")
    assert (revoked.decided_on, revoked.due_on) == (str(day(9)), str(day(6)))  # privileged
    assert revoked.imported_at[:10] == str(day(0))
    assert again.undecided == 2
    assert (review.folder / "imports" / "1" / f"{ADA}.csv").is_file()
    assert again.attestations == [
        {"reviewer": ADA, "attested_on": str(day(9)), "file": f"{ADA}.csv"}
    ]
    assert list(INBOX.iterdir()) == []


def test_a_worksheet_is_recognized_by_its_rows_under_any_file_name(review: Archived) -> None:
    complete(ADA, file="list (1).csv")
    complete(BEN, file="Ben final.csv")

    assert imported(review) == (2, [])
    assert review.undecided == 1


def test_undecided_rows_may_follow_in_the_same_worksheet(review: Archived) -> None:
    complete(ADA, first_row_only)
    first = imported(review)
    complete(ADA)
    second = imported(review)

    assert (first, second) == ((1, []), (1, []))
    assert review.undecided == 2
    assert {path.name for path in (review.folder / "imports").iterdir()} == {"1", "2"}
    path = complete(ADA)
    text = "it contains no new decision or attestation. If that is right, delete the file."
    assert imported(review) == (0, [f"{path} was not imported:\n- {text}"])
    assert path.exists()
    assert not (review.folder / "imports" / "3").exists()


REFUSED: dict[str, tuple[Callable[[Rows], object], str]] = {
    "unknown decision": (decided(0, decision="maybe"), "decision 'maybe' is unknown. Use approve"),
    "another reviewer": (decided(0, decided_by=BEN), f"but the reviewer is {ADA}"),
    "no address": (decided(0, decided_by=""), "'decided by' is empty"),
    "no date": (decided(0, decided_on="soon"), "'soon' is not a valid date"),
    "ambiguous date": (
        lambda rows: [row.update({"decided on": "03/04/2026"}) for row in rows],
        "not imported:\n- dates with slashes are ambiguous. Use dates such as 2026-08-26. Rows: 4.",
    ),
    "before the review": (decided(0, decided_on=str(day(12))), "is before the review"),
    "future": (decided(0, decided_on=str(day(-2))), "is in the future"),
    "last date": (
        decided(0, decision="revoke", decided_on="9999-12-31"),
        "9999-12-31 is in the future",
    ),
    "no reason": (decided(0, decision="exception", until=str(day(-9))), "needs a reason"),
    "privileged without a reason": (
        decided(1, reason=""),
        "line 3 (Cy, The role Manager): this is privileged access. To approve it, enter a reason.",
    ),
    "no end": (
        decided(0, decision="exception", reason="x"),
        "line 2 (Cy, Access to the workspace): the end date is missing. Fill in 'until'.",
    ),
    "end before": (
        decided(0, decision="exception", reason="x", until=str(day(9))),
        "An exception ends on a date after",
    ),
    "end of an approval": (decided(0, until=str(day(-9))), "only an exception has an end"),
    "changed row": (decided(0, person="Someone else"), "person was changed"),
    "changed key": (decided(0, row="9/workspace"), "the row is not in the review"),
    "missing row": (
        lambda rows: rows.pop(0),
        f"rows of {ADA} without a decision: 1. Decide all of them, or leave this row empty.",
    ),
    "row twice": (lambda rows: rows.append(dict(rows[0])), "the row is in the worksheet twice"),
    "attested without decisions": (
        lambda rows: rows[0].update(decision=""),
        f"rows of {ADA} without a decision: 1. Decide all of them, or leave this row empty.",
    ),
    "attested by another": (
        decided(3, decided_by=BEN),
        f"line 5 (the attestation): 'decided by' is {BEN}, but the reviewer is {ADA}.",
    ),
    "attested by a stranger": (
        decided(3, row="attestation/eve@example.com", decided_by="eve@example.com"),
        "eve@example.com reviews no row of this review.",
    ),
    "attested without a date": (decided(3, decided_on="soon"), "'soon' is not a valid date"),
    "attested before the review": (decided(3, decided_on=str(day(12))), "is before the review"),
    "attested in the future": (decided(3, decided_on="2131-01-01"), "2131-01-01 is in the future"),
    "attested with revoke": (decided(3, decision="revoke"), "decision is 'revoke'. Enter approve"),
    "attested without approve": (decided(3, decision=""), "decision is ''. Enter approve"),
    "attested twice": (
        lambda rows: rows.append(dict(rows[3])),
        "the row is in the worksheet twice",
    ),
    "not decided": (decided(0, decision=""), "line 2 (Cy, Access to the workspace): it has no"),
    "nothing filled in": (
        lambda rows: [row.update(dict.fromkeys(DECIDED, "")) for row in rows],
        "it contains no new decision",
    ),
    "no review": (
        lambda rows: [row.pop("review") for row in rows],
        "the column review is missing or empty",
    ),
    "another review": (
        lambda rows: [row.update(review="review of 2020-01-01") for row in rows],
        "it belongs to the review 2020-01-01",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_worksheet_with_a_problem_is_refused_alone(case: str, review: Archived) -> None:
    change, message = REFUSED[case]
    path = complete(ADA, change)
    complete(BEN)

    number, problems = imported(review)

    assert number == 1
    assert message in problems[0]
    assert path.exists()
    assert set(review.decisions) == {"2/team/9"}


def test_case_and_invisible_characters_do_not_count_in_what_reviewers_enter(
    review: Archived,
) -> None:
    def from_a_chat(rows: Rows) -> None:
        for row in rows:
            row["decision"] = "\u200bApprove\u00a0"
            row["decided by"] = f"\u2060{ADA.upper()}\u200b"
            row["decided on"] = f"\u200e{day(9)}"

    complete(ADA, from_a_chat)

    assert imported(review) == (1, [])
    assert {(one.decision, one.decided_by) for one in review.decisions.values()} == {
        ("approve", ADA)
    }


def test_the_newest_attestation_of_each_reviewer_counts(review: Archived) -> None:
    for ago in (7, 6, 8):
        rows = read_rows(path := complete(ADA, decided(0, decision="revoke", reason=f"{ago}")))
        write_rows(path, [*rows[:3], rows[3] | {"decided on": str(day(ago))}])
        assert imported(review) == (1, [])

    assert [one["attested_on"] for one in review.attestations] == [str(day(6))]


def test_an_attestation_does_not_cover_rows_that_the_reviewer_gets_later(review: Archived) -> None:
    complete(ADA)
    assert imported(review) == (1, [])
    assert review.attestations != []
    one = Reassignment(access_key="2/seat", sender="", receiver=ADA, by=BEN, reason="new", until="")

    review.add(ReassignmentStep(reassigned_at=now(), reassignments=[one]))

    assert review.attestations == []


def test_a_revocation_after_a_verified_removal_is_a_new_one(review: Archived) -> None:
    for reason in ("left", "left again"):
        complete(ADA, decided(0, decision="revoke", reason=reason))
        assert imported(review) == (1, [])
        assert review.open_decisions["1/workspace"].reason == "left"
    at = iso(utc(review.open_decisions["1/workspace"].imported_at))
    removal = {"access_key": "1/workspace", "imported_at": at}
    review.add(Removals(sync=review.record.sync, removals=[removal]))

    complete(ADA, decided(0, decision="revoke", reason="given again"))

    assert imported(review) == (1, [])
    assert review.open_decisions["1/workspace"].reason == "given again"


def test_every_problem_is_listed_and_many_are_counted(review: Archived) -> None:
    path = complete(ADA, lambda rows: rows[0].update(decision="no"))
    rows = read_rows(path)
    write_rows(path, [dict(rows[0], row=f"{n}/seat") for n in range(30)])

    (problem,) = imported(review)[1]

    assert problem.count("\n- ") == 21
    assert "and 13 more" in problem or "more" in problem


def test_rows_without_a_reviewer_cannot_be_decided(review: Archived) -> None:
    rows = read_rows(REVIEWS / NAME / "worksheets" / "all.csv")
    rows[4] |= {"decision": "approve", "decided by": ADA, "decided on": str(day(9))}
    INBOX.mkdir()
    write_rows(INBOX / "all.csv", rows)

    (problem,) = imported(review)[1]

    assert "the row has no reviewer" in problem


def test_decisions_after_the_reviewers_last_day_are_refused(review: Archived) -> None:
    complete(ADA)

    (problem,) = imported(review, left={ADA: str(day(10))})[1]

    assert f"{ADA} left on {day(10)}, before the decision" in problem


def test_worksheets_that_disagree_are_both_refused(review: Archived) -> None:
    complete(ADA)
    complete(ADA, decided(0, decision="revoke"), file="again.csv")

    number, problems = imported(review)

    assert number == 0
    assert "disagree on row '1/workspace'. Neither was imported." in problems[0]


def test_a_decision_is_changed_with_a_reason_and_both_are_kept(review: Archived) -> None:
    complete(ADA, decided(0, decision="revoke"))
    imported(review)
    complete(ADA, decided(0, decision="approve"))
    without_reason = imported(review)
    late = {"decision": "exception", "reason": "hands over", "until": str(day(-30))}
    complete(ADA, decided(0, **late))

    with_reason = imported(review)

    assert "it changes 'revoke'. Give a new reason" in without_reason[1][0]
    assert with_reason == (1, [])
    again = read_review(review.folder)
    assert again.decisions["1/workspace"].decision == "exception"
    rows = [r for r in archive_tables([again])["decisions"] if r["access_key"] == "1/workspace"]
    assert [(row["decision"], row["until"]) for row in rows] == [
        ("revoke", None),
        ("exception", str(day(-30))),
    ]


def saved(path: Path, change: Callable[[Any], object]) -> Path:
    """Complete a spreadsheet with a change to its first sheet."""
    source = REVIEWS / NAME / "worksheets" / f"{ADA}.xlsx"
    book = openpyxl.load_workbook(source)
    sheet = book.worksheets[0]
    columns = {cell.value: cell.column for cell in sheet[1]}
    for line in range(2, 5):
        sheet.cell(line, columns["decision"], "approve")
        sheet.cell(line, columns["reason"], "used each day")
        sheet.cell(line, columns["reason"], "used each day")
        sheet.cell(line, columns["decided by"], ADA.upper())
        sheet.cell(line, columns["decided on"], day(9))
    change(sheet)
    INBOX.mkdir(exist_ok=True)
    book.save(path)
    return path


def test_spreadsheets_with_real_dates_and_empty_rows_are_read(review: Archived) -> None:
    path = saved(INBOX / "x.XLSX", lambda sheet: sheet.cell(1_048_576, 90, None))

    assert imported(review) == (1, [])
    assert not path.exists()
    assert {decision.decided_on for decision in review.decisions.values()} == {str(day(9))}


def test_dates_in_the_time_zone_of_the_reviewer_are_valid_and_stored_in_one_form(
    review: Archived,
) -> None:
    def elsewhere(rows: Rows) -> None:
        for row, on in zip(rows, (day(11), day(-1), day(9), day(9)), strict=True):
            row["decided on"] = f"{on:%d.%m.%Y}"

    complete(ADA, elsewhere)

    assert imported(review) == (1, [])
    days = [decision.decided_on for decision in review.decisions.values()]
    assert days == [str(day(11)), str(day(-1)), str(day(9))]
    assert review.attestations[0]["attested_on"] == str(day(9))


WRONG_FILES: dict[str, tuple[str, bytes, str]] = {
    "name": ("list.ods", b"", "only .xlsx, .csv, and .txt files are read"),
    "spreadsheet": ("x.xlsx", b"PK", "it is not a spreadsheet"),
    "columns": ("x.csv", b"a,b\n1,2\n", "the columns row, reviewer, decision"),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_other_files_are_refused_alone(case: str, review: Archived) -> None:
    name, content, message = WRONG_FILES[case]
    complete(BEN)
    (INBOX / name).write_bytes(content)

    number, problems = imported(review)

    assert (number, len(problems)) == (1, 1)
    assert message in problems[0]


def test_a_file_without_permission_is_refused_alone(
    review: Archived, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, read_bytes = complete(ADA).name, Path.read_bytes

    def refuse(path: Path) -> bytes:
        """Refuse one file. Root can read every file, so its mode has no effect."""
        if path.name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)

    assert "Permission denied" in imported(review)[1][0]


def test_files_of_operating_systems_and_editors_are_ignored(review: Archived) -> None:
    complete(ADA)
    for name in (".DS_Store", "~$x.xlsx", ".~lock.x.csv#", "Thumbs.db", "x.csv~"):
        (INBOX / name).touch()

    assert imported(review) == (1, [])


def test_an_import_is_verified_on_a_system_that_sorts_paths_in_another_order(
    review: Archived, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete(ADA, file="b.csv")
    complete(BEN, file="C.csv")
    digest = hash_of(INBOX)
    with monkeypatch.context() as windows:
        windows.setattr(
            PurePath, "__lt__", lambda one, other: str(one).lower() < str(other).lower()
        )

        assert hash_of(INBOX) == digest
        assert imported(review) == (2, [])

    assert verify()[0] == 0


def test_a_symbolic_link_is_refused(review: Archived, tmp_path: Path) -> None:
    path = complete(ADA)
    (INBOX / "link.csv").symlink_to(path.rename(tmp_path / "elsewhere.csv"))

    assert "only .xlsx, .csv, and .txt files" in imported(review)[1][0]


def test_both_forms_of_a_worksheet_have_the_same_text_and_no_formula(review: Archived) -> None:
    folder = review.folder / "worksheets"
    csv_rows = read_rows(folder / "all.csv")
    sheet = openpyxl.load_workbook(folder / "all.xlsx").worksheets[0]

    assert read_worksheet(folder / "all.csv") == read_worksheet(folder / "all.xlsx")
    assert csv_rows[2]["person"] == "'=Dee"
    assert sheet.cell(4, 2).value == "=Dee"
    assert {cell.data_type for line in sheet.iter_rows() for cell in line} == {"s", "n"}
    (choice,) = sheet.data_validations.dataValidation
    assert (choice.type, choice.formula1) == ("list", '"approve,revoke,exception"')


def test_every_address_has_a_safe_file_name_of_its_own() -> None:
    addresses = ["a@b.c", "A@B.C", "../x@y", "con", "all", "nul.txt", "ä@b.c", "a/b", "x" * 300]

    names = [file_name(address) for address in addresses]

    assert names[0] == names[1] == "a@b.c"
    assert len(set(names)) == len(addresses) - 1
    for name in names[2:]:
        assert name.startswith("_")
        assert not set(name) & set("/\\")
        assert len(name) < 100
