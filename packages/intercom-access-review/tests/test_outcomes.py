"""A review until its completion: outcomes stay the same, and the review can be reproduced."""

import json
import re
import shutil
from pathlib import Path

import pytest

from archives import resealed
from projects import NOW, Project, clock, day, make_writable, own_database, read_rows, write_rows
from tap_intercom_access.sandbox.models import DAY, Admin, Team
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.sandbox.workspace import Workspace

pytestmark = [pytest.mark.targets, pytest.mark.slow]

ADA, BEN = "ada@corp.example", "ben@corp.example"
FIRST, SECOND = str(day(100)), str(day(1))
INPUTS = {
    "reviewers": f"kind,name,reviewer\ndefault,,{ADA}\nrole,Manager,{BEN}\n",
    "employees": f"email,name\n{ADA},Ada\n{BEN},Ben\ncy@corp.example,Cy\ndee@corp.example,Dee\n",
    "privileged_roles": "role\nManager\n",
}
REVOKED = {"1/seat", "3/workspace", "4/seat", "5/seat", "5/team/9", "6/seat"}


def workspace() -> Workspace:
    names = ["Ada", "Ben", "Cy", "Dee", "Eve", "Fay"]
    people = [
        Admin(id_, name, f"{name.lower()}@corp.example", role="1" if id_ == 1 else "2")
        for id_, name in enumerate(names, start=1)
    ]
    team = Team(9, "Support", [5], primary=[5], secondary=[])
    return Workspace(people, [team], roles={"1": "Manager", "2": "Agent", "3": "Lead"})


def decide(project: Project, reviewer: str, on: int, changes: dict[str, dict[str, str]]) -> str:
    """Import the worksheet of the first review, completed by a reviewer."""
    rows = read_rows(project.folder / "reviews" / FIRST / "worksheets" / f"{reviewer}.csv")
    for row in rows:
        row |= {"decided by": reviewer, "decided on": str(day(on)), "decision": "approve"}
        if not row["row"].startswith("attestation/"):
            revoked = row["row"] in REVOKED
            decided = {"decision": "revoke" if revoked else "approve", "reason": "as needed"}
            row.update(decided | changes.get(row["row"], {}))
    (project.folder / "inbox").mkdir(exist_ok=True)
    write_rows(project.folder / "inbox" / f"{reviewer}.csv", rows)
    return project.run("import-decisions")


def outcomes(project: Project) -> dict[str, str]:
    """Return the outcomes of the revocations of the first review."""
    rows = project.query(
        f"select access_key, outcome from outcomes where decision = 'revoke' and review = '{FIRST}'"
    )
    return {row["access_key"]: row["outcome"] for row in rows}


def items(project: Project) -> set[tuple[str, str]]:
    names = ("given_again", "access_may_remain", "acceptance_expired")
    rows = project.query("select item, admin_id from review_items")
    return {(row["item"], row["admin_id"]) for row in rows if row["item"] in names}


def exceptions(**until: int) -> dict[str, dict[str, str]]:
    """Return decisions by the first letter of the name."""
    keys = {"b": "2/seat", "e": "5/seat"}
    return {
        keys[name]: {"decision": "exception", "reason": f"{ago}", "until": str(day(ago))}
        for name, ago in until.items()
    }


def read(project: Project, company: Workspace, command: str, days_ago: int) -> str:
    with Sandbox(company) as sandbox:
        return project.sync(sandbox, command, REVIEWED_AT=clock(NOW - days_ago * DAY))


