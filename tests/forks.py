"""Run the tap in forked processes, so that the SDK is imported only once.

Each run is a process with its own exit code, threads, and file descriptors. Variables that Python
reads when it starts, such as PYTHONIOENCODING, have no effect. Tests of these variables, of pipes,
and of signals start the installed command instead.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

TIMEOUT = 120
"""Seconds after which a run is killed."""

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["tap_intercom_access.cli"])


def run_forked(command: list[str], env: dict[str, str]) -> tuple[int, str, str]:
    """Run the tap. Return its exit code, stdout, and stderr."""
    with tempfile.TemporaryDirectory() as folder:
        process = SERVER.Process(target=_run, args=(command, env, str(Path.cwd()), folder))
        process.start()
        process.join()
        assert process.exitcode is not None
        stdout, stderr = (Path(folder, name).read_text("utf-8") for name in ("stdout", "stderr"))
        return process.exitcode, stdout, stderr


def _run(argv: list[str], env: dict[str, str], cwd: str, folder: str) -> None:
    """Run the tap in this process, as if the process had just started."""
    from tap_intercom_access.cli import main  # noqa: PLC0415 (the server has imported it)

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
    main()
