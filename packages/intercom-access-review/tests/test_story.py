"""A review by twelve reviewers, from the emails to the completion report and an audit."""

import csv
import io
import json
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from openpyxl import load_workbook

from projects import NOW, Project, clock, day, own_database, read_rows
from tap_intercom_access.sandbox.models import DAY, Admin, Team
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.sandbox.workspace import Workspace

pytestmark = [pytest.mark.targets, pytest.mark.slow]

ROLES = {"1": "Manager", "2": "Agent"}
REVIEWERS = [f"lead{n:02}@corp.example" for n in range(1, 13)]
LEFT, AWAY, DELEGATE = REVIEWERS[10], REVIEWERS[11], "delegate@corp.example"
REVIEW = str(day(20))
Rows = list[dict[str, str]]


def company() -> Workspace:
    """Twelve teams, each with a lead and three members."""
    leads = [Admin(n, f"Lead {n}", address, role="1") for n, address in enumerate(REVIEWERS, 1)]
    members = [Admin(n, f"Member {n}", f"m{n}@corp.example", role="2") for n in range(101, 137)]
    members += [Admin(200, "Dele Gate", DELEGATE, role="2")]
    teams = [
        Team(500 + n, f"Team {n}", [member.id for member in members[3 * n - 3 : 3 * n]])
        for n in range(1, 13)
    ]
    return Workspace([*leads, *members], teams, roles=dict(ROLES))


