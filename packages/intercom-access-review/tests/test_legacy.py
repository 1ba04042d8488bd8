"""Reviews by the version before this package: verified, continued, and never changed.

`legacy.tar.xz` holds a review by `examples/access-review` of commit 4f4ffe4. Two of three
worksheets are imported, and the third one is `late.csv`.
"""

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from msgspec.structs import replace

from archives import signing, verify
from intercom_access_review import legacy
from intercom_access_review.verify import load_archive
from projects import NOW, Project, make_writable, read_rows, write_rows
from tap_intercom_access.sandbox.demo import advance_quarter, demo
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import Sandbox
from timestamps import authority

pytestmark = [pytest.mark.targets, pytest.mark.xdist_group("legacy")]

ARCHIVE = Path(__file__).parent / "legacy.tar.xz"
REVIEW = "2026-08-31"


@pytest.fixture
def old(tmp_path: Path) -> Project:
    project = Project(tmp_path / "project").init()
    with tarfile.open(ARCHIVE) as files:
        files.extractall(project.folder, filter="data")
    return project


def hashes(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_an_old_review_is_verified_without_changing_it(old: Project) -> None:
    before = hashes(old.folder / "reviews")

    assert f"{REVIEW}: integrity check passed" in old.run("verify")
    assert hashes(old.folder / "reviews") == before


def change(folder: Path, name: str, text: str, new: str) -> None:
    make_writable(folder)
    path = folder / name
    content = path.read_text(encoding="utf-8")
    assert text in content
    path.write_text(content.replace(text, new), encoding="utf-8")


TAMPERED: dict[str, tuple[Callable[[Path], object], str]] = {
    "list": (
        lambda folder: change(folder, "access-review.csv", "Dana", "Dora"),
        "access-review.csv is missing or was changed",
    ),
    "evidence": (
        lambda folder: change(folder, "evidence.json", '"2.16"', '"2.15"'),
        "decided-1.json does not match the file before it",
    ),
    "signed": (
        lambda folder: shutil.rmtree(folder / "signed"),
        "signed/",
    ),
    "decision": (
        lambda folder: change(folder, "decided-1.json", '"keep"', '"remove"'),
        "decided-2.json does not match the file before it",
    ),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_a_changed_old_review_fails_and_is_not_continued(
    case: str, old: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    tamper, message = TAMPERED[case]
    tamper(old.folder / "reviews" / REVIEW)
    monkeypatch.chdir(old.folder)

    assert any(message in problem for problem in legacy.problems_of(Path("reviews") / REVIEW))
    assert f"reviews/{REVIEW} was changed" in old.error("prepare")
    assert "integrity check FAILED" in old.finished("verify").stdout


SEALS = {
    "signature": {"signing_key": "none"},
    "timestamp": {"timestamp_url": "http://127.0.0.1:9"},
}


@pytest.mark.parametrize("seal", SEALS)
@pytest.mark.usefixtures("in_project")
def test_an_old_review_whose_seal_failed_is_sealed_by_the_next_run(
    seal: str, tmp_path: Path
) -> None:
    settings = replace(signing(tmp_path), timestamp_ca=str(authority(tmp_path)))
    with tarfile.open(ARCHIVE) as files:
        files.extractall(filter="data")

    with pytest.raises(click.ClickException, match=r"none|did not respond"):
        load_archive(replace(settings, **SEALS[seal]))

    assert verify()[0] == 0
    assert not list(Path("reviews").glob("*/manifest.json*"))
    (review,) = load_archive(settings)
    assert verify("--allowed-signers", settings.allowed_signers)[0] == 0
    assert not list(review.folder.rglob(".new"))


def test_an_old_review_is_continued_and_completed(old: Project) -> None:
    before = hashes(old.folder / "reviews" / REVIEW)
    workspace = demo(NOW - 91 * DAY)
    advance_quarter(workspace, NOW - 91 * DAY)
    workspace.leave(1012)
    with Sandbox(workspace) as sandbox:
        old.sync(sandbox, "sync")
    rows = read_rows(old.folder / "late.csv")
    for row in rows:
        del row["review"]  # as in access-review.csv
    write_rows(old.folder / "inbox" / "grace.csv", rows)
    imported = old.run("import-decisions")
    with Sandbox(workspace) as sandbox:
        old.sync(sandbox, "sync")
    old.run("complete")

    assert "0 undecided" in imported
    after = hashes(old.folder / "reviews" / REVIEW)
    assert before.items() <= after.items()
    assert "completion/completion.html" in after
    outcomes = old.query("select outcome from outcomes where decision = 'revoke'")
    assert [row["outcome"] for row in outcomes] == ["removed", "removed"]
    assert "integrity check passed" in old.run("verify")
