"""Runs of the tap in forked processes: the SDK is imported once, not in each of them.

A run has a process of its own, so exit code, threads and file descriptors are real. What Python
reads from the environment before anything is imported (PYTHONIOENCODING, LC_ALL) has no effect;
tests of that, of pipes and of signals start the installed command.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

from tests.commands import ROOT

TIMEOUT = 120
"""Seconds until a run is killed."""


def run_forked(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the tap with a command line and an environment."""
    with tempfile.TemporaryDirectory() as folder:
        server = _server()
        assert server.stdin is not None
        assert server.stdout is not None
        job = {"argv": command, "env": env, "cwd": str(Path.cwd()), "folder": folder}
        server.stdin.write(json.dumps(job) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        stdout, stderr = (Path(folder, name).read_text("utf-8") for name in ("stdout", "stderr"))
    return subprocess.CompletedProcess(command, code, stdout, stderr)


@cache
def _server() -> subprocess.Popen[str]:
    """Start the process that forks; it ends with this one."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.forks"],
        cwd=ROOT,
        encoding="utf-8",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    atexit.register(server.communicate)
    return server


def _serve() -> None:
    """Fork for each job on stdin, and print the exit code."""
    from tap_intercom_access.tap import main  # noqa: PLC0415 (only the process that forks needs it)

    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _look_fresh(**json.loads(line))
            main()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _look_fresh(argv: list[str], env: dict[str, str], cwd: str, folder: str) -> None:
    """Make this process look like one that has just been started."""
    signal.alarm(TIMEOUT)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    sys.argv = argv
    for descriptor, path in enumerate((os.devnull, f"{folder}/stdout", f"{folder}/stderr")):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), descriptor)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 (stays open)
    sys.stderr = open(  # noqa: SIM115 (stays open)
        2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False
    )


if __name__ == "__main__":
    _serve()
