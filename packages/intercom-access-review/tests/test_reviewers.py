"""Reviewers: their emails and chat messages, and reassigned rows."""

import json
import sys
import tarfile
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, cast

import pytest
from openpyxl import load_workbook

from archives import (
    ADA,
    BEN,
    NAME,
    SETTINGS,
    complete,
    first_row_only,
    imported,
    read_review,
    verify,
    write_review,
)
from intercom_access_review.archive import Archived
from intercom_access_review.emails import write_emails
from intercom_access_review.inputs import load_inputs
from intercom_access_review.project import INBOX, INPUTS, OUTBOX
from intercom_access_review.reassignments import reassign_rows
from intercom_access_review.state import State
from intercom_access_review.texts import reveal_hidden
from intercom_access_review.verify import load_archive
from intercom_access_review.warehouse import Warehouse
from intercom_access_review.worksheets import read_rows as read_worksheet
from projects import day, read_rows, write_rows
from tests.docs import BLOCK
from tests.tap import ROOT

CLEO = "cleo@example.com"


class Tables:
    """The tables that emails and reassignments read."""

    def query(self, sql: str) -> list[dict[str, Any]]:
        tables: dict[str, list[dict[str, Any]]] = {
            "select * from accounts": [{"email": ADA, "name": "Ada  L.", "position": 1}],
            "select * from own_addresses": [{"admin_id": "2", "email": CLEO}],
        }
        return tables[sql]


