"""Steps are killed before each of their changes, and the archive is intact after each kill."""

import os
import sys
import tarfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from archives import ADA, BEN, NAME, complete, imported, read_review, signing, verify, write_review
from intercom_access_review.legacy import upgrade
from intercom_access_review.project import INBOX, REVIEWS
from intercom_access_review.settings import Settings
from intercom_access_review.verify import load_archive

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here"),
    pytest.mark.usefixtures("in_project"),
]

CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "shutil.copyfile"}
KILLED = 137


def is_change(event: str, arguments: tuple[object, ...]) -> bool:
    if event != "open":
        return event in CHANGES
    mode, flags = arguments[1:3]
    return bool(set("wax+") & set(str(mode or ""))) or (
        isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))
    )


def killed_before(number: int, step: Callable[[], object]) -> bool:
    """Run a step in a child process, and kill it before a change. Return whether it was killed."""
    child = os.fork()
    if child == 0:
        changes = count(1)

        def observe(event: str, arguments: tuple[object, ...]) -> None:
            if is_change(event, arguments) and next(changes) == number:
                os._exit(KILLED)

        sys.addaudithook(observe)
        step()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED


@pytest.mark.slow
def test_a_killed_review_is_complete_or_does_not_exist() -> None:
    for number in count(1, 3):
        was_killed = killed_before(number, write_review)
        reviews = load_archive(Settings())

        assert [review.undecided for review in reviews] in ([], [5])
        assert not reviews or verify()[0] == 0
        if not was_killed:
            break
    assert (REVIEWS / NAME / "manifest.json").exists()


@pytest.mark.slow
def test_an_import_is_done_once_although_it_is_killed() -> None:
    review = write_review()
    complete(ADA)
    complete(BEN)
    for number in count(1):
        was_killed = killed_before(number, lambda: imported(read_review(review.folder)))

        assert verify()[0] == 0
        assert read_review(review.folder).undecided in {5, 1}
        if not was_killed:
            break
    again = read_review(review.folder)
    assert again.undecided == 1
    left = sorted(INBOX.iterdir())
    assert [path.name for path in left] == [f"{ADA}.csv", f"{BEN}.csv"]
    text = "it contains no new decision or attestation. If that is right, delete the file."
    assert imported(again) == (0, [f"{path} was not imported:\n- {text}" for path in left])


@pytest.mark.slow
def test_an_old_review_is_sealed_although_it_is_killed(tmp_path: Path) -> None:
    settings = signing(tmp_path)
    with tarfile.open(Path(__file__).parent / "legacy.tar.xz") as files:
        files.extractall(filter="data")
    for number in count(1):
        was_killed = killed_before(number, lambda: upgrade(settings))
        manifests = list(REVIEWS.glob("*/manifest.json"))

        assert verify()[0] == 0
        assert all(path.with_name("manifest.json.sig").exists() for path in manifests)
        if not was_killed:
            break
    (review,) = load_archive(settings)
    assert (review.folder / "manifest.json").exists()
