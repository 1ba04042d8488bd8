"""The example project: signed lists that are refused, and changes that are detected."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

from tests.reviews import FIRST, SECOND, day, error_of, read_list, step, write_list, write_seeds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.targets, pytest.mark.xdist_group("review")]

Rows = list[dict[str, str]]


@pytest.fixture
def home(reviewed: Path, tmp_path: Path) -> Path:
    """A copy of the archive, in which the second review is not decided yet."""
    shutil.copytree(reviewed / "reviews", tmp_path / "reviews")
    shutil.copytree(reviewed / "output", tmp_path / "output")
    shutil.copytree(reviewed / "seeds", tmp_path / "seeds")
    return tmp_path


@pytest.fixture
def rows(home: Path) -> Rows:
    """The list of the second review, with one decision in its first row that has a reviewer."""
    listing = read_list(home / "reviews" / SECOND / "access-review.csv")
    listing.sort(key=lambda row: (row["reviewer"] == "", row["row"]))
    listing[0] |= {
        "decision": "keep",
        "decided by": listing[0]["reviewer"],
        "decided on": str(day(0)),
    }
    return listing


def inbox(home: Path, rows: Rows, delimiter: str = ",") -> Path:
    path = home / "reviews" / SECOND / "decisions.csv"
    write_list(path, rows, delimiter)
    return path


def decided(home: Path) -> list[Any]:
    path = home / "reviews" / SECOND / "decided-1.json"
    return json.loads(path.read_text(encoding="utf-8"))["decisions"] if path.exists() else []


def test_undecided_rows_are_counted_and_not_guessed(
    home: Path, rows: Rows, review_project: Path
) -> None:
    inbox(home, rows)

    done = step(review_project, "decisions", home)

    assert (done.returncode, done.stderr) == (0, "")
    assert "1 keep, 0 remove, 0 exception, 78 undecided" in done.stdout
    assert [row["decided_by"] for row in decided(home)] == [rows[0]["reviewer"]]


def test_empty_columns_and_rows_at_the_end_do_not_count(
    home: Path, rows: Rows, review_project: Path
) -> None:
    path = inbox(home, rows)
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    path.write_text("".join(f"{line},,\n" for line in [*lines, "," * 16]), encoding="utf-8")

    done = step(review_project, "decisions", home)

    assert (done.returncode, done.stderr) == (0, "")
    assert len(decided(home)) == 1


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_list_that_a_spreadsheet_program_saved_in_another_country_is_read(
    delimiter: str, home: Path, rows: Rows, review_project: Path
) -> None:
    inbox(home, rows, delimiter)

    assert step(review_project, "decisions", home).returncode == 0
    assert len(decided(home)) == 1


REFUSED: dict[str, tuple[Callable[[Rows], Any], str]] = {
    "no such decision": (
        lambda rows: rows[0].update(decision="maybe"),
        "decision is 'maybe', not keep, remove, exception",
    ),
    "a formula": (lambda rows: rows[0].update(decision="=A1"), "decision is '=a1'"),
    "nobody decided": (lambda rows: rows[0].update({"decided by": ""}), "'decided by' is empty"),
    "somebody else decided": (
        lambda rows: rows[0].update({"decided by": "mallory@example.com"}),
        "was decided by mallory@example.com, but grace@example.com is assigned",
    ),
    "without a reviewer": (
        lambda rows: rows[-1].update({"decision": "keep", "decided by": "tomas@example.com"}),
        "has no reviewer: name one in reviewers.csv",
    ),
    "without a day": (lambda rows: rows[0].update({"decided on": ""}), "'decided on' is ''"),
    "in another form": (
        lambda rows: rows[0].update({"decided on": "25.11.2026"}),
        "'decided on' is '25.11.2026', not a day since the review such as",
    ),
    "before the review": (
        lambda rows: rows[0].update({"decided on": str(day(1))}),
        "not a day since the review",
    ),
    "in the future": (
        lambda rows: rows[0].update({"decided on": str(day(-3))}),
        "not a day since the review",
    ),
    "exception without reason": (
        lambda rows: rows[0].update(decision="exception", until=str(day(-30))),
        "an exception needs a reason",
    ),
    "exception without end": (
        lambda rows: rows[0].update(decision="exception", reason="audit"),
        "an exception needs an end: 'until' is '', not a later day",
    ),
    "exception that has ended": (
        lambda rows: rows[0].update(decision="exception", reason="audit", until=str(day(0))),
        "an exception needs an end",
    ),
    "an end without exception": (
        lambda rows: rows[0].update(until=str(day(-30))),
        "only an exception has an end",
    ),
    "a row less": (lambda rows: rows.pop(), "is missing"),
    "a row more": (
        lambda rows: rows.append(rows[0] | {"row": "1001/team/9"}),
        "row '1001/team/9' is not in the snapshot",
    ),
    "a row twice": (lambda rows: rows.append(dict(rows[0])), "is there twice, first in line 2"),
    "another person": (
        lambda rows: rows[0].update(person="Somebody", email="x@example.com"),
        "differs from the snapshot in: person, email",
    ),
    "another reviewer": (
        lambda rows: rows[0].update(reviewer="mallory@example.com"),
        "differs from the snapshot in: reviewer",
    ),
    "a column less": (
        lambda rows: [row.pop("until") for row in rows],
        "its columns are not those of the list (lacking: until; not known: none)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_list_with_anything_wrong_is_not_taken_over_in_part(
    case: str, home: Path, rows: Rows, review_project: Path
) -> None:
    spoil, message = REFUSED[case]
    rows[1] |= {"decision": "keep", "decided by": rows[1]["reviewer"], "decided on": str(day(0))}
    spoil(rows)
    path = inbox(home, rows)
    name = rows[0]["person"] if "row" not in case else ""

    error = error_of(review_project, "decisions", home)

    assert str(path) in error
    assert "nothing is taken over" in error
    assert message in error
    assert "column" in case or "reviewer" in case or name in error
    assert decided(home) == []


def test_every_wrong_row_is_named_and_many_are_counted(
    home: Path, rows: Rows, review_project: Path
) -> None:
    for row in rows:
        row["decision"] = "perhaps"
    inbox(home, rows)

    done = step(review_project, "decisions", home)

    assert done.stderr.count("decision is 'perhaps'") == 20
    assert "line 2 (Aoife Ní Bhriain, role Workspace admin)" in done.stderr
    assert "and 59 more" in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("decisions.csv", "row,person\n\xfc".encode("latin-1"), "it is not in UTF-8"),
        ("decisions.csv", b"", "its columns are not those of the list"),
        ("decisions.xlsx", b"no spreadsheet", "it is no spreadsheet"),
    ],
)
def test_a_file_that_is_no_list_is_refused(
    name: str, content: bytes, message: str, home: Path, review_project: Path
) -> None:
    (home / "reviews" / SECOND / name).write_bytes(content)

    error = error_of(review_project, "decisions", home)

    assert message in error


def test_two_signed_lists_are_one_too_many(home: Path, rows: Rows, review_project: Path) -> None:
    inbox(home, rows)
    folder = home / "reviews" / SECOND
    shutil.copy(folder / "access-review.xlsx", folder / "decisions.xlsx")

    error = error_of(review_project, "decisions", home)

    assert "holds decisions.csv and decisions.xlsx: keep one of them" in error


def test_what_was_taken_over_stays_and_the_rest_may_follow(
    home: Path, rows: Rows, review_project: Path
) -> None:
    inbox(home, rows)
    assert step(review_project, "decisions", home).returncode == 0
    signed = {"decided by": rows[1]["reviewer"], "decided on": str(day(0))}

    rows[0]["decision"] = "remove"
    inbox(home, rows)
    changed = step(review_project, "decisions", home)
    rows[0]["decision"] = "keep"
    rows[1] |= {"decision": "remove"} | signed
    inbox(home, rows)
    more = step(review_project, "decisions", home)
    again = step(review_project, "decisions", home)

    assert changed.returncode == 1
    assert "was taken over as 'keep': decide again in the next review" in changed.stderr
    assert (more.returncode, more.stderr) == (0, "")
    assert "1 keep, 1 remove, 0 exception, 77 undecided" in more.stdout
    assert (home / "reviews" / SECOND / "decided-2.json").exists()
    assert "Nothing new was signed" in again.stdout


def test_nothing_is_taken_over_after_a_sync_that_failed(home: Path, review_project: Path) -> None:
    (home / "output" / "sync.json").unlink()

    error = error_of(review_project, "decisions", home)

    assert "run 'meltano run access-sync' first" in error


def test_an_archive_that_nobody_changed_is_verified(home: Path, review_project: Path) -> None:
    done = step(review_project, "verify", home)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("unchanged") == 2


def test_an_archive_that_is_gone_is_not_verified(home: Path, review_project: Path) -> None:
    shutil.rmtree(home / "reviews")

    error = error_of(review_project, "verify", home)

    assert "holds no review: there is nothing to verify" in error


def edit(path: Path, old: str, new: str) -> None:
    path.chmod(0o644)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def resign(folder: Path) -> None:
    book = openpyxl.load_workbook(folder / "decisions.xlsx")
    book.save(folder / "decisions.xlsx")


def forge(folder: Path, *, drop: bool) -> None:
    """Put a record of other decisions beside the sealed one."""
    record = json.loads((folder / "decided-1.json").read_text(encoding="utf-8"))
    if drop:
        record["decisions"][0]["decision"] = "exception"
        record["taken_over_at"] = "2999-01-01T00:00:00+00:00"
    else:
        record["taken_over_at"] = "2001-01-01T00:00:00+00:00"
    (folder / "decided-2.json").write_text(json.dumps(record), encoding="utf-8")


def insert(reviews: Path) -> None:
    """Put a review into the archive that no other one knows."""
    shutil.copytree(reviews / FIRST, reviews / "2001-01-01")
    edit(reviews / "2001-01-01" / "evidence.json", f'"as_of": "{FIRST}', '"as_of": "2001-01-01')


def link(path: Path) -> None:
    """Put a link in the place of a file."""
    other = path.parent.parent.parent / path.name
    path.rename(other)
    path.symlink_to(other)


CHANGED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "the list": (
        lambda at: edit(at / FIRST / "access-review.csv", "Priya", "Prya"),
        "access-review.csv is not what was written",
    ),
    "the page": (
        lambda at: edit(at / SECOND / "access-review.html", "Findings", "Finds"),
        "access-review.html is not what was written",
    ),
    "a file less": (
        lambda at: (at / SECOND / "access-review.xlsx").unlink(),
        "access-review.xlsx is not what was written",
    ),
    "the evidence": (
        lambda at: edit(at / FIRST / "evidence.json", '"region": "US"', '"region": "EU"'),
        f"evidence.json is not what {SECOND} saw",
    ),
    "what was signed": (
        lambda at: resign(at / FIRST),
        "decisions.xlsx is not what was taken over on",
    ),
    "what was taken over": (
        lambda at: edit(
            at / FIRST / "decided-1.json", '"decision": "remove"', '"decision": "keep"'
        ),
        f"decided-1.json is not what {SECOND} saw",
    ),
    "a forged record": (
        lambda at: forge(at / FIRST, drop=True),
        "decided-2.json lacks what was decided before it",
    ),
    "a record that was put between": (
        lambda at: forge(at / FIRST, drop=False),
        f"decided-2.json is older than {SECOND}, which did not see it",
    ),
    "a record less": (
        lambda at: (at / FIRST / "decided-1.json").rename(at / FIRST / "decided-2.json"),
        "decided-1.json is not there",
    ),
    "a copy of a review": (
        lambda at: shutil.copytree(at / FIRST, at / f"{FIRST}-2"),
        f"it is a copy of {FIRST}",
    ),
    "another date": (
        lambda at: (at / SECOND).rename(at / "2031-01-01"),
        f"its evidence is that of the review of {SECOND}",
    ),
    "a review that was put before": (
        insert,
        "it knows nothing of the review 2001-01-01 before it",
    ),
    "a second spreadsheet": (
        lambda at: shutil.copy(at / SECOND / "access-review.xlsx", at / SECOND / "final.xlsx"),
        "final.xlsx was not written by any step",
    ),
    "a link": (
        lambda at: link(at / SECOND / "access-review.csv"),
        "access-review.csv is not what was written",
    ),
    "the page of all reviews": (
        lambda at: edit(at / "index.html", "unchanged", "perfect"),
        "index.html: CHANGED: it is not what the last step wrote",
    ),
    "a review less": (
        lambda at: shutil.rmtree(at / FIRST),
        f"the review that {SECOND} saw is not there",
    ),
    "no evidence": (
        lambda at: (at / SECOND / "evidence.json").unlink(),
        "evidence.json is not there",
    ),
    "no JSON": (
        lambda at: edit(at / SECOND / "evidence.json", "{", "["),
        "evidence.json cannot be read",
    ),
    "empty evidence": (
        lambda at: edit(at / SECOND / "evidence.json", '"files"', '"no files"'),
        "is no evidence of a review any more",
    ),
    "a list without rows": (
        lambda at: edit(at / SECOND / "evidence.json", '"row_count"', '"rows"'),
        "is no evidence of a review any more",
    ),
    "no time": (
        lambda at: edit(at / SECOND / "evidence.json", f'"as_of": "{SECOND}T', '"as_of": "x'),
        "is no evidence of a review any more",
    ),
    "half a character": (
        lambda at: edit(at / SECOND / "evidence.json", '"region": "US"', '"region": "\\ud800"'),
        "evidence.json cannot be read",
    ),
    "a record of numbers": (
        lambda at: edit(
            at / FIRST / "decided-1.json", '"decided_on": "', '"decided_on": 1, "x": "'
        ),
        "is no record of decisions any more",
    ),
}


def test_a_review_of_an_older_version_is_shown(home: Path, review_project: Path) -> None:
    edit(home / "reviews" / FIRST / "evidence.json", '"as_of_is_pretended": true,', "")

    assert [step(review_project, name, home).returncode for name in ("archive", "page")] == [0, 0]


@pytest.mark.parametrize("case", CHANGED)
def test_whatever_was_changed_is_detected(case: str, home: Path, review_project: Path) -> None:
    change, message = CHANGED[case]
    change(home / "reviews")

    done = step(review_project, "verify", home)

    assert done.returncode == 1
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_decisions_that_differ_from_the_signed_list_are_detected_before_the_next_review(
    home: Path, rows: Rows, review_project: Path
) -> None:
    inbox(home, rows)
    assert step(review_project, "decisions", home).returncode == 0
    edit(home / "reviews" / SECOND / "decided-1.json", '"keep"', '"remove"')

    done = step(review_project, "verify", home)

    assert "decided-1.json does not say what decisions.csv says" in done.stdout


def test_decisions_about_a_changed_snapshot_are_refused(
    home: Path, rows: Rows, review_project: Path
) -> None:
    inbox(home, rows)
    edit(home / "reviews" / SECOND / "access-review.csv", "Priya", "Prya")

    error = error_of(review_project, "decisions", home)

    assert "was changed, nothing is taken over: access-review.csv" in error


def test_a_review_is_never_written_again(home: Path, review_project: Path) -> None:
    error = error_of(review_project, "snapshot", home)

    assert "is of this sync or a later one: read Intercom again first" in error


WRONG_SEEDS = {
    "employees.csv": [
        ("email\n", "has the columns email; expected: email, name, and if wanted left_on"),
        ("email,name,left_on\na@b.c,A,15.8.2026\n", "line 2: left_on is '15.8.2026', not a date"),
        ("email,name\na@b.c,A\nA@b.c,A\n", "lines 2 and 3 are about the same"),
        ("email,name\na@b.c\n", "line 2: not as many values as columns"),
        ("email,name\n,A\n", "line 2: email is missing"),
    ],
    "reviewers.csv": [
        ("kind,name,reviewer\nseat,x,a@b.c\n", "line 2: kind is team or role, with a name"),
        ("kind,name,reviewer\ndefault,x,a@b.c\n", "or default, without one"),
        ("kind,name,reviewer\nteam,x,\n", "line 2: reviewer is missing"),
    ],
    "privileged_roles.csv": [("role\nAdmin\nAdmin\n", "lines 2 and 3 are about the same")],
    "service_accounts.csv": [
        ("email,owner\na@b.c,A@b.c\n", "line 2: the owner is a person, and a@b.c is a service"),
        ("email,owner\na@b.c,x@y.z\nX@y.z,d@e.f\n", "line 2: the owner is a person, and x@y.z is"),
        (  # who reviews everything else
            "email,owner\na@b.c,d@e.f\ntomas@example.com,grace@example.com\n",
            "line 2: the reviewer is a person, and tomas@example.com is a service account",
        ),
    ],
}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [(name, *case) for name, cases in WRONG_SEEDS.items() for case in cases],
)
def test_a_wrong_seed_ends_it_before_anything_is_read(
    name: str, content: str, message: str, home: Path, review_project: Path
) -> None:
    write_seeds(home)
    (home / "seeds" / name).write_text(content, encoding="utf-8")

    error = error_of(review_project, "load", home)

    assert f"{home / 'seeds' / name}" in error
    assert message in error
    assert (home / "output" / "sync.json").exists()
