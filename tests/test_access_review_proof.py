"""The example project: evidence, a second source, signatures, and the end of a review."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import shutil
import sys
import time
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.reviews import FIRST, SECOND, day, error_of, finished_step, kills, step, write_list
from tests.tap import NEEDS_POSIX, POSIX, ROOT
from tests.timestamps import allow, authority, service, ssh_key

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

on_posix = pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)

STEPS = ("evidence", "folders", "identity", "settings", "teammates", "warehouse")
DANA = {
    "row": "1012/workspace",
    "reason": "=she hands over",
    "until": str(day(-30)),
    "accepted by": "Aoife@example.com",
    "accepted on": str(day(0)),
}


@pytest.fixture(scope="module")
def steps() -> Iterator[SimpleNamespace]:
    """The modules of the project, in this process."""
    folder = str(ROOT / "examples" / "access-review" / "review")
    sys.path.insert(0, folder)
    umask = os.umask(0o022)
    yield SimpleNamespace(**{name: import_module(name) for name in STEPS})
    os.umask(umask)
    sys.path.remove(folder)


def evidence_of(home: Path, review: str) -> dict[str, Any]:
    path = home / "reviews" / review / "evidence.json"
    evidence: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return evidence


@pytest.fixture
def project(demo_played: tuple[Path, str]) -> Path:
    return demo_played[0]


@pytest.fixture
def home(project: Path, tmp_path: Path) -> Path:
    """A copy of the demo's home, whose first review is closed."""
    home = tmp_path / "home"
    shutil.copytree(project / "demo", home)
    return home


@pytest.fixture
def open_home(home: Path) -> Path:
    """The same, before anything was signed and closed."""
    first = home / "reviews" / FIRST
    shutil.rmtree(first / "closed")
    for path in [first / "accepted.csv", *(home / "reviews").rglob("*.sig")]:
        path.unlink()
    return home


def write(path: Path, content: bytes | str) -> None:
    """Write to a file that is sealed."""
    path.chmod(0o600)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


# Evidence


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
def test_the_evidence_goes_from_what_intercom_sent_to_what_was_decided(project: Path) -> None:
    home = project / "demo"
    for review in (FIRST, SECOND):
        evidence = evidence_of(home, review)
        folder = home / "reviews" / review / "intercom"
        lines = (folder / "requests.jsonl").read_text(encoding="utf-8").splitlines()

        assert evidence["complete"] == json.loads(lines[-1])
        totals = evidence["control_totals"]
        assert totals.keys() == evidence["complete"]["streams"].keys()
        for stream, known in totals.items():
            parts = [known["sent"], known["loaded"], known.get("reviewed", known["sent"])]
            assert len({part["keys_sha256"] for part in parts}) == 1, stream
            assert len({part["rows"] for part in parts}) == 1
            assert ("reviewed" in known) != ("not_reviewed_because" in known)
        assert totals["admins"]["reviewed"]["rows"] == 13
        assert {"intercom/requests.jsonl", "intercom/run.json"} <= evidence["files"].keys()
        bodies = {path.name for path in (folder / "bodies").iterdir()}
        assert {f"intercom/bodies/{name}" for name in bodies} <= evidence["files"].keys()
        assert len(bodies) == len({json.loads(line)["sha256"] for line in lines[:-1]})
    code = evidence_of(home, SECOND)["code"]
    source = (ROOT / "tap_intercom_access" / "tap.py").read_bytes()
    assert code["tap"]["files"]["tap_intercom_access/tap.py"] == hashlib.sha256(source).hexdigest()
    assert "editable" in code["tap"]["editable"]
    models = code["models"]["models/marts/removals.sql"]
    model = project / "transform" / "models" / "marts" / "removals.sql"
    assert models == hashlib.sha256(model.read_bytes()).hexdigest()
    assert {"employees.csv", "settings.ini"} <= code["seeds"].keys()
    assert {"close.py", "page.html.j2"} <= code["review"].keys()
    evidence = evidence_of(home, SECOND)
    assert evidence["tests"]["self_review"]["rows_reviewed_by_themselves"] == []
    assert evidence["tests"]["timeliness"]["days_since_the_previous_review"] in {90, 91}
    assert any("two-factor" in limit for limit in evidence["known_limits"])
    assert evidence["read_by"].keys() == {"user", "host", "ci"}


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
def test_a_list_that_is_not_what_intercom_sent_is_no_review(open_home: Path, project: Path) -> None:
    shutil.rmtree(open_home / "reviews" / SECOND)
    sync = json.loads((open_home / "output" / "sync.json").read_text(encoding="utf-8"))
    sync["control_totals"]["admins"]["sent"]["rows"] = 14
    sync["control_totals"]["admins"]["sent"]["keys_sha256"] = "0"
    (open_home / "output" / "sync.json").write_text(json.dumps(sync), encoding="utf-8")

    error = error_of(project, "snapshot", open_home)

    assert "admins: Intercom sent 14 rows, and 13 are in the list to decide" in error
    assert not (open_home / "reviews" / SECOND).exists()


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
@pytest.mark.parametrize("name", ["requests.jsonl", "run.json"])
def test_evidence_of_another_sync_is_not_sealed(name: str, open_home: Path, project: Path) -> None:
    shutil.rmtree(open_home / "reviews" / SECOND)
    write(open_home / "output" / "intercom" / name, "{}")

    error = error_of(project, "snapshot", open_home)

    assert f"intercom/{name} is not of the sync of" in error
    assert not (open_home / "reviews" / SECOND).exists()


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
@pytest.mark.parametrize("change", ["lost", "another", "one more"])
def test_bodies_are_sealed_as_the_tap_kept_them(
    change: str, open_home: Path, project: Path
) -> None:
    shutil.rmtree(open_home / "reviews" / SECOND)
    bodies = open_home / "output" / "intercom" / "bodies"
    first, second, *_ = sorted(bodies.iterdir())
    if change == "lost":
        first.unlink()
    elif change == "another":
        shutil.copy(second, first)
    else:
        (bodies / "more.json.gz").touch()

    done = step(project, "snapshot", open_home)

    review = open_home / "reviews" / SECOND
    if change == "one more":
        assert done.returncode == 0, done.stderr
        assert not (review / "intercom" / "bodies" / "more.json.gz").exists()
    else:
        assert done.returncode == 1
        assert f"{first} " in done.stderr
        assert "read Intercom again" in done.stderr
        assert not review.exists()


