"""Runs a step of the access review, and kills it before it changes a file.

crash.py FILE STEP          before it changes a file whose path holds FILE
crash.py each STEP CHECK N  before its first change, then before the one N changes later, and so on
                            until it comes to its end; after each time, CHECK runs, and a line of
                            JSON says what it printed
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.symlink"}
KILLED = 137
HOME = os.path.abspath(os.environ["REVIEW_HOME"])  # noqa: PTH100 (no call back into the hook)


def changed_path(event: str, arguments: tuple[object, ...]) -> str | None:
    """The path of a file that is about to be changed, if that is what an event is about."""
    path: object = None
    if event in CHANGES:
        path = arguments[0]
    elif event == "open":
        mode, flags = arguments[1:3]
        if set("wax+") & set(str(mode or "")) or (
            isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
        ):
            path = arguments[0]
    if not isinstance(path, str | bytes | os.PathLike):
        return None
    return os.path.abspath(os.fsdecode(path))  # noqa: PTH100


def kill_before(is_due: Callable[[str], bool]) -> None:
    """End this process, as a kill does, when it is about to change a file."""

    def observe(event: str, arguments: tuple[object, ...]) -> None:
        path = changed_path(event, arguments)
        if path is not None and is_due(path):
            os._exit(KILLED)

    sys.addaudithook(observe)


def after_some(number: int) -> Callable[[str], bool]:
    """Whether a change in the home of the review is the one of this number."""
    changes = count(1)
    return lambda path: path.startswith(HOME) and next(changes) == number


def in_child(step: str, number: int | None = None) -> tuple[int, str]:
    """The exit code of a step in a process of its own, and what it printed."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        child = os.fork()
        if child == 0:
            code = 0
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            if number is not None:
                kill_before(after_some(number))
            try:
                importlib.import_module(step).main()
            except SystemExit as end:
                print(end.code)
                code = 0 if end.code in {None, 0} else 1
            sys.stdout.flush()
            os._exit(code)
        status = os.waitpid(child, 0)[1]
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read()


def main() -> None:
    when, script = sys.argv[1:3]
    sys.path.insert(0, str(Path(script).resolve().parent))
    if when != "each":
        kill_before(lambda path: when in path)
        sys.argv[:] = [script]
        runpy.run_path(script, run_name="__main__")
        return
    step, check = Path(script).stem, Path(sys.argv[3]).stem
    for name in (step, check):
        importlib.import_module(name)
    for number in count(1, int(sys.argv[4])):
        code, output = in_child(step, number)
        checked = in_child(check)
        print(json.dumps({"code": code, "output": output, "check": checked}))
        if code != KILLED:
            return


if __name__ == "__main__":
    main()
