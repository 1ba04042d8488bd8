"""Run the tap in forked processes, so that the SDK is imported only once.

Each run is a process with its own exit code, threads, and file descriptors. Variables that Python
reads when it starts (PYTHONIOENCODING, LC_ALL) have no effect; tests of these variables, of pipes,
and of signals start the installed command.
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

TIMEOUT = 120
"""Seconds until a run is killed."""


def run_forked(command: list[str], env: dict[str, str]) -> tuple[int, str, str]:
    """Run the tap with a command line and an environment; return code, stdout, and stderr."""
    with tempfile.TemporaryDirectory() as folder:
        server = _server()
        assert server.stdin is not None
        assert server.stdout is not None
        job = {"argv": command, "env": env, "cwd": str(Path.cwd()), "folder": folder}
        server.stdin.write(json.dumps(job) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        stdout, stderr = (Path(folder, name).read_text("utf-8") for name in ("stdout", "stderr"))
    return code, stdout, stderr


@cache
def _server() -> subprocess.Popen[str]:
    """Start the process that forks; it ends with this one."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.forks"],
        cwd=Path(__file__).parent.parent,
        encoding="utf-8",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    atexit.register(server.communicate)
    return server


def _serve() -> None:
    """Fork for each job on stdin, and print the exit code."""
    from tap_intercom_access.cli import main  # noqa: PLC0415 (only the process that forks needs it)

    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _look_fresh(**json.loads(line))
            try:
                main()
            except SystemExit as ended:
                _exit(ended.code)
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


def _exit(code: str | int | None) -> None:
    """End this process at once: freeing all that was imported takes as long as a sync."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    _serve()