LINE = {
    "type": "complete",
    "streams": {
        "admins": {"rows": 2, "keys": ["id"]},
        "team_memberships": {"rows": 1, "keys": ["team_id", "admin_id"]},
        "activity_logs": {"rows": 1, "keys": ["id"]},
        "teams": {"rows": 0, "keys": ["id"]},
    },
    "filters": {"stream_maps": {}},
}
LOADED = {
    "admins": [{"id": "1"}, {"id": "é"}],
    "team_memberships": [{"admin_id": "1", "team_id": "7"}],
    "activity_logs": [{"id": "old"}, {"id": "new"}],
}
KEYS = {
    "admins": ['["1"]', '["é"]'],
    "team_memberships": ['["7","1"]'],
    "activity_logs": ['["new"]'],
    "teams": [],
}


@pytest.fixture
def loaded(steps: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rows as target-jsonl leaves them, an event of an earlier sync among them."""
    monkeypatch.setattr(steps.warehouse, "LOADED", tmp_path)
    for stream, rows in LOADED.items():
        text = "".join(f"{json.dumps(row)}\n" for row in rows)
        (tmp_path / f"{stream}.jsonl").write_text(text, encoding="utf-8")
    return tmp_path


def complete_line(**maps: object) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(json.dumps(LINE))
    line["filters"]["stream_maps"] = maps
    for stream, keys in KEYS.items():
        digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()
        line["streams"][stream]["keys_sha256"] = digest
    return line


SKIP = {"activity_logs": len('{"id": "old"}\n')}


def test_what_was_loaded_is_compared_by_rows_and_keys(steps: SimpleNamespace, loaded: Path) -> None:
    assert loaded.exists()

    totals = steps.evidence.as_loaded(complete_line(), "", SKIP)

    assert {stream: known["loaded"]["rows"] for stream, known in totals.items()} == {
        "activity_logs": 1,
        "admins": 2,
        "team_memberships": 1,
        "teams": 0,
    }
    assert all(
        known["sent"]["keys_sha256"] == known["loaded"]["keys_sha256"] for known in totals.values()
    )


@pytest.mark.parametrize(
    ("stream", "text", "message"),
    [
        ("admins", '{"id": "1"}\n', "admins: Intercom sent 2 rows, and 1 were loaded"),
        ("admins", '{"id": "1"}\n{"id": "1"}\n', "admins: Intercom sent 2 rows, and 1 were loaded"),
        ("admins", "", "admins: Intercom sent 2 rows, and 0 were loaded"),
        (
            "admins",
            '{"id": "1"}\n{"id": "e"}\n',
            "admins: Intercom sent 2 rows, and 2 were loaded with other keys",
        ),
        (
            "team_memberships",
            '{"team_id": "1", "admin_id": "7"}\n',
            "team_memberships: Intercom sent 1 rows, and 1 were loaded with other keys",
        ),
        (
            "activity_logs",
            '{"id": "old"}\n',
            "activity_logs: Intercom sent 1 rows, and 0 were loaded",
        ),
        ("teams", '{"id": "5"}\n', "teams: Intercom sent 0 rows, and 1 were loaded"),
    ],
)
def test_a_difference_ends_it_and_names_the_stream_and_both_numbers(
    stream: str, text: str, message: str, steps: SimpleNamespace, loaded: Path
) -> None:
    (loaded / f"{stream}.jsonl").write_text(text, encoding="utf-8")

    with pytest.raises(SystemExit) as end:
        steps.evidence.as_loaded(complete_line(), "", SKIP)
    with pytest.raises(SystemExit) as mapped:
        steps.evidence.as_loaded(complete_line(admins={"__filter__": "id != '1'"}), "", SKIP)

    assert str(end.value).endswith(message)
    assert "Stream maps are set (admins): they may leave out rows" in str(mapped.value)


@pytest.mark.parametrize(
    ("maps", "columns", "message"),
    [
        ({"admins": {"role": "__NULL__"}}, None, "admins: stream maps change role, which the"),
        ({"adm*": {"email": "fake.email()"}}, None, "admins: stream maps change email, which the"),
        ({"admins": {"__else__": "__NULL__"}}, None, "admins: stream maps change __else__, which"),
        ({}, ["id", "name", "email", "role.id", "role.name"], "admins: has_inbox_seat not read"),
        ({}, ["id", "name", "email", "has_inbox_seat"], "admins: role.id, role.name not read"),
    ],
)
def test_rows_without_what_a_review_goes_by_end_it(
    maps: dict[str, Any],
    columns: list[str] | None,
    message: str,
    steps: SimpleNamespace,
    loaded: Path,
) -> None:
    line = complete_line(**maps)
    if columns:
        line["streams"]["admins"]["columns"] = columns

    with pytest.raises(SystemExit) as end:
        steps.evidence.as_loaded(line, "", SKIP)

    assert loaded.exists()
    assert message in str(end.value)


def test_flattened_rows_end_it_since_nobody_would_have_a_role(
    steps: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps.evidence, "INTERCOM", tmp_path)
    run = json.dumps({"settings": {"flattening_enabled": True, "flattening_max_depth": 1}})
    digests = {"run_sha256": run.encode(), "lines_sha256": b""}
    line = complete_line() | {
        name: hashlib.sha256(content).hexdigest() for name, content in digests.items()
    }
    (tmp_path / "run.json").write_text(run, encoding="utf-8")
    (tmp_path / "requests.jsonl").write_text(f"{json.dumps(line)}\n", encoding="utf-8")

    with pytest.raises(SystemExit) as end:
        steps.evidence.kept_by_tap({})

    assert "take flattening_enabled out of meltano.yml" in str(end.value)


def test_who_ran_it_is_named_without_secrets(
    steps: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "CI"):
        monkeypatch.delenv(name, raising=False)
    assert steps.identity.who()["ci"] is None

    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("BUILD_URL", "https://me:hunter2@ci.example/job/7/?token=hunter2#hunter2")
    monkeypatch.setenv("CI_JOB_TOKEN", "hunter2")
    monkeypatch.setenv("GITHUB_TOKEN", "hunter2")
    known = steps.identity.who()
    assert known["ci"] == {"CI": "true", "BUILD_URL": "https://ci.example/job/7/"}

    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_JOB_URL", "https://gitlab.example/-/jobs/7")
    assert steps.identity.who()["ci"] == {
        "GITLAB_CI": "true",
        "CI_JOB_URL": "https://gitlab.example/-/jobs/7",
    }

    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_RUN_ID", "77")
    known = steps.identity.who()
    assert known["ci"]["GITHUB_RUN_ID"] == "77"
    assert "hunter2" not in json.dumps(known)


def installation(folder: Path, code: str, direct_url: str | None) -> None:
    """A tap in the environment where Meltano installs it."""
    site = folder / "extractors/tap-intercom-access/venv/lib/python3.11/site-packages"
    info = site / "tap_intercom_access-0.1.0.dist-info"
    info.mkdir(parents=True)
    (site / "tap.py").write_text(code, encoding="utf-8")
    digest = hashlib.sha256(b"pass\n").digest()
    known = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    record = f"tap.py,sha256={known},5\ntap_intercom_access-0.1.0.dist-info/RECORD,,\n"
    (info / "RECORD").write_text(record, encoding="utf-8", newline="")
    metadata = "Metadata-Version: 2.1\nName: tap-intercom-access\nVersion: 0.1.0\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    if direct_url:
        (info / "direct_url.json").write_text(direct_url, encoding="utf-8")


def test_the_installed_tap_is_known_by_its_record(
    steps: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = {}
    url = json.dumps({"url": ROOT.as_uri(), "dir_info": {"editable": True}})
    for name, code, direct_url in (
        ("whole", "pass\n", None),
        ("changed", "pass  # and more\n", None),
        ("editable", "pass\n", url),
        ("none", "", None),
    ):
        if name != "none":
            installation(tmp_path / name, code, direct_url)
        monkeypatch.setenv("MELTANO_SYS_DIR_ROOT", str(tmp_path / name))
        codes[name] = steps.identity.tap_code()

    record = next((tmp_path / "whole").rglob("RECORD"))
    digest = hashlib.sha256(record.read_bytes()).hexdigest()
    assert codes["whole"] == {"version": "0.1.0", "record_sha256": digest, "changed": []}
    assert codes["changed"]["changed"] == ["tap.py"]
    assert "tap_intercom_access/tap.py" in codes["editable"]["files"]
    assert "problem" in codes["none"]


# The second source

HEAD = ["Name", "E-mail", "Invited by"]
PEOPLE = [
    ["Ann\nLee", "ANN@x.example", "boss@x.example"],
    ["B;o", "bo+1@x.example", "boss@x.example"],
]
PEOPLE += [["Cy", "cy@x.example", ""]]


def as_csv(rows: list[list[str]], delimiter: str = ",", **options: Any) -> str:  # noqa: ANN401
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, **options).writerows(rows)
    return file.getvalue()


ALL = [HEAD, *PEOPLE]
EXPORTS: dict[str, bytes] = {
    "comma": as_csv(ALL).encode(),
    "semicolon": as_csv(ALL, ";").encode(),
    "tab": as_csv(ALL, "\t").encode(),
    "byte order mark": as_csv(ALL).encode("utf-8-sig"),
    "UTF-16 of Excel": as_csv(ALL, "\t").encode("utf-16"),
    "UTF-16 without a mark": as_csv(ALL).encode("utf-16-le"),
    "UTF-16, the other way": b"\xfe\xff" + as_csv(ALL).encode("utf-16-be"),
    "8 bits": as_csv([HEAD, ["Jörg", *PEOPLE[0][1:]], *PEOPLE[1:]]).encode("latin-1"),
    "all quoted": as_csv(ALL, quoting=csv.QUOTE_ALL).encode(),
    "line feeds": as_csv(ALL, lineterminator="\n").encode(),
    "empty lines": (as_csv(ALL) + "\r\n,,\r\n").encode(),
    "for Excel": b"sep=;\r\n" + as_csv(ALL, ";").encode(),
    "one column": as_csv([[row[1]] for row in ALL]).encode(),
    "blanks": as_csv([HEAD, *[[a, f" {b} ", c] for a, b, c in PEOPLE]]).encode(),
    "twice": as_csv([*ALL, PEOPLE[0]]).encode(),
    "without an address": as_csv([*ALL, ["Fin", "", ""]]).encode(),
    "defused": as_csv([HEAD, *PEOPLE, ["x", "'+z@x.example", ""]]).encode(),
}


def read_export(steps: SimpleNamespace, content: bytes) -> set[str]:
    head, rows = steps.teammates.table_of(steps.teammates.text_of(content))
    column = steps.teammates.column_of(head, rows)
    return {row[column].lower() for row in rows} - {""}


@pytest.mark.parametrize("name", EXPORTS)
def test_the_addresses_of_an_export_are_found_whatever_program_wrote_it(
    name: str, steps: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    addresses = read_export(steps, EXPORTS[name])

    more = {"+z@x.example"} if name == "defused" else set()
    assert addresses == {"ann@x.example", "bo+1@x.example", "cy@x.example"} | more


REFUSED_EXPORTS = {
    "nothing": (b"", "it holds nothing"),
    "a head": (as_csv([HEAD]).encode(), "it has 0 rows"),
    "no address": (as_csv([["Name"], ["Ann"], ["Bo"]]).encode(), "not certain (none, of 'Name')"),
    "two columns": (
        as_csv(
            [["A", "B"], ["a@x.example", "b@x.example"], ["c@x.example", "d@x.example"]]
        ).encode(),
        "not certain ('A', 'B', of 'A', 'B'): name it as teammates_export_column",
    ),
    "only of those who invited": (
        as_csv([[row[0], row[2]] for row in [*ALL, *PEOPLE]]).encode(),
        "not certain (none, of 'Name', 'Invited by')",
    ),
    "no head": (
        b"Ann,ann@x.example\nBo,bo@x.example\n",
        "its first line holds the address ann@x.example, and not the names of its columns",
    ),
    "uneven": (b"a,b\nann@x.example,1\nbo@x.example\n", "line 3 has 1 values"),
    "half a quote": (b'a,b\n"ann@x.example,1\n', "it is no CSV file of even rows"),
    "a spreadsheet": (b"PK\x03\x04\0\0\0\0", "it"),
    "half a sign": (b"\xff\xfea", "it cannot be read as utf-16"),
}


@pytest.mark.parametrize("name", REFUSED_EXPORTS)
def test_an_export_that_is_not_certain_is_refused(
    name: str, steps: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content, message = REFUSED_EXPORTS[name]

    with pytest.raises(SystemExit) as end:
        read_export(steps, content)

    assert "teammates-export.csv: it" in str(end.value)
    assert message in str(end.value)


def test_the_column_of_an_export_can_be_named(
    steps: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = REFUSED_EXPORTS["two columns"][0]

    monkeypatch.setenv("REVIEW_TEAMMATES_EXPORT_COLUMN", "b")
    assert read_export(steps, content) == {"b@x.example", "d@x.example"}
    monkeypatch.setenv("REVIEW_TEAMMATES_EXPORT_COLUMN", "C")
    with pytest.raises(SystemExit) as end:
        read_export(steps, content)
    assert "teammates_export_column is 'C', which 0 of its columns are called: 'A', 'B'" in str(
        end.value
    )


@pytest.fixture
def export(steps: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the export belongs; what is made of it stands in a folder beside."""
    path = tmp_path / "seeds" / "teammates-export.csv"
    path.parent.mkdir()
    for name in ("SEEDS", "OUTPUT"):
        monkeypatch.setattr(steps.teammates, name, tmp_path / name.lower())
    monkeypatch.setattr(steps.teammates, "EXPORT", path)
    monkeypatch.setattr(steps.teammates, "COMPARED", tmp_path / "output" / path.name)
    monkeypatch.setattr(steps.folders, "FOR_DBT", tmp_path / "output" / "seeds")
    return path


@pytest.mark.parametrize(
    ("content", "column"),
    [(as_csv([HEAD]), "E-mail"), (as_csv(ALL), "Name")],
    ids=["no row", "names"],
)
def test_an_export_without_any_address_is_no_comparison(
    content: str,
    column: str,
    export: Path,
    steps: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REVIEW_TEAMMATES_EXPORT_COLUMN", column)
    export.write_bytes(content.encode())

    with pytest.raises(SystemExit) as end:
        steps.teammates.check()

    assert f"rows has an address in the column '{column}'" in str(end.value)


@pytest.mark.parametrize(
    ("hours", "message"),
    [(23, ""), (25, "more than a day before: export it again"), (-1, "still to come by this")],
)
def test_an_old_export_is_named_and_not_compared(
    hours: int,
    message: str,
    export: Path,
    steps: SimpleNamespace,
    capsys: pytest.CaptureFixture[str],
) -> None:
    export.write_bytes(EXPORTS["twice"])
    (export.parent / "teammates-export (1).csv").touch()
    at = time.time() - hours * 3600
    os.utime(export, (at, at))

    known = steps.teammates.check()

    printed = capsys.readouterr().err
    seeds = export.parents[1] / "output" / "seeds"
    seed = (seeds / "teammates_export.csv").read_text(encoding="utf-8")
    assert "teammates-export (1).csv is not read" in printed
    assert known["sha256"] == hashlib.sha256(EXPORTS["twice"]).hexdigest()
    assert known["is_compared"] is not bool(message)
    assert message in printed
    assert message in known.get("problem", "")
    if message:
        assert "@" not in seed
        assert message in seed
    else:
        rows = list(csv.DictReader(io.StringIO(seed)))
        assert [row["email"] for row in rows] == ["ann@x.example", "bo+1@x.example", "cy@x.example"]
        assert (known["rows"], known["addresses"]) == (4, 3)
        assert known["more_than_once"] == ["ann@x.example"]


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
def test_differences_to_the_export_are_the_first_finding_and_sealed(project: Path) -> None:
    home = project / "compared"  # below the project, as dbt wants it
    shutil.copytree(project / "demo", home)
    where = {"REVIEW_HOME": home.name, "WAREHOUSE": "duckdb"}
    shutil.rmtree(home / "reviews" / SECOND)
    seed = home / "output" / "seeds" / "teammates_export.csv"
    rows = seed.read_text(encoding="utf-8").replace("dana.levi@gmail.com", "ghost+x@example.com")
    seed.write_text(rows + '"operator+ghost@intercom.io",""\n', encoding="utf-8")

    for name in ("build", "snapshot"):
        done = finished_step(project, name, **where)
        assert done.returncode == 0, done.stdout + done.stderr

    known = evidence_of(home, SECOND)
    source = known["second_source"]
    page = (home / "reviews" / SECOND / "access-review.html").read_text(encoding="utf-8")
    findings = page[page.index('id="findings"') :]
    assert (source["only_in_the_export"], source["only_in_intercoms_list"]) == (1, 1)
    assert source["compared_teammates"] == 12
    assert source["not_compared"]["accounts_of_intercoms_bot"] == 1
    assert known["files"]["teammates-export.csv"] == source["sha256"]
    assert not any("no second source" in limit for limit in known["known_limits"])
    assert "ghost+x@example.com is in the teammates&#39; export" in findings
    assert "export differs" in findings.partition("</summary>")[0]
    assert "operator+ghost" not in findings


# The end of a review


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
def test_the_closing_report_has_every_decision_and_the_proof_of_every_removal(
    project: Path,
) -> None:
    folder = project / "demo" / "reviews" / FIRST
    closing = json.loads((folder / "closed" / "closing.json").read_text(encoding="utf-8"))
    removals = {row["access_key"]: row for row in closing["removals"]}
    page = (folder / "closed" / "closing.html").read_text(encoding="utf-8")
    archive = (project / "demo" / "reviews" / "index.html").read_text(encoding="utf-8")

    assert removals.keys() == {"1006/seat", "1012/workspace"}
    gone, kept = removals["1006/seat"], removals["1012/workspace"]
    assert gone["outcome"] == "gone"
    assert "took the inbox seat of Priya Raman" in gone["proof"]["event"]["sentence"]
    assert gone["proof"]["not_there_since"] == closing["as_of"]
    assert (gone["days_are"], gone["timeliness"]) == ("exact", "late")
    assert (kept["outcome"], kept["accepted"]["by"]) == ("accepted", "aoife@example.com")
    assert kept["accepted"]["until"] == str(day(-30))
    assert [row["state"] for row in closing["exceptions"]] == ["past its end"]
    assert len(closing["decisions"]) == 45
    assert all(row["taken_over_at"] and row["decided_by"] for row in closing["decisions"])
    totals = closing["control_totals"]
    assert totals["rows_to_decide"] == totals["rows_decided"]
    assert totals["of_the_closing_sync"]["admins"]["sent"]["rows"] == 13
    lines = (folder / "closed" / "intercom" / "requests.jsonl").read_text(encoding="utf-8")
    assert closing["closing_sync"]["complete"] == json.loads(lines.splitlines()[-1])
    assert closing["tests"]["self_review"]["decided_by_themselves"] == []
    assert "accepted until" in page
    assert "took the inbox seat of Priya Raman" in page
    assert f'href="{FIRST}/closed/closing.html">closed</a><br><small>on {day(0)}' in archive
    assert f">due</span><br><small>on {day(-7)}" in archive


def accept(home: Path, *rows: dict[str, str]) -> None:
    path = home / "reviews" / FIRST / "accepted.csv"
    write_list(path, list(rows) or [DANA])


def closed(home: Path) -> bool:
    return (home / "reviews" / FIRST / "closed").exists()


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
def test_an_acceptance_that_is_wrong_closes_nothing(open_home: Path, project: Path) -> None:
    changes = [
        ({}, ""),
        ({"reason": ""}, "has no reason"),
        ({"until": ""}, "'until' is '', not a later day"),
        ({"until": str(day(1))}, "not a later day that is still to come"),
        ({"accepted by": "grace@example.com"}, "was accepted by grace@example.com, but aoife@"),
        ({"accepted on": str(day(92))}, "not a day since the decision"),
        ({"row": "1006/workspace"}, "row '1006/workspace' is no removal that was decided"),
        ({}, "is there twice"),
    ]
    accept(open_home, *[DANA | change for change, _ in changes])

    error = error_of(project, "close", open_home)

    lines = {line.partition(": ")[0]: line for line in error.splitlines()}
    path = open_home / "reviews" / FIRST / "accepted.csv"
    assert f"- {path}, line 2" not in lines
    for number, (_, message) in enumerate(changes[1:], start=3):
        assert message in lines[f"- {path}, line {number}"]
    assert not closed(open_home)


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
def test_nobody_accepts_after_their_last_day(open_home: Path, project: Path) -> None:
    employees = open_home / "seeds" / "employees.csv"
    text = employees.read_text(encoding="utf-8")
    named = "aoife@example.com,Aoife Ní Bhriain,"
    assert named in text
    employees.write_text(text.replace(named, f"{named}{day(1)}"), encoding="utf-8")
    accept(open_home)

    error = error_of(project, "close", open_home)

    assert f"accepted.csv, line 2: aoife@example.com left on {day(1)}, before that" in error
    assert not closed(open_home)


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
def test_a_review_is_closed_once_and_not_before_its_end(open_home: Path, project: Path) -> None:
    first = open_home / "reviews" / FIRST
    still_there = error_of(project, "close", open_home)
    taken = json.loads((first / "decided-3.json").read_text(encoding="utf-8"))
    sync_path = open_home / "output" / "sync.json"
    sync = sync_path.read_text(encoding="utf-8")
    accept(open_home)
    before = json.dumps(json.loads(sync) | {"began_at": taken["taken_over_at"]})
    sync_path.write_text(before, encoding="utf-8")
    older = error_of(project, "close", open_home)
    sync_path.write_text(sync, encoding="utf-8")
    one_more = first / "decisions.csv"
    shutil.copy(first / "access-review.csv", one_more)
    not_taken_over = error_of(project, "close", open_home)
    one_more.unlink()
    assert not closed(open_home)

    done = step(project, "close", open_home)
    report = (first / "closed" / "closing.json").read_bytes()
    again = step(project, "close", open_home)

    assert "'1012/workspace' (Dana Levi, workspace) is still there" in still_there
    assert "accepted.csv of that folder" in still_there
    assert f"{SECOND} is not closed:\n- 45 of 45 rows are not decided" in still_there
    assert "before the decisions were taken over at" in older
    assert "- not taken over yet: decisions.csv; run 'meltano run" in not_taken_over
    assert f"{FIRST}: closed. 45 decisions" in done.stdout
    assert f"{FIRST} was closed at" in again.stdout
    assert (first / "closed" / "closing.json").read_bytes() == report


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
def test_nothing_is_closed_or_signed_after_tampering(open_home: Path, project: Path) -> None:
    accept(open_home)
    write(open_home / "reviews" / FIRST / "intercom" / "requests.jsonl", "{}")

    error = error_of(project, "close", open_home)
    unsigned = finished_step(
        project, "seal", REVIEW_HOME=str(open_home), REVIEW_SIGNING_KEY="no such key"
    )

    assert "Something was changed, nothing is closed" in error
    assert "Something was changed, nothing is sealed" in unsigned.stderr
    assert not closed(open_home)


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
@on_posix
def test_a_closing_that_is_killed_is_there_whole_or_not_at_all(
    open_home: Path, project: Path
) -> None:
    accept(open_home)

    trials = kills(project, "close", open_home, every=3)

    assert len(trials) > 10
    assert trials[-1]["code"] == 0
    for trial in trials:
        code, printed = trial["check"]
        assert code == 0, printed
        assert "CHANGED" not in printed
    assert (open_home / "reviews" / FIRST / "closed" / "closing.json").exists()
    assert not list((open_home / "reviews").rglob("*.new"))


def forge(home: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = home / "reviews" / FIRST / "closed" / "closing.json"
    closing = json.loads(path.read_text(encoding="utf-8"))
    change(closing)
    write(path, json.dumps(closing))


TAMPERINGS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a decision of the report": (
        lambda home: forge(home, lambda closing: closing["decisions"][0].update(decision="remove")),
        "closed/closing.json does not say what was decided",
    ),
    "a removal less": (
        lambda home: forge(home, lambda closing: closing["removals"].pop()),
        "closed/closing.json does not say what was decided",
    ),
    "of another review": (
        lambda home: forge(home, lambda closing: closing.update(review=SECOND)),
        f"closed/closing.json is that of the review {SECOND}",
    ),
    "no report any more": (
        lambda home: forge(home, lambda closing: closing.update(reviews=[])),
        "it is no closing report any more",
    ),
    "what was accepted": (
        lambda home: write(home / "reviews" / FIRST / "accepted.csv", "row\n"),
        "accepted.csv is not what was written",
    ),
    "its proof": (
        lambda home: write(home / "reviews" / FIRST / "closed/intercom/run.json", "{}"),
        "closed/intercom/run.json is not what was written",
    ),
    "a later record": (
        lambda home: shutil.copy(
            home / "reviews" / FIRST / "decided-3.json", home / "reviews" / FIRST / "decided-4.json"
        ),
        "decided-4.json was written after the review was closed",
    ),
    "more beside it": (
        lambda home: (home / "reviews" / FIRST / "closed" / "more.txt").touch(),
        "closed/more.txt was not written by any step",
    ),
    "a list after the end": (
        lambda home: shutil.copy(
            home / "reviews" / FIRST / "access-review.csv",
            home / "reviews" / FIRST / "decisions.csv",
        ),
        "decisions.csv was put there after the review was closed",
    ),
    "the report alone": (
        lambda home: (home / "reviews" / FIRST / "closed" / "closing.json").unlink(),
        "closed/closing.html was not written by any step",
    ),
}


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_with_the_end_of_a_review_is_named(name: str, home: Path, project: Path) -> None:
    change, message = TAMPERINGS[name]
    for path in (home / "reviews").rglob("*.sig"):
        path.unlink()
    change(home)

    done = step(project, "verify", home)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert message in done.stdout + done.stderr


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
def test_what_was_accepted_is_followed_as_an_exception(home: Path, project: Path) -> None:
    shutil.copytree(project / "demo" / "seeds", home / "seeds", dirs_exist_ok=True)

    assert step(project, "decisions", home).returncode == 0

    with (home / "output" / "seeds" / "decisions.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["access_key"]: row for row in csv.DictReader(file)}
    assert rows["1012/workspace"]["decision"] == "exception"
    assert rows["1012/workspace"]["until"] == str(day(-30))
    assert rows["1006/seat"]["decision"] == "remove"


# Signatures and timestamps


class Sealing:
    """Seals and verifies a copy of the demo."""

    def __init__(self, project: Path, home: Path, folder: Path) -> None:
        self.project, self.folder = project, folder
        self.key, self.other = ssh_key(folder, "auditor"), ssh_key(folder, "mallory")
        self.signers, self.trusted = folder / "allowed", authority(folder)
        allow(self.signers, auditor=self.key)
        self.evidence = home / "reviews" / FIRST / "evidence.json"
        self.where = {
            "REVIEW_HOME": str(home),
            "WAREHOUSE": "duckdb",
            "REVIEW_ALLOWED_SIGNERS": str(self.signers),
            "REVIEW_TIMESTAMP_CA": str(self.trusted),
        }

    def run(self, name: str, **more: str) -> subprocess.CompletedProcess[str]:
        done = finished_step(self.project, name, **self.where | more)
        assert "Traceback" not in done.stderr
        return done

    def beside(self, end: str, name: str = "evidence.json") -> Path:
        return self.evidence.with_name(f"{name}{end}")


@pytest.fixture
def sealing(open_home: Path, project: Path, tmp_path: Path) -> Sealing:
    if not (shutil.which("ssh-keygen") and shutil.which("openssl")):
        pytest.skip("needs ssh-keygen and openssl")
    return Sealing(project, open_home, tmp_path)


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
def test_what_cannot_be_sealed_is_refused_with_the_reason(sealing: Sealing) -> None:
    unset = sealing.run("seal")
    with service(sealing.folder, sealing.trusted, lambda answer: answer[:-5] + b"spoil") as url:
        spoiled = sealing.run("seal", REVIEW_TIMESTAMP_URL=url)
    with service(sealing.folder, authority(sealing.folder, "mallory-tsa")) as url:
        untrusted = sealing.run("seal", REVIEW_TIMESTAMP_URL=url)
    stopped = sealing.run("seal", REVIEW_TIMESTAMP_URL=url)
    file = sealing.run("seal", REVIEW_TIMESTAMP_URL="file:///etc/passwd")
    without_ca = sealing.run("seal", REVIEW_TIMESTAMP_URL=url, REVIEW_TIMESTAMP_CA="none")
    no_key = sealing.run("seal", REVIEW_SIGNING_KEY=str(sealing.folder / "missing"))
    foreign_key = sealing.run("seal", REVIEW_SIGNING_KEY=str(sealing.other))
    no_tool = sealing.run(
        "seal", REVIEW_SIGNING_KEY=str(sealing.key), PATH=str(sealing.folder / "nothing")
    )

    for refused, words in (
        (unset, "Nothing says how to seal"),
        (spoiled, "gave no good timestamp of"),
        (untrusted, "gave no good timestamp of"),
        (stopped, "did not answer"),
        (file, "no URL that begins with"),
        (without_ca, "timestamp_ca is 'none', no file"),
        (no_key, "was not signed with"),
        (foreign_key, f"which {sealing.signers} does not allow: No principal matched"),
        (no_tool, "ssh-keygen is not on this machine: install it"),
    ):
        assert refused.returncode == 1
        assert words in refused.stderr
    assert not sealing.beside(".sig").exists()
    assert not sealing.beside(".tsr").exists()
    assert not list(sealing.evidence.parent.rglob("*.new"))


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
def test_a_review_is_signed_and_dated_and_verifying_says_by_whom(sealing: Sealing) -> None:
    evidence = sealing.evidence
    both = {"REVIEW_REQUIRE": "Signed, dated"}
    unsigned, wanted = sealing.run("verify"), sealing.run("verify", **both)
    with service(sealing.folder, sealing.trusted) as url:
        done = sealing.run("seal", REVIEW_SIGNING_KEY=str(sealing.key), REVIEW_TIMESTAMP_URL=url)
    again = sealing.run("seal", REVIEW_SIGNING_KEY=str(sealing.other))
    good = sealing.run("verify", **both)
    nobody_known = sealing.run("verify", REVIEW_ALLOWED_SIGNERS="none")
    no_tools = sealing.run("verify", PATH=str(sealing.folder / "nothing"), **both)

    assert unsigned.returncode == 0
    assert f"{evidence}: not signed, not dated" in unsigned.stdout
    assert wanted.returncode == 1
    assert f"{FIRST}: unchanged" in wanted.stdout
    assert "evidence.json is not signed, and settings.ini requires it" in wanted.stderr
    assert done.returncode == 0, done.stderr
    assert "Everything is sealed already" in again.stdout
    assert good.returncode == 0, good.stdout
    assert f"{evidence}: signed by auditor@example.com (ED25519 SHA256:" in good.stdout
    assert "dated by a service of timestamp_ca at" in good.stdout
    assert nobody_known.returncode == 0
    assert "no none says whose that is" in nobody_known.stdout
    assert no_tools.returncode == 1
    assert "ssh-keygen is not on this machine: install it" in no_tools.stderr


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
def test_a_signature_or_timestamp_that_is_not_good_is_loud(sealing: Sealing) -> None:
    with service(sealing.folder, sealing.trusted) as url:
        sealing.run("seal", REVIEW_SIGNING_KEY=str(sealing.key), REVIEW_TIMESTAMP_URL=url)
    allow(sealing.signers, mallory=sealing.other)
    not_allowed = sealing.run("verify")
    allow(sealing.signers, auditor=sealing.key)
    line = sealing.signers.read_text(encoding="utf-8")
    expired_key = line.replace(" ", ' valid-before="20200101" ', 1)
    sealing.signers.write_text(expired_key, encoding="utf-8")
    expired = sealing.run("verify")
    sealing.signers.write_text("!bo@example.com,*" + line, encoding="utf-8")
    pattern = sealing.run("verify")
    allow(sealing.signers, auditor=sealing.key)
    stamp, signature = sealing.beside(".tsr"), sealing.beside(".sig")
    content = stamp.read_bytes()
    write(stamp, sealing.beside(".tsr", "decided-1.json").read_bytes())
    other_stamp = sealing.run("verify")
    write(stamp, content)
    write(signature, sealing.beside(".sig", "decided-1.json").read_bytes())
    other_signature = sealing.run("verify")
    write(signature, "")
    no_signature = sealing.run("verify")

    assert "signed by *auditor@example.com (ED25519" in pattern.stdout
    for bad, words in (
        (not_allowed, "does not allow: No principal matched"),
        (expired, "key has expired"),
        (other_stamp, "evidence.json.tsr is no good timestamp of this evidence.json"),
        (other_signature, "evidence.json.sig is no signature of this evidence.json"),
        (no_signature, "evidence.json.sig is no signature of this evidence.json"),
    ):
        assert bad.returncode == 1
        assert "CHANGED" in bad.stdout
        assert words in bad.stdout


@pytest.mark.targets
@pytest.mark.xdist_group("demo")
def test_a_signature_that_a_later_review_saw_cannot_be_taken_away(
    sealing: Sealing, open_home: Path
) -> None:
    shutil.rmtree(open_home / "reviews" / SECOND)
    sealing.run("seal", REVIEW_SIGNING_KEY=str(sealing.key))
    assert sealing.run("snapshot").returncode == 0
    sealing.beside(".sig").unlink()

    done = sealing.run("verify")

    assert done.returncode == 1
    assert f"evidence.json.sig is not what {SECOND} saw" in done.stdout
