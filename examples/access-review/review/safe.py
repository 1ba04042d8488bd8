"""Files with personal data, and texts that no spreadsheet program takes for a formula.

A file is written beside its place and put there once it is whole. It belongs to the owner and the
group of its folder, and nobody else may read it, whatever the umask.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What a spreadsheet program takes for the beginning of a formula, and what looks or becomes like it
# where a program normalises texts (NFKC): full-width, small, raised and lowered forms.
SIGNS = (
    "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212"
    "\u207a\u207b\u207c\u208a\u208b\u208c\u2a75\u2a76\ufb29"
)
# What may stand before it unseen: blanks, quotes, and characters without a width.
UNSEEN = (
    r'\s"\x00-\x1f\x7f-\x9f'
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"
)
# Where columns are divided by semicolons, a cell begins after each of them.
FORMULA = re.compile(rf"(^|;)(?=[{UNSEEN}]*[{SIGNS}])")
DEFUSED = re.compile(rf"(^|;)[{UNSEEN}']*(?=[{SIGNS}])")


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
        _share(path, path.parent.stat(), 0o2770)
    else:
        with suppress(PermissionError):
            path.chmod(path.stat().st_mode & 0o7770)


@contextmanager
def replacing(path: Path, sealed: bool = False) -> Iterator[Path]:  # noqa: FBT001, FBT002
    """Give a path to write to; what was written there takes the place of the file at the end.

    It ends here where that cannot be written.

    Args:
        path: The file.
        sealed: Whether nobody is to write to it again.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield new
        _share(new, path.parent.stat(), 0o660)
        if sealed:
            seal(new)
        new.replace(path)
    except OSError as error:  # a full disk, say
        sys.exit(f"{path} cannot be written: {error.strerror or error}")


def seal(path: Path) -> None:
    """Let nobody write to a file again."""
    path.chmod(path.stat().st_mode & 0o440)


def write_text(path: Path, text: str, *, sealed: bool = False) -> None:
    """Write a text file in UTF-8: all of it, or nothing."""
    with replacing(path, sealed) as new:
        new.write_text(text, encoding="utf-8", newline="\n")


def _share(path: Path, folder: os.stat_result, permissions: int) -> None:
    """Give a path the owner, the group and their permissions of a folder; others get none."""
    mode = folder.st_mode & permissions | permissions & 0o600
    try:
        if hasattr(os, "chown"):
            os.chown(path, folder.st_uid, folder.st_gid)
    except PermissionError:
        mode &= 0o700  # its group is another one, which may not read the folder
    path.chmod(mode)
