"""Write files with personal data.

A file is written under a temporary name, and renamed when it is complete. It gets the owner and
group of its folder, and other users can't read it, whatever the umask. Symbolic links are refused.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import click


def restrict_umask() -> None:
    """Deny other users access to every file that this process and its children create."""
    os.umask(os.umask(0o077) | 0o007)


def make_folder(path: Path) -> None:
    """Create a folder and its parents. Only users who can read the parent can read it."""
    if path.is_symlink():
        raise click.ClickException(f"{path} is a symbolic link. Replace it with a folder.")
    if path.is_dir():
        return
    try:
        if not path.parent.exists():
            make_folder(path.parent)
        path.mkdir(0o700)
        _share_with_readers_of(path.parent, path, 0o2770)
    except OSError as error:
        raise click.ClickException(f"Cannot create {path}: {error.strerror}.") from error


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that replaces `path` when the block ends without an error.

    Raises:
        click.ClickException: The file cannot be written. An older file is unchanged.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        with open(new, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _share_with_readers_of(path.parent, new, 0o660)
        new.replace(path)
    except OSError as error:
        raise click.ClickException(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        new.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, without changing its line endings."""
    with replacing(path) as file:
        file.write(text.encode())


def write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Write text files by name. All are complete before the first one replaces an older file."""
    with ExitStack() as stack:
        for name, text in texts.items():
            file = stack.enter_context(replacing(folder / name))
            file.write(text.encode())
            file.flush()


def _share_with_readers_of(folder: Path, path: Path, permissions: int) -> None:
    """Copy the owner, the group, and some permissions of a folder; other users get none."""
    like = folder.stat()
    mode = like.st_mode & permissions | permissions & 0o600
    try:
        if hasattr(os, "chown"):
            os.chown(path, like.st_uid, like.st_gid)
    except PermissionError:
        mode &= 0o700  # the group of the file may not read the folder
    path.chmod(mode)