@pytest.fixture
def review(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archived:
    """A review with three rows for Ada and one for Ben."""
    monkeypatch.chdir(tmp_path)
    INPUTS.mkdir()
    for name, text in {
        "employees": f"email,name,left_on\n{ADA},Ada,\n{BEN},Ben Berg,\n",
        "reviewers": "kind,name,reviewer\n",
        "privileged_roles": "role\n",
    }.items():
        (INPUTS / f"{name}.csv").write_text(text, encoding="utf-8")
    return write_review()


def state_of(review: Archived) -> State:
    warehouse = cast("Warehouse", Tables())
    return State(review.record.sync, load_archive(SETTINGS), warehouse, SETTINGS)


def emails(review: Archived, link: str = "", **due: str) -> dict[str, EmailMessage]:
    """Write the emails, and return them by address. Due dates are given by kind of row."""
    state = state_of(review)
    for row in state.reviews[0].rows.values():
        row["due"] = due.get(row["kind"], row["due"])
    state.settings.worksheet_link = link
    write_emails(state, load_inputs())
    state.settings.worksheet_link = ""
    found = {}
    for path in OUTBOX.glob("*/*.eml"):
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        found[message["To"].addresses[0].addr_spec] = message
    return found


def text_of(message: EmailMessage) -> str:
    part = message.get_body()
    assert part is not None
    return " ".join(str(part.get_content()).split())


def attached(message: EmailMessage) -> tuple[str | None, bytes]:
    (part,) = message.iter_attachments()
    return part.get_filename(), cast("bytes", part.get_payload(decode=True))


def reassign(review: Archived, *lines: str) -> int:
    text = "\n".join(["row,from,to,by,reason,until", *lines])
    (INPUTS / "reassignments.csv").write_text(text, encoding="utf-8")
    return reassign_rows(state_of(review), load_inputs())


def test_a_refused_worksheet_returns_to_its_reviewer_with_its_problems(review: Archived) -> None:
    complete(ADA, lambda rows: rows[1].update(decision="maybe"), file="Ada's list.csv")
    complete(BEN)
    own = (INBOX / "Ada's list.csv").read_bytes()
    imported(review)

    for message in (emails(review)[ADA], emails(review)[ADA]):  # in the next night, too
        text = text_of(message)
        assert message["Subject"] == "Not imported: your worksheet for the access review of Corp"
        assert "Hello Ada L., the attached worksheet was not imported" in text
        assert "- line 3 (Cy, The role Manager): decision 'maybe' is unknown. Use approve" in text
        assert attached(message) == ("Ada's list.csv", own)
        assert "Correct these rows in the attached file, and reply with it. Your rows" in text
        assert "please review" not in text
    assert set(emails(review)) == {ADA}
    complete(ADA, file="corrected.csv")
    imported(review)
    text = text_of(emails(review)[ADA])
    assert "not imported, but all of your rows have decisions, or were reassigned." in text
    assert "count yet" not in text
    assert "- 0 rows" not in text
    (INBOX / "Ada's list.csv").unlink()
    assert emails(review) == {}
    assert list(OUTBOX.iterdir()) == []


def test_a_reviewer_who_has_left_gets_no_email(
    review: Archived, capsys: pytest.CaptureFixture[str]
) -> None:
    employees = f"email,name,left_on\n{ADA},Ada L.,{day(1)}\n{BEN},Ben Berg,{day(0)}\n"
    (INPUTS / "employees.csv").write_text(employees, encoding="utf-8")

    assert set(emails(review)) == {BEN}
    assert f"{ADA} has left. Reassign the open rows." in capsys.readouterr().err


def in_folder(review: Archived) -> None:
    assert review
    (INBOX / ADA).mkdir(parents=True)


def of_another_review(review: Archived) -> None:
    complete(ADA, lambda rows: [row.update(review="review of 2020-01-01") for row in rows])
    assert "it belongs to the review 2020-01-01" in imported(review)[1][0]


@pytest.mark.parametrize("refuse", [in_folder, of_another_review])
def test_what_is_not_a_worksheet_of_the_newest_review_is_not_returned(
    refuse: Callable[[Archived], None], review: Archived
) -> None:
    refuse(review)

    assert "please review who has access" in text_of(emails(review)[ADA])


def test_an_email_explains_the_due_date_if_there_is_one(review: Archived) -> None:
    text, text_due = (
        text_of(emails(review, team=due)[BEN]) for due in ("", f"decide by {day(-9)}")
    )

    assert text.startswith("Hello Ben Berg, please review who has access")
    assert f'enter approve, {BEN}, and the date in the last row ("I reviewed every row").' in text
    assert text.endswith("Don't change other cells. Reply with the file attached.")
    assert text_due == text.replace("- 1 row", f"- 1 row by {day(-9)}") + (
        " Decisions are on time until midnight UTC on the due date."
    )


def test_an_email_counts_the_rows_of_each_due_date(review: Archived) -> None:
    for due, subject, listed in (
        ({"role": 3, "workspace": 9}, f"3 rows, 1 of them by {day(-3)}", f"- 2 rows by {day(-9)}"),
        ({"workspace": 9}, f"3 rows, 2 of them by {day(-9)}", "- 1 row without a deadline"),
        ({"role": 9, "workspace": 9}, f"3 rows by {day(-9)}", f"- 3 rows by {day(-9)}"),
    ):
        message = emails(review, **{k: f"decide by {day(-days)}" for k, days in due.items()})[ADA]

        assert message["Subject"] == f"Access review of Corp: please decide {subject}"
        assert listed in text_of(message)


def test_the_reviewer_of_an_unreadable_file_is_found_by_its_name(review: Archived) -> None:
    INBOX.mkdir()
    (INBOX / f"{ADA} (1).csv").write_bytes("row;Jörg".encode("cp1252"))
    (INBOX / "unknown.ods").write_bytes(b"x")

    found = emails(review, link="https://files.example.com/{review}/{file}")

    assert json.loads((OUTBOX / "messages.json").read_bytes())[0]["link"] == f"inbox/{ADA} (1).csv"
    assert "It looks like Windows-1252 ('Jörg')" in text_of(found[ADA])
    assert attached(found[ADA]) == (f"{ADA} (1).csv", b"row;J\xf6rg")
    assert attached(found[BEN])[0] == f"{BEN}.xlsx"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse these file names")
@pytest.mark.parametrize("name", ["\udce4da.csv", f"{ADA}\n.csv"])
def test_every_file_name_can_be_printed_and_blocks_no_other_file(
    name: str, review: Archived, capsys: pytest.CaptureFixture[str]
) -> None:
    def mistaken(rows: list[dict[str, str]]) -> None:
        rows[0]["decision"] = "maybe"

    complete(BEN)
    complete(ADA, mistaken).rename(INBOX / name)

    number, (problem,) = imported(review)

    shown = reveal_hidden(name)
    assert number == 1
    assert problem.startswith(f"{INBOX / shown} was not imported:\n- ")
    assert ("its name is not valid UTF-8. Rename it." in problem) == (shown != name)
    message = emails(review)[ADA]
    assert attached(message)[0] == shown.replace("\n", " ")
    assert json.loads((OUTBOX / "messages.json").read_bytes())[0]["link"] == f"inbox/{shown}"
    reassign(review, f",{ADA},boss,{BEN},left,")
    complete("boss", mistaken, folder="reassignments/1/worksheets").rename(INBOX / name)
    assert emails(review) == {}
    assert f"Deliver {INBOX / shown} yourself." in capsys.readouterr().err


def test_the_outbox_has_one_message_per_person_for_a_chat(review: Archived) -> None:
    emails(review, link="https://files.example.com/{review}/{file}")

    lines = (OUTBOX / "messages.json").read_text(encoding="utf-8").splitlines()

    subject = "Access review of Corp: please decide"
    assert len(lines) == 4
    assert json.loads("".join(lines)) == [
        {
            "to": reviewer,
            "name": name,
            "text": f"{subject} {rows}",
            "link": f"https://files.example.com/{NAME}/{reviewer.replace('@', '%40')}.xlsx",
        }
        for reviewer, name, rows in ((ADA, "Ada  L.", "3 rows"), (BEN, "Ben Berg", "1 row"))
    ]
    emails(review)
    assert f"outbox/{NAME}/{BEN}.xlsx" in (OUTBOX / "messages.json").read_text("utf-8")


def test_all_rows_of_a_reviewer_who_leaves_are_reassigned(review: Archived) -> None:
    complete(ADA, first_row_only)
    imported(review)

    count = reassign(review, f",{ADA},{CLEO},{BEN},Ada left,", f",,{BEN},{BEN},no one,")

    again = read_review(review.folder)
    assert count == 2  # not the decided row, and not Cleo's own access
    assert {key: row["reviewer"] for key, row in again.rows.items()} == {
        "1/workspace": ADA,
        "1/role/7": CLEO,
        "2/workspace": ADA,
        "2/team/9": BEN,
        "2/seat": BEN,
    }
    assert verify()[0] == 0
    found = emails(review)
    assert set(found) == {ADA, BEN, CLEO}
    assert f"- including 1 row reassigned to you from {ADA}: Ada left" in text_of(found[CLEO])
    sheet = OUTBOX / NAME / f"{CLEO}.xlsx"
    assert attached(found[CLEO]) == (sheet.name, sheet.read_bytes())
    for path in (sheet, review.folder / "reassignments" / "1" / "worksheets" / sheet.name):
        assert [row["row"] for _, row in read_worksheet(path)] == [
            "1/role/7",
            f"attestation/{CLEO}",
        ]
    assert reassign(review, f",{ADA},{CLEO},{BEN},Ada left,") == 0
    complete(CLEO, folder="reassignments/1/worksheets")
    complete(BEN)  # the worksheet as it was before the reassignment
    number, (problem,) = imported(again)
    assert number == 1
    assert f"(the attestation): rows of {BEN} without a decision: 1. Decide all" in problem
    complete(BEN, folder="reassignments/1/worksheets")
    assert imported(again) == (1, [])
    assert again.undecided == 1


def put_back(message: EmailMessage) -> tuple[Any, dict[str, int]]:
    """Put the attached worksheet into the inbox; return its book and the numbers of its columns."""
    INBOX.mkdir(exist_ok=True)
    name, content = attached(message)
    path = INBOX / str(name)
    path.write_bytes(content)
    book = load_workbook(path)
    return book, {str(cell.value): cell.column for cell in book.worksheets[0][1]}


def fill_in_open_rows(reviewer: str, message: EmailMessage) -> set[str]:
    """Decide the rows without a decision in the attached worksheet, and return them."""
    book, columns = put_back(message)
    sheet, found = book.worksheets[0], set()
    for line in range(2, sheet.max_row + 1):
        if not sheet.cell(line, columns["decision"]).value:
            found.add(str(sheet.cell(line, columns["row"]).value))
            values = {"decision": "approve", "reason": "used", "decided by": reviewer}
            for column, value in (values | {"decided on": day(0)}).items():
                sheet.cell(line, columns[column], value)
    book.save(INBOX / f"{reviewer}.xlsx")
    return found


def check_worksheet_of_email(reviewer: str, decided: set[str], undecided: set[str]) -> None:
    """Return an attached worksheet, first unchanged, and then with decisions about open rows."""
    review = load_archive(SETTINGS)[0]
    message = emails(review)[reviewer]
    put_back(message)
    rows = {row["row"]: row for _, row in read_worksheet(INBOX / f"{reviewer}.xlsx")}
    attestation = f"attestation/{reviewer}"
    assert rows.keys() == decided | undecided | {attestation}
    assert {key for key, row in rows.items() if row["decision"]} == decided

    assert "it contains no new decision or attestation." in imported(review)[1][0]
    assert fill_in_open_rows(reviewer, message) == undecided | {attestation}
    before = len(review.imported)
    assert imported(review) == (1, [])
    assert {one.access_key for one in review.imported[before:]} == undecided
    assert [one["reviewer"] for one in review.attestations][-1] == reviewer
    assert reviewer not in emails(review)
    assert list(OUTBOX.glob(f"*/{reviewer}.*")) == []
    assert verify()[0] == 0


def test_the_worksheet_of_an_email_has_all_rows_and_the_imported_decisions(
    review: Archived,
) -> None:
    complete(ADA, lambda rows: rows[0].update(decision="revoke", reason="=left;-1"))
    imported(review)
    late = {"decision": "exception", "reason": "hands over", "until": str(day(-30))}
    complete(ADA, lambda rows: rows[0].update(late))  # a correction
    imported(review)
    reassign(review, f",,{ADA},{BEN},no one,", f"1/role/7,{ADA},{BEN},{BEN},knows Cy,")

    check_worksheet_of_email(ADA, {"1/workspace", "2/workspace"}, {"2/seat"})
    check_worksheet_of_email(BEN, {"1/role/7"}, {"2/team/9"})  # 1/role/7 as decided by Ada


def test_the_email_after_an_older_worksheet_has_the_reassigned_rows(review: Archived) -> None:
    reassign(review, f",{ADA},{BEN},{BEN},ill,")
    complete(BEN, lambda rows: rows.pop())
    assert imported(read_review(review.folder)) == (1, [])

    check_worksheet_of_email(BEN, {"2/team/9"}, {"1/workspace", "1/role/7", "2/workspace"})


def test_the_email_of_an_old_review_has_the_decisions_of_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with tarfile.open(Path(__file__).parent / "legacy.tar.xz") as files:
        files.extractall(filter="data")
    (path,) = Path("reviews").glob("*/decided-2.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["decisions"][-1]["decided_by"] == "tomas@example.com"
    record["decisions"][-1]["reason"] = "a\1\u200bb"  # earlier versions didn't reveal characters
    path.write_text(json.dumps(record), encoding="utf-8")
    (review,) = load_archive(SETTINGS)

    assert reassign(review, ",grace@example.com,tomas@example.com,aoife@example.com,ill,")

    undecided = {key for key in review.rows if key not in review.decisions}
    own = {key for key, one in review.decisions.items() if one.decided_by == "tomas@example.com"}
    check_worksheet_of_email("tomas@example.com", own, undecided)


def test_decisions_of_the_previous_reviewer_are_refused(review: Archived) -> None:
    reassign(review, f",{ADA},{BEN},{BEN},ill,")
    complete(ADA)
    before = read_rows(INBOX / f"{ADA}.csv")

    (problem,) = imported(read_review(review.folder))[1]

    assert f"to the workspace): 'decided by' is {ADA}, but the reviewer is {BEN}." in problem
    write_rows(INBOX / f"{ADA}.csv", [row | {"decided by": BEN} for row in before[:3]])
    complete(BEN, folder="reassignments/1/worksheets")
    assert imported(again := read_review(review.folder)) == (2, [])
    assert again.undecided == 1


def test_a_decided_row_is_reassigned_if_a_line_names_it(review: Archived) -> None:
    complete(ADA, lambda rows: rows[0].update(decision="revoke"))
    imported(review)
    reassign(review, f"1/workspace,{ADA},{BEN},{BEN},Ada left,")
    late = {"decision": "exception", "reason": "hands over", "until": str(day(-30))}

    complete(BEN, lambda rows: rows[0].update(late), folder="reassignments/1/worksheets")

    assert imported(again := read_review(review.folder)) == (1, [])
    assert again.decisions["1/workspace"].decided_by == BEN


@pytest.mark.parametrize("is_removed", [False, True])
def test_rows_return_when_a_reassignment_ends(
    review: Archived, monkeypatch: pytest.MonkeyPatch, *, is_removed: bool
) -> None:
    line = f",{BEN},{ADA},{BEN},holidays,{day(-3)}"
    assert reassign(review, line) == 1
    employees = f"email,name,left_on\n{BEN},Ben Berg,9999-12-31\n"  # Ben's contract has no end
    (INPUTS / "employees.csv").write_text(employees, encoding="utf-8")

    monkeypatch.setattr("intercom_access_review.reassignments.now", lambda: f"{day(-4)}T")
    monkeypatch.setattr("intercom_access_review.inputs.now", lambda: f"{day(-4)}T")
    if is_removed:
        (INPUTS / "reassignments.csv").unlink()

    assert reassign_rows(state_of(review), load_inputs()) == 1
    assert read_review(review.folder).rows["2/team/9"]["reviewer"] == BEN
    assert verify()[0] == 0


WRONG = {
    "circle": (f",{ADA},{BEN},x,y,\n,{BEN},{ADA},x,y,", "line 2: lines reassign rows in a circle"),
    "date": (f",{ADA},{BEN},x,y,soon", "line 2: until is 'soon'. Use a date such as 2026-08-15"),
    "reason": (f",{ADA},{BEN},x,,", "line 2: reason is empty"),
    "twice": (f",{ADA},{BEN},x,y,\n,{ADA},c@x,x,y,", "line 3: the same row and from is in line 2"),
    "left": (f",{ADA},gone@example.com,x,y,", "line 2: gone@example.com has left"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_invalid_reassignment_is_reported_with_its_line(case: str, review: Archived) -> None:
    lines, message = WRONG[case]
    left = f"email,name,left_on\ngone@example.com,x,{day(2)}\n"
    (INPUTS / "employees.csv").write_text(left, encoding="utf-8")

    with pytest.raises(Exception, match=message):
        reassign(review, lines)


def test_the_recipe_of_the_documentation_sends_the_messages(
    review: Archived, monkeypatch: pytest.MonkeyPatch
) -> None:
    emails(review)
    page = (ROOT / "docs" / "review-messages.md").read_text(encoding="utf-8")
    (recipe,) = [text for language, text in BLOCK.findall(page) if language == "python"]
    received: list[dict[str, str]] = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Chat) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("CHAT_WEBHOOK_URL", f"http://127.0.0.1:{server.server_port}/")
        exec(compile(recipe, "notify.py", "exec"), {})  # noqa: S102
        (OUTBOX / "messages.json").unlink()  # when all rows are decided
        exec(compile(recipe, "notify.py", "exec"), {})  # noqa: S102
        server.shutdown()

    assert [message["text"].partition(":")[0] for message in received] == [ADA, BEN]
    assert received[1]["text"].endswith(f"1 row outbox/{NAME}/{BEN}.xlsx")