def review(project: Project) -> Workspace:
    """Review once, and decide twice."""
    for name, text in INPUTS.items():
        (project.folder / "inputs" / f"{name}.csv").write_text(text, encoding="utf-8")
    replaced(project.folder / "settings.yml", "\nremove_within_days:", "\nremove_within_days: 60")
    company = workspace()
    cy, dee, fay = company.admins[2], company.admins[3], company.admins[5]
    (team,) = company.teams

    read(project, company, "review", 100)
    decide(project, ADA, 99, exceptions(b=-30))
    decide(project, BEN, 99, {})
    assert "0 days ago and was not removed" in page_of(project)  # decided after the sync
    company.leave(3)
    dee.seat = False
    service = {"REVIEW_TIMESTAMP_URL": "http://127.0.0.1:9/", "REVIEW_TIMESTAMP_CA": "settings.yml"}
    project.run("prepare")
    with Sandbox(company) as sandbox:
        project.load(sandbox)
    assert "did not respond" in project.error("sync", REVIEWED_AT=clock(NOW - 60 * DAY), **service)
    assert "2 verified" in project.finished("complete").stdout  # the sync didn't record them
    assert outcomes(project) == {
        **dict.fromkeys(("3/workspace", "4/seat"), "removed"),
        **dict.fromkeys(("1/seat", "5/seat", "5/team/9", "6/seat"), "not removed"),
    }
    company.admins.append(Admin(7, cy.name, cy.email, role="2"))  # the same address
    dee.seat, fay.seat, fay.role = True, False, "3"
    team.primary, team.secondary = [], [5]
    assert "1 verified" in read(project, company, "sync", 30)
    assert outcomes(project)["3/workspace"] == "removed"
    assert items(project) == {("given_again", "4")}
    observed = project.query("select given_again_at from outcomes where access_key = '5/team/9'")
    assert observed == [{"given_again_at": None}]  # only the level of the member changed
    assert "given again, first observed on" in page_of(project)
    unused = {"decision": "revoke", "reason": "unused"}
    changes = {"4/seat": {"decision": "approve", "reason": "needed again"}, "6/role/2": unused}
    decide(project, ADA, 25, exceptions(b=-30, e=20) | changes)
    assert outcomes(project)["6/role/2"] == "removed"  # before the decision
    assert "verified" not in project.finished("complete").stdout  # no sync after it
    assert outcomes(project)["5/seat"] == "risk accepted"
    return company


def review_again(project: Project, company: Workspace) -> None:
    """Review a second time, and complete the first review."""
    dee, fay = (one for one in company.admins if one.name in {"Dee", "Fay"})
    (team,) = company.teams
    unused = {"decision": "revoke", "reason": "unused"}
    fay.seat = True
    team.members, team.secondary = [], []
    read(project, company, "review", 1)
    assert outcomes(project)["5/seat"] == "acceptance expired"
    assert items(project) == {("acceptance_expired", "5"), ("given_again", "6")}
    assert "5/seat (Eve, The inbox seat): acceptance expired" in project.error("complete")
    decide_second_review(
        project, {"1/seat": "revoke", "6/seat": "approve", "6/workspace": "approve"}
    )
    assert items(project) == {("acceptance_expired", "5")}
    needless = dict.fromkeys(("4/seat", "6/role/2", "6/workspace"), unused)
    decide(project, ADA, 1, exceptions(b=-30, e=-30) | needless)
    again = outcomes(project)
    assert (again["4/seat"], again["6/workspace"]) == ("not removed", "not removed")
    company.admins[0].seat = dee.seat = False
    company.leave(6)
    company.admins.append(Admin(8, "Ada", ADA, role="2"))  # has a seat, too
    assert "2 verified" in read(project, company, "sync", 0)
    completed = project.run("complete")
    assert ", revocations 8\n" in completed
    assert "Completed reviews: 1" in completed


def page_of(project: Project) -> str:
    return (project.folder / "output" / "access-review.html").read_text(encoding="utf-8")


def decide_second_review(project: Project, decisions: dict[str, str]) -> None:
    """Import a part of the worksheets of the second review."""
    for reviewer in (ADA, BEN):
        path = project.folder / "reviews" / SECOND / "worksheets" / f"{reviewer}.csv"
        rows = [row for row in read_rows(path) if row["row"] in decisions]
        for row in rows:
            row |= {"decided by": reviewer, "decided on": str(day(1))}
            row["decision"] = decisions[row["row"]]
        write_rows(project.folder / "inbox" / f"{reviewer}.csv", rows)
    project.run("import-decisions")


