"""Files with personal data, and texts that no spreadsheet program takes for a formula.

A file is written beside its place and put there once it is whole. It belongs to the owner and the
group of its folder, and nobody else may read it, whatever the umask. Both examples hold this file.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A formula begins with one of these, in full width, too; and where a program splits at semicolons,
# as in much of Europe, also behind one.
FORMULA = re.compile(r"(^|;)(?=[\s\"]*[=+\-@＝＋－＠\t\r])")  # noqa: RUF001
DEFUSED = re.compile(r"(^|;)([\s\"']*)(?=[=+\-@＝＋－＠])")  # noqa: RUF001


def defuse(text: str) -> str:
    """Put an apostrophe before whatever a spreadsheet program would take for a formula."""
    return FORMULA.sub(r"\1'", text)


def fuse(text: str) -> str:
    """Give a text without the apostrophes that may have been put before a formula."""
    return DEFUSED.sub(lambda match: match.group(0).replace("'", ""), text)


def keep_private() -> None:
    """Let no file that this process or its children make be readable by everybody."""
    os.umask(os.umask(0o077) | 0o007)


def make_folder(path: Path) -> None:
    """Make a folder for its owner and, as far as they may enter the one above, its group."""
    if not path.exists():
        if not path.parent.exists():
            make_folder(path.parent)
        path.mkdir()
        above = path.parent.stat()
        path.chmod(0o700 | (above.st_mode & 0o2070))
        _give(path, above)
    else:
        with suppress(PermissionError):
            path.chmod(path.stat().st_mode & 0o7770)


@contextmanager
def replacing(path: Path, sealed: bool = False) -> Iterator[Path]:  # noqa: FBT001, FBT002
    """Give a path to write to; what was written there takes the place of the file at the end.

    Args:
        path: The file.
        sealed: Whether nobody is to write to it again.
    """
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    yield new
    folder = path.parent.stat()
    mode = 0o600 | (folder.st_mode & 0o060)
    _give(new, folder)
    new.chmod(mode & 0o440 if sealed else mode)
    new.replace(path)


def seal(path: Path) -> None:
    """Let nobody write to a file again."""
    path.chmod(path.stat().st_mode & 0o440)


def write_text(path: Path, text: str, *, sealed: bool = False) -> None:
    """Write a text file in UTF-8: all of it, or nothing."""
    with replacing(path, sealed) as new:
        new.write_text(text, encoding="utf-8", newline="\n")


def _give(path: Path, folder: os.stat_result) -> None:
    """Give a file to the owner and the group of a folder, as far as this user may."""
    if hasattr(os, "chown"):
        for owner, group in ((-1, folder.st_gid), (folder.st_uid, -1)):
            with suppress(PermissionError):
                os.chown(path, owner, group)
