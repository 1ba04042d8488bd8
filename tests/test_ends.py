"""Runs that are ended from outside: by signals, and by targets that stop reading."""

import array
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tap_intercom_access.sandbox.demo import generate_workspace
from tap_intercom_access.sandbox.server import Sandbox
from tests import faults
from tests.tap import ACTIVATE, NEEDS_POSIX, TAP, Result, environment, run_command, started

fcntl: Any = pytest.importorskip("fcntl", reason=NEEDS_POSIX)
termios: Any = pytest.importorskip("termios", reason=NEEDS_POSIX)
pytestmark = pytest.mark.slow

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
PAGE = 4096
"""Pipes are filled in units of this many bytes, so the last bytes may stay free."""


@pytest.fixture
def release(paged: Sandbox) -> Iterator[threading.Event]:
    """Hold the second page of teammates until the event is set."""
    event = threading.Event()
    paged.fail("/admins", faults.hold(event), nth=2)
    yield event
    event.set()


def run_in_shell(arguments: str, sandbox: Sandbox) -> Result:
    return run_command("bash", "-c", f"exec {shlex.quote(TAP)} {arguments}", **sandbox.settings)


@pytest.mark.usefixtures("release")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_sync_without_state(number: signal.Signals, paged: Sandbox) -> None:
    with started(paged, **ACTIVATE) as process:
        first = [process.read_line() for _ in range(6)]
        process.send_signal(number)
        run = process.ended("".join(first))

    assert run.code == 1
    assert "Stopped by a signal" in run.stderr
    assert "Traceback" not in run.stderr
    assert len(run.records("admins")) == 5
    assert {message["type"] for message in run.messages} == {"SCHEMA", "RECORD"}


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("module", ["tap_intercom_access.tap", "requests", "jsonschema"])
def test_a_signal_during_the_imports_is_one_message(number: signal.Signals, module: str) -> None:
    # Python reports each module once it is imported.
    command = [sys.executable, "-X", "importtime", TAP, "--about"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, encoding="utf-8"
    ) as process:
        assert process.stderr is not None
        lines = [next(line for line in process.stderr if line.split("|")[-1].strip() == module)]
        process.send_signal(number)
        lines += [line for line in process.stderr if not line.startswith("import time")]

    assert lines[1:] == ["Stopped by a signal before the end: this sync is incomplete.\n"]
    assert process.returncode == 1


def test_nohup_is_respected(paged: Sandbox, release: threading.Event) -> None:
    command = ["bash", "-c", f"trap '' HUP; exec {shlex.quote(TAP)} --config=ENV"]
    env = environment(**paged.settings)
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        release.set()
        process.communicate(timeout=60)

    assert process.returncode == 0


@pytest.mark.parametrize("options", ["--about", "--discover", "--version", "--config=ENV"])
@pytest.mark.parametrize(
    ("redirection", "reason"),
    [(">&-", "Can't write to stdout"), (">/dev/full", "No space left on device")],
)
def test_an_unwritable_stdout_ends_with_one_message(
    options: str, redirection: str, reason: str, sandbox: Sandbox
) -> None:
    assert reason in run_in_shell(f"{options} {redirection}", sandbox).error


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "<&-", "<&- 2>&-"])
def test_only_stdout_is_needed(redirection: str, sandbox: Sandbox) -> None:
    run = run_in_shell(f"--config=ENV {redirection}", sandbox)

    assert run.code == 0
    assert len(run.records("admins")) == 13
    assert run_in_shell(f"--bogus {redirection}", sandbox).code == 1


def waiting_in(pipe: int) -> int:
    """Return the number of bytes in a pipe that were not read."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


def wait_until_full(pipe: int) -> None:
    """Wait until a pipe is full."""
    before = 0
    while (now := waiting_in(pipe)) < PAGE or now != before:
        before = now
        time.sleep(0.5)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(("name", "admins"), [("stdout", 3000), ("stderr", 10)])
def test_a_signal_ends_a_sync_whose_output_is_not_read(
    name: str, admins: int, number: signal.Signals
) -> None:
    with (
        Sandbox(generate_workspace(admins, 1)) as sandbox,
        started(sandbox, TAP_INTERCOM_ACCESS_LOGLEVEL="DEBUG") as process,
    ):
        pipe = getattr(process, name).fileno()
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 2 * PAGE)
        wait_until_full(pipe)
        process.send_signal(number)

        assert process.wait(timeout=60) == 1


COMPLETE = """
import os, sys, time
from tap_intercom_access.signals import completing, handle_signals
handle_signals()
with completing():
    os.kill(os.getpid(), int(sys.argv[1]))
    time.sleep(0.1)
    print("the last line", flush=True)
os.kill(os.getpid(), int(sys.argv[1]))
time.sleep(60)
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_after_the_end_does_not_change_the_exit_code(number: signal.Signals) -> None:
    command = [sys.executable, "-c", COMPLETE, str(int(number))]
    run = subprocess.run(command, check=False, stdout=subprocess.PIPE, timeout=50)

    assert run.returncode == 0
    assert run.stdout == b"the last line\n"


AT_EXIT = """
import atexit, os, signal

atexit.register(os.kill, os.getpid(), signal.SIGKILL)
"""


def test_a_complete_sync_ends_before_python_resets_its_signal_handlers(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(AT_EXIT)
    with started(sandbox, PYTHONPATH=tmp_path) as process:
        process.communicate(timeout=60)

        assert process.returncode == 0


SLOW_LOOKUP = """
import ctypes, pathlib, socket

def getaddrinfo(*_):
    pathlib.Path(__file__).with_name("begun").touch()
    mutex, library = ctypes.create_string_buffer(64), ctypes.CDLL(None)
    while True:
        library.pthread_mutex_lock(mutex)  # blocks the second time, like a lookup in C

socket.getaddrinfo = getaddrinfo
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_sync_during_a_slow_dns_lookup(
    number: signal.Signals, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW_LOOKUP)
    with started(sandbox, PYTHONPATH=tmp_path) as process:
        while not (tmp_path / "begun").exists():
            time.sleep(0.05)
        process.send_signal(number)

        assert process.wait(timeout=60) == 1
        assert "Stopped by a signal" in process.stderr.read()


def test_a_target_that_closes_the_pipe_ends_the_sync() -> None:
    with Sandbox(generate_workspace(3000, 1)) as sandbox, started(sandbox) as process:
        process.read_line()
        process.stdout.close()
        run = Result(process.wait(timeout=60), "", process.stderr.read())

    assert "The target closed the pipe" in run.error
    assert "BrokenPipeError" not in run.stderr
