"""Syncs: errors before Intercom is called, and runs that are stopped."""

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from pathlib import Path

import click
import duckdb
import psycopg
import pytest

from archives import write_evidence
from intercom_access_review.evidence import LOGS, Evidence, Key, by_key, read_evidence
from intercom_access_review.project import INTERCOM, UNBUILT, Row
from intercom_access_review.records import UnbuiltLogs, read_record, write_record
from intercom_access_review.sync import keep_unbuilt_logs, new_logs
from projects import (
    NOW,
    Project,
    clock,
    day,
    environment_of_package,
    make_writable,
    read_rows,
    write_rows,
)
from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import Sandbox
from tests import faults
from tests.tap import catalog_of, sync

pytestmark = [pytest.mark.targets, pytest.mark.xdist_group("sync")]

REVIEWERS = (
    "kind,name,reviewer\ndefault,,aoife@example.com\nrole,Workspace admin,grace@example.com\n"
)


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a review from ten days ago."""
    project = Project(tmp_path_factory.mktemp("sync") / "project").init()
    (project.folder / "inputs" / "reviewers.csv").write_text(REVIEWERS, encoding="utf-8")
    with Sandbox(demo(NOW - 10 * DAY)) as sandbox:
        project.sync(sandbox, "review", REVIEWED_AT=clock(NOW - 10 * DAY))
    return project


@pytest.fixture
def copy(reviewed: Project, tmp_path: Path) -> Project:
    shutil.copytree(reviewed.folder, tmp_path / "copy", symlinks=True)
    make_writable(tmp_path / "copy")
    return Project(tmp_path / "copy")


def lose_history(project: Project) -> None:
    (project.folder / "output" / "review.duckdb").unlink()


def lose_review(project: Project) -> None:
    (project.folder / "reviews" / str(day(10))).rename(project.folder / "reviews" / "2020-01-01")


def break_settings(project: Project) -> None:
    (project.folder / "settings.yml").write_text("decide: 3", encoding="utf-8")


def break_input(project: Project) -> None:
    (project.folder / "inputs" / "reviewers.csv").write_text("a\n", encoding="utf-8")


REFUSED: dict[str, tuple[Callable[[Project], object], dict[str, str], str]] = {
    "lost history": (lose_history, {}, "so its history is lost"),
    "renamed review": (lose_review, {}, "belongs to the review"),
    "setting": (break_settings, {}, "sets decide, which is unknown"),
    "input": (break_input, {}, "reviewers.csv: the columns kind, name, reviewer are missing"),
    "clock": (bool, {"REVIEWED_AT": "2020-01-01 12:00:00"}, "Correct the clock of this machine"),
    "time": (bool, {"REVIEWED_AT": "soon"}, "REVIEWED_AT 'soon' is not a valid time"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_run_that_cannot_succeed_is_refused_before_intercom_is_called(
    case: str, copy: Project
) -> None:
    change, variables, message = REFUSED[case]
    change(copy)

    error = copy.error("prepare", **variables)

    assert message in error
    assert (copy.folder / "output" / "sync.json").exists()  # the last sync still counts


def test_a_review_warns_of_rows_without_a_reviewer(copy: Project) -> None:
    text = "kind,name,reviewer\nteam,Ghosts,grace@example.com\n"
    (copy.folder / "inputs" / "reviewers.csv").write_text(text, encoding="utf-8")

    with Sandbox(demo()) as sandbox:
        output = copy.sync(sandbox, "review")

    assert "Warning: rows without a reviewer: 45. Assign them in inputs/reassign" in output
    rows = read_rows(copy.folder / "reviews" / str(day(0)) / "worksheets" / "all.csv")
    own = sum(row["email"] == "aoife@example.com" for row in rows)
    text = "row,from,to,by,reason,until\n,,aoife@example.com,grace@example.com,none before,\n"
    (copy.folder / "inputs" / "reassignments.csv").write_text(text, encoding="utf-8")

    copy.run("reassign")
    page = (copy.folder / "output" / "access-review.html").read_text(encoding="utf-8")
    with Sandbox(demo()) as sandbox:
        output = copy.sync(sandbox, "review")

    assert f"{own} rows have no reviewer: reviewers.csv has no default reviewer." in page
    assert f"Warning: rows without a reviewer: {own}. " in output
    assert re.search(
        r"items.json: \d+ items, 1 of them new", output
    )  # the reason is her own access


def test_a_locked_database_is_refused_with_the_process_that_locks_it(copy: Project) -> None:
    with duckdb.connect(str(copy.folder / "output" / "review.duckdb")):
        error = copy.error("prepare")

    assert "Cannot open output/review.duckdb" in error
    assert "PID" in error


def test_a_database_that_cannot_be_reached_is_refused(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", postgres="postgresql://x@127.0.0.1:9/x").init()

    assert "Check PGHOST, PGPORT" in project.error("prepare")


def test_a_simulated_time_is_refused_outside_of_the_sandbox(copy: Project) -> None:
    copy.run("prepare")
    with Sandbox(demo()) as sandbox:
        copy.load(sandbox)
    folder = copy.folder / "output" / "intercom"
    lines = (folder / "requests.jsonl").read_text(encoding="utf-8").splitlines()
    lines = [line.replace("127.0.0.1", "api.intercom.io") for line in lines]
    last = json.loads(lines[-1])
    last["lines_sha256"] = hashlib.sha256(("\n".join(lines[:-1]) + "\n").encode()).hexdigest()
    text = "\n".join([*lines[:-1], json.dumps(last)]) + "\n"
    (folder / "requests.jsonl").write_text(text, encoding="utf-8")

    error = copy.error("sync", REVIEWED_AT=clock(NOW))

    assert "which only the sandbox allows" in error


def lose_row(folder: Path) -> None:
    path = folder / "load" / "admins.jsonl"
    path.write_text("".join(path.read_text("utf-8").splitlines(keepends=True)[1:]), "utf-8")


def change_roles(folder: Path) -> None:
    path = folder / "load" / "admins.jsonl"
    text = path.read_text("utf-8")
    assert "Workspace admin" in text
    path.write_text(text.replace("Workspace admin", "Agent"), "utf-8")


def change_body(folder: Path) -> None:
    body = next((folder / "intercom" / "bodies").iterdir())
    body.write_bytes(b"x")


def stop_evidence(folder: Path) -> None:
    path = folder / "intercom" / "requests.jsonl"
    path.write_text("".join(path.read_text("utf-8").splitlines(keepends=True)[:-1]), "utf-8")


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "row": (lose_row, "admins: Intercom sent 13 rows, and 12 were loaded"),
    "values": (change_roles, "admins: Intercom sent 13 rows, and 13 were loaded with other values"),
    "body": (change_body, "Cannot read output/intercom/bodies/"),
    "evidence": (stop_evidence, "is not from one complete sync"),
    "no evidence": (lambda folder: shutil.rmtree(folder / "intercom"), "kept no evidence"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_loaded_rows_that_differ_from_the_responses_are_refused(case: str, copy: Project) -> None:
    spoil, message = SPOILED[case]
    page = (copy.folder / "output" / "access-review.html").read_bytes()
    copy.run("prepare")
    with Sandbox(demo()) as sandbox:
        copy.load(sandbox)
    spoil(copy.folder / "output")

    error = copy.error("sync")

    assert message in error
    assert "The last sync did not finish" in copy.error("import-decisions")
    assert (copy.folder / "output" / "access-review.html").read_bytes() == page


def test_log_entries_of_a_stopped_run_are_kept(copy: Project) -> None:
    workspace = demo(NOW - 10 * DAY)
    later = deepcopy(workspace)
    copy.run("prepare")
    with Sandbox(later) as sandbox:
        copy.load(sandbox)  # stopped before the warehouse was built
    log = copy.folder / "output" / "load" / "activity_logs.jsonl"
    loaded = log.read_text(encoding="utf-8")
    assert loaded

    copy.run("prepare")

    assert log.read_text(encoding="utf-8") == loaded
    unbuilt = json.loads((copy.folder / UNBUILT).read_text(encoding="utf-8"))
    assert unbuilt["entries"].keys() == {json.loads(line)["id"] for line in loaded.splitlines()}
    log.write_text(loaded + '{"half', encoding="utf-8")  # a target that was stopped
    copy.run("prepare")
    assert log.read_text(encoding="utf-8") == loaded


@pytest.mark.parametrize("content", [None, b"", b'{"state": '])
@pytest.mark.usefixtures("in_project")
def test_a_run_that_stopped_before_its_first_request_has_no_log_entries(
    content: bytes | None,
) -> None:
    INTERCOM.mkdir(parents=True)
    (INTERCOM / "requests.jsonl").touch()
    if content is not None:
        (INTERCOM / "run.json").write_bytes(content)

    keep_unbuilt_logs()

    assert not UNBUILT.exists()


ENTRY = {("e1",): {"happened_at": datetime(2026, 8, 2)}}  # noqa: DTZ001
UNBUILT_ENTRY = UnbuiltLogs("2026-07-31T23:00:00+00:00", {"e1": "2026-08-02T00:00:00+00:00"})
BOOKMARK = {"bookmarks": {LOGS: {"replication_key_value": "2026-08-03T01:00:00+00:00"}}}


@pytest.mark.usefixtures("in_project")
def test_the_times_of_log_entries_of_a_stopped_run_have_a_time_zone() -> None:
    entry = {"id": "e1", "created_at": "2026-08-02T00:00:00Z"}
    write_evidence(INTERCOM, str(day(0)), {LOGS: {LOGS: [entry]}})

    keep_unbuilt_logs()

    assert read_record(UNBUILT, UnbuiltLogs).entries == UNBUILT_ENTRY.entries


@pytest.mark.parametrize(
    ("unbuilt", "loaded", "state", "is_missing"),
    [
        (UNBUILT_ENTRY, ENTRY, BOOKMARK, False),
        (UNBUILT_ENTRY, {}, BOOKMARK, True),  # the loaded entries were lost
        (UnbuiltLogs("2026-07-31T23:00:00Z", {}), {}, BOOKMARK, False),  # there were no entries
        (UnbuiltLogs("2026-08-02T00:00:00Z", {}), {}, BOOKMARK, True),  # an older warehouse
        (None, ENTRY, BOOKMARK, True),
        (None, {}, None, False),  # a full refresh
    ],
)
@pytest.mark.usefixtures("in_project")
def test_missing_log_entries_between_two_syncs_are_an_error(
    unbuilt: UnbuiltLogs | None,
    loaded: dict[Key, Row],
    state: dict[str, object] | None,
    *,
    is_missing: bool,
) -> None:
    if unbuilt:
        UNBUILT.parent.mkdir()
        write_record(UNBUILT, unbuilt)
    window = {"from": "2026-08-03T00:00:00+00:00", "to": "2026-08-04T00:00:00+00:00"}
    complete, run = {"filters": {"window": window}}, {"state": state}
    evidence = Evidence(complete=complete, run=run, hosts=[], files={}, rows={LOGS: {}})
    last = datetime(2026, 8, 1)  # noqa: DTZ001

    if is_missing:
        with pytest.raises(click.ClickException, match="were read before, but are not in the"):
            new_logs(evidence, {LOGS: loaded}, last)
    else:
        assert new_logs(evidence, {LOGS: loaded}, last) == loaded


def test_another_projects_dbt_variables_change_nothing(copy: Project, tmp_path: Path) -> None:
    variables = {"DBT_TARGET": "prod", "DBT_PROFILES_DIR": str(tmp_path), "DBT_TARGET_PATH": "x"}
    copy.run("prepare")
    with Sandbox(demo()) as sandbox:
        copy.load(sandbox)

    copy.run("sync", **variables)

    assert not (copy.folder / "x").exists()


def test_dbt_writes_nothing_into_the_installed_package(reviewed: Project) -> None:
    assert reviewed
    root = Path(__file__).parents[1] / "src" / "intercom_access_review" / "dbt"

    assert {path.name for path in root.iterdir()} == {
        *("dbt_project.yml", "macros", "models", "snapshots"),
    }


def test_a_stopped_build_leaves_no_sync_without_its_history(reviewed: Project) -> None:
    path = reviewed.folder / "output" / "dbt" / "run_results.json"
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    names = [result["unique_id"].rpartition(".")[2] for result in results]

    for history in ("admin_history", "grant_history", "thing_history"):
        assert names.index(history) < names.index("syncs")


def test_an_import_finishes_one_that_was_stopped(copy: Project) -> None:
    database = copy.folder / "output" / "review.duckdb"
    before = database.read_bytes()
    path = copy.folder / "reviews" / str(day(10)) / "worksheets" / "aoife@example.com.csv"
    row = next(row for row in read_rows(path) if not row["privileged"])
    row |= {"decision": "revoke", "decided by": row["reviewer"], "decided on": str(day(9))}
    write_rows(copy.folder / "inbox" / "one.csv", [row])
    copy.run("import-decisions")
    database.write_bytes(before)

    assert "Imported 0 worksheets" in copy.run("import-decisions")
    assert copy.query("select decision from outcomes") == [{"decision": "revoke"}]


def test_no_file_is_readable_by_other_users(reviewed: Project) -> None:
    paths = [
        path
        for name in ("output", "outbox", "reviews")
        for path in (reviewed.folder / name).rglob("*")
        if "dbt" not in path.parts
    ]

    assert {path.name for path in paths if path.stat().st_mode & 0o007} == set()


def test_the_whole_archive_has_the_same_readers(reviewed: Project) -> None:
    paths = (reviewed.folder / "reviews").rglob("*")

    assert len({path.stat().st_mode & 0o040 for path in paths}) == 1


def test_old_names_of_commands_work_with_a_warning(copy: Project) -> None:
    assert "Use 'import-decisions' instead." in copy.run("decisions")
    assert "It does nothing" in copy.run("seal")


def test_every_command_has_help(tmp_path: Path) -> None:
    command = environment_of_package() / "intercom-access-review"
    for name in ("init", "prepare", "review", "sync", "import-decisions", "complete", "verify"):
        done = subprocess.run(
            [command, name, "--help"],
            capture_output=True,
            check=True,
            encoding="utf-8",
            cwd=tmp_path,
        )
        assert "Usage:" in done.stdout


def test_a_warehouse_without_permission_is_refused(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("drop role if exists reader")
        connection.execute("create role reader login")
    uri = database.replace("//postgres", "//reader")
    project = Project(tmp_path / "project", postgres=uri).init()

    error = project.error("prepare")

    assert "permission denied" in error or "Check PGHOST" in error


PERSON = b'{"admins": [{"id": "1", "name": "A", "email": "a@x.example", %s}]}'
EVENT = (
    b'{"activity_logs": [{"id": "e1", "created_at": 1796000000, %s}], "pages": {"total_pages": 1}}'
)
FORMS = {
    "a seat as a number": ("admins", PERSON % b'"has_inbox_seat": 1'),
    "a seat as a string": ("admins", PERSON % b'"has_inbox_seat": "False"'),
    "a line break": ("admins", PERSON % b'"job_title": "a\nb"'),
    "invalid UTF-8 in an unknown field": ("admins", PERSON % b'"note": "\xff"'),
    "NUL in an ID": ("admins", PERSON % b'"role": {"id": "r\\u0000", "name": "R"}'),
    "a time as a float": ("activity_logs", EVENT % b'"created_at": 1796000000.0'),
    "a time as a string": ("activity_logs", EVENT % b'"created_at": "1796000000"'),
    "NUL in a type": ("activity_logs", EVENT % b'"activity_type": "a\\u0000"'),
    "roles in the second key": ("roles", b'{"data": null, "roles": [{"id": 1.0, "name": "R"}]}'),
    "roles in the first key": ("roles", b'{"roles": null, "data": [{"id": 1.0, "name": "R"}]}'),
}


@pytest.mark.parametrize("form", FORMS)
def test_rows_are_the_same_as_sent_and_as_loaded(form: str, tmp_path: Path) -> None:
    stream, body = FORMS[form]
    path = "/admins/activity_logs/search" if stream == "activity_logs" else f"/{stream}"
    with Sandbox(demo()) as sandbox:
        sandbox.fail(path, faults.status(200, body))
        run = sync(
            sandbox,
            catalog=catalog_of(stream),
            start_date="2026-11-20",
            evidence_path=str(tmp_path / "evidence"),
        )

    assert run.error == ""
    records = run.records(stream)
    assert len(records) == 1
    assert read_evidence(tmp_path / "evidence").rows[stream] == by_key(stream, records)
