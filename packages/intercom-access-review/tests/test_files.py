"""Files are complete, private, and only written where they belong."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from intercom_access_review.files import (
    make_folder,
    replacing,
    restrict_umask,
    write_text,
    write_texts,
)

on_posix = pytest.mark.skipif(os.name != "posix", reason="POSIX file modes")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask() -> Iterator[None]:
    """Restore the umask after a test."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@on_posix
@pytest.mark.parametrize(
    ("above", "mask", "folder", "file"),
    [
        (0o755, 0o022, 0o750, 0o640),
        (0o700, 0o000, 0o700, 0o600),
        (0o775, 0o077, 0o770, 0o660),
        (0o777, 0o000, 0o770, 0o660),
    ],
)
@pytest.mark.usefixtures("umask")
def test_only_readers_of_the_folder_can_read_its_files(
    above: int, mask: int, folder: int, file: int, tmp_path: Path
) -> None:
    if os.geteuid() == 0:  # only root can change owners
        os.chown(tmp_path, 12345, 23456)
    tmp_path.chmod(above)
    os.umask(mask)

    make_folder(tmp_path / "a" / "b")
    write_text(tmp_path / "a" / "b" / "text", "x")

    made = [tmp_path / "a", tmp_path / "a" / "b"]
    assert [mode(path) for path in made] == [folder, folder]
    assert mode(made[1] / "text") == file
    assert {(path.stat().st_uid, path.stat().st_gid) for path in [*made, made[1] / "text"]} == {
        (tmp_path.stat().st_uid, tmp_path.stat().st_gid)
    }


@on_posix
@pytest.mark.usefixtures("umask")
def test_other_users_cannot_read_files_of_child_processes(tmp_path: Path) -> None:
    restrict_umask()

    (tmp_path / "a").touch()

    assert mode(tmp_path / "a") == 0o640


def test_a_failed_write_changes_no_file(tmp_path: Path) -> None:
    write_texts(tmp_path, {"a": "old", "b": "old"})

    with pytest.raises(UnicodeEncodeError):
        write_texts(tmp_path, {"a": "new", "b": "\ud800"})

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old", "b": "old"}


def test_the_files_of_a_killed_run_are_replaced(tmp_path: Path) -> None:
    (tmp_path / ".a.new").write_text("incomplete")

    write_text(tmp_path / "a", "ä\r\n\n")

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a": "ä\r\n\n".encode()
    }


@on_posix
def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("other")
    for link in ("file", ".file.new"):
        (tmp_path / link).symlink_to(other / "file")
    (tmp_path / "folder").symlink_to(other)

    write_text(tmp_path / "file", "own")
    with pytest.raises(click.ClickException, match=r"folder is a symbolic link\. Replace it"):
        make_folder(tmp_path / "folder")

    assert (tmp_path / "file").read_text() == "own"
    assert {path.name: path.read_text() for path in other.iterdir()} == {"file": "other"}


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "a.csv"
    (tmp_path / "file").touch()

    with (
        pytest.raises(click.ClickException, match=r"Cannot write .*a\.csv: No such file"),
        replacing(path),
    ):
        pass
    with pytest.raises(click.ClickException, match=r"Cannot create .*below: "):
        make_folder(tmp_path / "file" / "below")
