"""The example project, and a story that it reviews twice, a quarter apart."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import time
from copy import deepcopy
from datetime import date, datetime, timedelta, timezone
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb
import openpyxl

from tap_intercom_access.sandbox.demo import advance_quarter, demo
from tap_intercom_access.sandbox.history import event
from tap_intercom_access.sandbox.models import DAY, Admin
from tap_intercom_access.sandbox.server import Sandbox
from tests.meltano import output_of
from tests.tap import BIN, ROOT, environment

if TYPE_CHECKING:
    from pathlib import Path

    from tap_intercom_access.sandbox.workspace import Workspace

SCRIPT = "<script>alert('Dana')</script>"
FORMULA = '=HYPERLINK("http://evil.example")'
REASON = "=1+1 <b>until the contract ends</b>"
BACK = 91 * DAY
CRASH = str(ROOT / "tests" / "crash.py")
NOW = int(time.time())

ROLE_HOLDERS = {
    1021: "Al",
    1022: "Alice Smith",
    1023: "Al Smith",
    1024: "Sam Lee",
    1025: "Sam Lee",
    1026: "Ann",
    1027: "Ann de Vries",
    1028: "Bob",
    1029: "Cara Hill",
    1030: "Dan Ito",
    1031: "Eve Jung",
}
"""Teammates whose role changes in the quarter, by id."""

ROLE_EVENTS = [  # who did it by the log, and what its sentence says
    (1022, "Alice Smith changed the role of Al"),
    (1001, "Aoife Ní Bhriain changed the role of Al Smith"),
    (1001, "Aoife Ní Bhriain changed the role of Sam Lee"),
    (1001, "Aoife Ní Bhriain changed the role of Sam Lee (sam.lee.2@example.com)"),
    (1001, "Aoife Ní Bhriain changed the role of Ann de Vries"),
    (1001, "Aoife Ní Bhriain changed the role of Bob Miller"),
    (1001, "Aoife Ní Bhriain changed the role of Joe Bob"),
    (1001, "Aoife Ní Bhriain changed the role of Cara Hill to Support lead"),
    (1002, "Tomás Herrera changed the role of Cara Hill to Support agent"),
    (1030, "Dan Ito changed the role of Dan Ito"),
]

EMPLOYEES = ["aoife", "tomas", "chen.wei", "zoe", "ibrahim", "priya", "olena", "marcus", "grace"]


def utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=timezone.utc)


def day(days_ago: int) -> date:
    return (utc(NOW) - timedelta(days=days_ago)).date()


def clock(seconds: int) -> str:
    return f"{utc(seconds):%Y-%m-%d %H:%M:%S}"


FIRST, SECOND = str(day(91)), str(day(0))


def before() -> Workspace:
    """The workspace of the first review: the demo, with people whose names are traps."""
    workspace = demo(NOW - BACK)
    admins = {admin.id: admin for admin in workspace.admins}
    admins[1012].name = SCRIPT
    admins[1008].name = FORMULA
    workspace.teams[2].name = "Billing <b>& more</b>"
    workspace.teams[3].members.append(4711)  # nobody knows who that is
    workspace.admins += [
        Admin(id_, name, f"{name.lower().replace(' ', '.')}.{id_ % 2 + 1}@example.com", role="3")
        for id_, name in ROLE_HOLDERS.items()
    ]
    workspace.admins.append(Admin(1032, "Gone Quietly", "gone@example.com", role="3"))
    eve = "Aoife Ní Bhriain changed the role of Eve Jung"
    workspace.history.append(event(NOW - BACK - DAY, "role_change", admins[1001], eve))
    return workspace


@cache
def story() -> tuple[Workspace, Workspace]:
    """The workspace at the first review, and what became of it until the second one."""
    workspace = before()
    later = deepcopy(workspace)
    a_quarter_later(later)
    return workspace, later


def a_quarter_later(workspace: Workspace) -> None:
    advance_quarter(workspace, NOW - BACK)
    workspace.leave(1032)
    admins = {admin.id: admin for admin in workspace.admins}
    for id_ in ROLE_HOLDERS:
        admins[id_].role = "2"
    workspace.history += [
        event(NOW - 30 * DAY + n, "role_change", admins[by], sentence)
        for n, (by, sentence) in enumerate(ROLE_EVENTS)
    ]
    lead = admins[1002]
    for team in ("Support", "Night shift"):
        workspace.history.append(
            event(
                NOW - 20 * DAY,
                "app_team_membership_modification",
                lead,
                f"Tomás Herrera changed the teams of 陈伟: not in {team} any more",
            )
        )


def write_seeds(home: Path) -> None:
    """What the company knows."""
    left = {"aoife": -10, "ibrahim": 12, "marcus": 5}
    (home / "seeds").mkdir(parents=True, exist_ok=True)
    rows = [
        f"{name}@example.com,{name},{day(left[name]) if name in left else ''}\n"
        for name in EMPLOYEES
    ]
    (home / "seeds" / "employees.csv").write_text(
        "email,name,left_on\n" + "".join(rows) + f"GONE@example.com,Gone,{day(50)}\n",
        encoding="utf-8",
    )
    (home / "seeds" / "reviewers.csv").write_text(
        "kind,name,reviewer\ndefault,,tomas@example.com\nrole,Workspace admin,grace@example.com\n"
        "team,Support,Priya@example.com \nteam,Night shift,zoe@example.com\n",
        encoding="utf-8",
    )
    (home / "seeds" / "privileged_roles.csv").write_text(
        "role\nWorkspace admin\nSupport lead\n", encoding="utf-8"
    )


def run(project: Path, sandbox: Sandbox | None, env: str, job: str, **variables: str) -> str:
    """Result a job of the project."""
    variables |= {} if sandbox is None else sandbox.settings
    variables |= {
        "MELTANO_RUN_FULL_REFRESH": "true",  # the clock jumps: a bookmark would be at today
        "TAP_INTERCOM_ACCESS_START_DATE": str(day(180)),
    }
    return output_of(project, f"--environment={env}", "run", job, **variables)


def decide(folder: Path) -> None:
    """Play the reviewers: they fill in the spreadsheet, but not every row."""
    book = openpyxl.load_workbook(folder / "access-review.xlsx")
    sheet = book.worksheets[0]
    columns = {cell.value: cell.column - 1 for cell in sheet[1]}
    decisions: dict[tuple[str, str], dict[str, Any]] = {
        ("1006", "seat"): {"decision": "remove"},
        ("1004", "role"): {"decision": "remove"},
        ("1012", "workspace"): {"decision": "Remove", "reason": "=not needed"},
        ("1032", "workspace"): {"decision": "remove"},
        ("1007", "workspace"): {
            "decision": "exception",
            "reason": REASON,
            "until": utc(NOW - 40 * DAY).replace(tzinfo=None),
        },
    }
    for row in sheet.iter_rows(min_row=2):
        key, kind = row[columns["row"]].value, row[columns["kind"]].value
        reviewer = row[columns["reviewer"]].value
        if reviewer is None or key.startswith("1011/"):
            continue
        values = decisions.get((key.split("/")[0], kind), {"decision": "keep"})
        values |= {"decided by": reviewer.upper(), "decided on": str(day(90))}
        for name, value in values.items():
            cell = row[columns[name]]
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"  # as a cell that is formatted as text takes it
    book.save(folder / "decisions.xlsx")


def play(project: Path, env: str, home: Path) -> None:
    """Two reviews of the story, with decisions in between."""
    first, second = story()
    write_seeds(home)
    with Sandbox(first) as sandbox:
        run(project, sandbox, env, "access-review", REVIEWED_AT=clock(NOW - BACK))
    decide(home / "reviews" / FIRST)
    run(project, None, env, "review-decisions")
    with Sandbox(second) as sandbox:
        run(project, sandbox, env, "access-review", REVIEWED_AT=clock(NOW))


def run_step(project: Path, name: str, **variables: str) -> str:
    """Result a step of the project as Meltano runs it, without starting Meltano for each."""
    done = finished_step(project, name, **variables)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def finished_step(
    project: Path, name: str, *before: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """A finished step, whatever its exit code; `before` stands before its name."""
    utility = "dbt" if name == "build" else "review"
    python = project / ".meltano" / "utilities" / utility / "venv" / BIN.name / "python"
    return subprocess.run(
        [python, *before, f"review/{name}.py"],
        capture_output=True,
        check=False,
        cwd=project,
        encoding="utf-8",
        env=environment(PYTHONUTF8="1", **variables),
    )


def kills(project: Path, name: str, home: Path, every: int = 1) -> list[dict[str, Any]]:
    """Kill a step before each of its changes, one after the other, until it comes to its end.

    Args:
        project: The project.
        name: The name of the step.
        home: The home of the reviews.
        every: How many changes are between two kills, for steps with many files.
    """
    utility = project / ".meltano" / "utilities" / "review" / "venv" / BIN.name / "python"
    done = subprocess.run(
        [utility, CRASH, "each", f"review/{name}.py", "review/verify.py", str(every)],
        capture_output=True,
        check=True,
        cwd=project,
        encoding="utf-8",
        env=environment(PYTHONUTF8="1", REVIEW_HOME=str(home), WAREHOUSE="duckdb"),
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def query(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "output" / "review.duckdb"), read_only=True) as database:
        return database.execute(sql).fetchall()


def step(project: Path, name: str, home: Path) -> subprocess.CompletedProcess[str]:
    """A finished step in DuckDB."""
    return finished_step(project, name, REVIEW_HOME=str(home), WAREHOUSE="duckdb")


def error_of(project: Path, name: str, home: Path) -> str:
    """What a step says that refuses to go on."""
    done = step(project, name, home)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def read_list(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write_list(path: Path, rows: list[dict[str, str]], delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=delimiter, lineterminator=os.linesep)
        writer.writeheader()
        writer.writerows(rows)