def write_inputs(folder: Path) -> None:
    people = [("Person", "E-Mail", "Name", "Left On", "Manager", "Cost center")]
    people += [("", address, "Lead", "", REVIEWERS[0], "7") for address in REVIEWERS[1:]]
    people += [("", REVIEWERS[0], "Lead", "", REVIEWERS[1], "7"), ("", "", "Intern", "", "", "")]
    people += [
        (*("", f"m{n}@corp.example", "Member"), "", REVIEWERS[(n - 101) // 3], "8")
        for n in range(101, 137)
    ]
    people.append(("", DELEGATE, "Dele Gate", f"{day(-300):%d.%m.%Y}", REVIEWERS[0], ""))
    lines = io.StringIO(newline="")
    csv.writer(lines, delimiter="\t").writerows(people)
    texts = {
        "reviewers": "sep=;\nKind;Name;Reviewer\n"
        + "".join(f"team;Team {n};{address}\n" for n, address in enumerate(REVIEWERS, 1)),
        "privileged_roles": "ROLE\nManager\n",
        "reassignments": "row,from,to,by,reason,until\n"
        f",{AWAY},{DELEGATE},{REVIEWERS[0]},parental leave,{day(-30)}\n",
    }
    for name, text in texts.items():
        (folder / "inputs" / f"{name}.csv").write_text(text, encoding="utf-8")
    (folder / "inputs" / "employees.csv").write_text(lines.getvalue(), encoding="utf-16")


def decided(rows: Rows, reviewer: str, form: str = "%Y-%m-%d", **changes: str) -> Rows:
    """Decide rows. Changes are decisions by row, such as m101_seat="revoke: left"."""
    wanted = {key[1:].replace("_", "/"): value for key, value in changes.items()}
    for row in rows:
        row |= {"decided by": reviewer, "decided on": format(day(19), form), "decision": "approve"}
        if not row["row"].startswith("attestation/"):
            text = wanted.get(row["row"], "approve: each day" if row["privileged"] else "approve")
            row["decision"], _, row["reason"] = text.partition(": ")
    return rows


def returned(
    project: Project, reviewer: str, name: str, encoding: str, delimiter: str, **how: str
) -> None:
    """Put a completed worksheet into the inbox, in the form of a spreadsheet program."""
    source = project.folder / "reviews" / REVIEW / how.pop("folder", "worksheets")
    rows = decided(read_rows(source / f"{reviewer}.csv"), reviewer, **how)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    head = "sep=;\r\n" if name.startswith("sep") else ""
    (project.folder / "inbox").mkdir(exist_ok=True)
    (project.folder / "inbox" / name).write_bytes((head + text.getvalue()).encode(encoding))


def returned_book(
    project: Project, reviewer: str, name: str, change: Callable[..., object] = bool
) -> None:
    """Put a completed spreadsheet with real dates into the inbox."""
    book = load_workbook(project.folder / "reviews" / REVIEW / "worksheets" / f"{reviewer}.xlsx")
    sheet = book.worksheets[0]
    columns = {cell.value: cell.column for cell in sheet[1]}
    for line in range(2, sheet.max_row + 1):
        values = {"decision": "approve", "reason": "each day"}
        for column, value in (values | {"decided by": reviewer, "decided on": day(19)}).items():
            sheet.cell(line, columns[column], value or None)
    change(book)
    book.save(project.folder / "inbox" / name)


def hide_a_copy_before(book: object) -> None:
    copy = book.copy_worksheet(book.worksheets[0])  # type: ignore[attr-defined]
    copy.sheet_state = "hidden"
    book.move_sheet(copy, -9)  # type: ignore[attr-defined]


def mails(project: Project) -> dict[str, str]:
    """Return the subjects of the emails, by address."""
    found = {}
    for path in (project.folder / "outbox" / REVIEW).glob("*.eml"):
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        found[message["To"].addresses[0].addr_spec] = str(message["Subject"])
    return found


def return_all(project: Project) -> str:
    """Return eleven worksheets, four of them with problems, and import the others."""
    leads = REVIEWERS
    returned(project, leads[0], "list (1).TXT", "utf-16", "\t", form="%d.%m.%Y")
    returned(project, leads[1], "sep final.csv", "utf-8", ";", x104_seat="revoke: shares one")
    returned(project, leads[2], "x.csv", "utf-8-sig", ",", x107_workspace="revoke: has left")
    returned(project, leads[3], "y.csv", "utf-16-le", ";", x110_seat="revoke: unused")
    returned_book(project, leads[4], "z.XLSX")
    returned_book(project, leads[5], "hidden.xlsx", hide_a_copy_before)
    returned(project, leads[6], "slashes.csv", "utf-8", ",", form="%m/%d/%Y")
    returned(project, leads[7], f"{leads[7]}.csv", "utf-8", ",", x122_workspace="maybe")
    path = project.folder / "inbox" / f"{leads[8]}.csv"
    path.write_bytes("row;decision\n1/seat;Straße".encode("cp1252"))
    returned_book(
        project,
        leads[9],
        f"{leads[9]} (2).xlsx",
        lambda book: book.copy_worksheet(book.worksheets[0]),
    )
    returned(project, DELEGATE, "delegate.csv", "utf-8", ",")
    return project.error("import-decisions")


def play(project: Project) -> None:
    workspace = company()
    write_inputs(project.folder)

    def read(command: str, days_ago: int) -> str:
        with Sandbox(workspace) as sandbox:
            return project.sync(sandbox, command, REVIEWED_AT=clock(NOW - days_ago * DAY))

    read("review", 20)
    limitations = project.review(REVIEW)["scope_limitations"]
    assert "Employees without an email address in employees.csv: 1." in limitations
    assert set(mails(project)) == {*REVIEWERS, DELEGATE} - {AWAY}
    error = return_all(project)
    for problem in (
        "dates with slashes are ambiguous. Use dates such as 2026-08-26. Rows: 13",
        "decision 'maybe' is unknown",
        "It looks like Windows-1252 ('Straße')",
        "2 sheets have rows. Remove or hide the other ones",
    ):
        assert problem in error
    subjects = mails(project)
    assert {name for name, text in subjects.items() if "Not imported" in text} == {*REVIEWERS[6:10]}
    messages = json.loads((project.folder / "outbox" / "messages.json").read_text("utf-8"))
    assert [message["to"] for message in messages] == sorted(subjects)
    for path in (project.folder / "inbox").iterdir():
        path.unlink()
    for number in range(6, 10):
        returned(project, REVIEWERS[number], f"again {number}.csv", "utf-8", ",")
    employees = project.folder / "inputs" / "employees.csv"
    text = employees.read_text(encoding="utf-16")
    before, after = f"\t{LEFT}\tLead\t\t", f"\t{LEFT}\tLead\t{day(18)}\t"
    employees.write_text(text.replace(before, after), encoding="utf-16")
    with (project.folder / "inputs" / "reassignments.csv").open("a", encoding="utf-8") as file:
        file.write(f",{LEFT},{REVIEWERS[0]},{REVIEWERS[1]},has left,\n")
    project.run("import-decisions")
    project.run("reassign")
    folder = "reassignments/1/worksheets"
    returned(project, REVIEWERS[0], "for LEFT.csv", "utf-8", ",", folder=folder)
    project.run("import-decisions")
    returned(project, REVIEWERS[3], "changed.csv", "utf-8", ",", x110_seat="approve: needed again")
    project.run("import-decisions")
    workspace.leave(107)
    workspace.admins.append(Admin(301, "Member 107", "m107@corp.example", role="2"))  # a re-hire
    next(admin for admin in workspace.admins if admin.id == 104).seat = False
    read("sync", 5)
    assert "107/workspace (Member 107" in project.error("complete")
    changes = {"x107_workspace": "revoke: the new account is not the same access"}
    returned(project, REVIEWERS[2], "resolved.csv", "utf-8", ",", **changes)
    project.run("import-decisions")
    read("sync", 0)
    assert "Completed reviews: 1" in project.run("complete")


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"])
def test_twelve_people_review_and_an_auditor_reproduces_it(
    warehouse: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    uri = (
        own_database(request.getfixturevalue("database"), "story")
        if warehouse == "postgres"
        else None
    )
    project = Project(tmp_path / "project", postgres=uri).init()

    play(project)

    folder = project.folder / "reviews" / REVIEW
    report = json.loads((folder / "completion" / "completion.json").read_text(encoding="utf-8"))
    assert {row["access_key"]: row["outcome"] for row in report["revocations"]} == {
        "104/seat": "removed",
        "107/workspace": "removed",
    }
    assert {(row["sender"], row["receiver"]) for row in report["reassignments"]} == {
        (LEFT, REVIEWERS[0])
    }
    by = {row["reviewer"] for row in report["quality"]["reviewers"]}
    assert by == {*REVIEWERS[:10], DELEGATE}
    assert report["quality"]["pairs"] == [REVIEWERS[:2]]
    assert {row["reviewer"] for row in report["attestations"]} >= {*REVIEWERS[:4], DELEGATE}
    html = (folder / "completion" / "completion.html").read_text(encoding="utf-8")
    assert html.count(f"{REVIEWERS[3]} on {day(19)}") == 1  # imported twice
    assert "integrity check FAILED" not in project.run("verify")
    assert "The review was reproduced" in project.run("reproduce", f"reviews/{REVIEW}")