WAREHOUSES = [
    pytest.param(name, marks=pytest.mark.xdist_group(f"outcomes in {name}"))
    for name in ("duckdb", "postgres")
]


in_duckdb = pytest.mark.parametrize("played", WAREHOUSES[:1], indirect=True)
"""For `reproduce`, which builds in DuckDB from any archive."""


@pytest.fixture(scope="module", params=WAREHOUSES)
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    uri = (
        own_database(request.getfixturevalue("database"), "outcomes")
        if request.param == "postgres"
        else None
    )
    project = Project(tmp_path_factory.mktemp("outcomes") / "project", postgres=uri).init()
    review_again(project, review(project))
    return project


def test_page_index_and_report_print_the_same_outcomes(played: Project) -> None:
    folder = played.folder / "reviews"
    report = json.loads((folder / FIRST / "completion" / "completion.json").read_text("utf-8"))
    index = (folder / "index.html").read_text(encoding="utf-8")

    found = {row["access_key"]: row["outcome"] for row in report["revocations"]}
    assert found == outcomes(played)
    assert found == dict.fromkeys(REVOKED | {"6/role/2", "6/workspace"}, "removed") | {
        "1/seat": "decided again",
        "5/seat": "risk accepted",
    }
    assert [row["outcome"] for row in report["exceptions"]] == ["active"]
    assert report["tests"]["revocations"] == {
        "decided again": 1,
        "removed before the decision": 1,
        "removed in time": 3,
        "removed late": 1,
        "removed possibly late": 1,
        "risk accepted": 1,
    }
    html = (folder / FIRST / "completion" / "completion.html").read_text(encoding="utf-8")
    assert "<td>workspace <bdi>workspace" not in html
    assert f"{ADA} on {day(1)}; {BEN} on {day(99)}." in html
    numbers = re.findall(r'class="number[^"]*">(\d+)', index[index.index(f">{FIRST}<") :])
    # The current revocations, then of all: removed, risk accepted, decided again, open
    assert numbers[4:9] == ["7", "6", "1", "1", "0"]
    assert page_of(played).count("removed (verified)</span>, between") == 6
    assert "access may remain" in page_of(played)  # in the second review


@in_duckdb
def test_a_review_is_reproduced_with_all_earlier_syncs_in_the_archive(played: Project) -> None:
    output = played.run("reproduce", f"reviews/{SECOND}")

    assert "Not reproduced" not in output
    assert re.search(r"The review was reproduced: \d+ rows of \d+ tables are the same\.", output)


@in_duckdb
def test_a_review_without_the_earlier_ones_names_the_tables_that_are_not_reproduced(
    played: Project, tmp_path: Path
) -> None:
    shutil.copytree(played.folder / "reviews" / SECOND, tmp_path / "archive" / SECOND)

    output = Project(tmp_path / "archive").run("reproduce", SECOND)

    assert output.startswith(
        "Not reproduced: access-review.html, access_changes, first observed, first_observed, focus"
    )
    assert "The review was reproduced, except what is listed above: " in output


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


TAMPERED = {
    "tables.json": ('"role_name": "Manager"', '"role_name": "Agent"', "privileged_access, 1, role"),
    "access-review.html": ("Eve", "Eva", "access-review.html differs"),
    "inputs/reviewers.csv": (BEN, ADA, "worksheets/all.csv, 1/role/1, reviewer"),
}
"""Changes that the integrity check doesn't find if all manifests are written again."""


@in_duckdb
def test_consistent_changes_are_found_by_reproducing_the_review(
    played: Project, tmp_path: Path
) -> None:
    project = Project(tmp_path / "copy")
    shutil.copytree(played.folder / "reviews", project.folder / "reviews")
    make_writable(project.folder)
    for name, (old, new, _) in TAMPERED.items():
        path = project.folder / "reviews" / FIRST / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    resealed(project.folder / "reviews")

    assert "integrity check FAILED" not in project.finished("verify").stdout
    error = project.error("reproduce", f"reviews/{FIRST}")
    for _, _, message in TAMPERED.values():
        assert message in error
    assert "The review was not reproduced. Differences: " in error
