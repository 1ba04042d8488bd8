"""Ends from outside: signals, and targets that go away."""

from __future__ import annotations

import array
import fcntl
import shlex
import signal
import subprocess
import sys
import termios
import threading
import time

import pytest

from tap_intercom_access.sandbox.demo import generate_workspace
from tap_intercom_access.sandbox.server import Sandbox
from tests import faults
from tests.tap import NEEDS_POSIX, POSIX, TAP, Result, environment

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)]


PAGE = 4096
"""Bytes that a pipe is filled in, so that its last ones may stay free."""


def start(sandbox: Sandbox, **variables: str) -> subprocess.Popen[str]:
    settings = sandbox.settings | {"TAP_INTERCOM_ACCESS_EMIT_ACTIVATE_VERSION_MESSAGES": "true"}
    return subprocess.Popen(
        [TAP, "--config=ENV"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment(**settings, **variables),
    )


SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP] if POSIX else []


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_sync_without_state(number: signal.Signals, paged: Sandbox) -> None:
    release = threading.Event()
    paged.fail("/admins", faults.hold(release), nth=2)
    with start(paged) as process:
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(6)]
        process.send_signal(number)
        try:
            rest, stderr = process.communicate(timeout=60)
        finally:
            release.set()

    run = Result(process.returncode, "".join(first) + rest, stderr)
    assert run.code == 1
    assert "Stopped by a signal" in run.stderr
    assert "Traceback" not in run.stderr
    assert len(run.records("admins")) == 5
    assert run.of("STATE") == run.of("ACTIVATE_VERSION") == []


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("module", ["tap_intercom_access.tap", "requests", "jsonschema"])
def test_a_signal_during_the_imports_is_a_sentence(number: signal.Signals, module: str) -> None:
    # Python reports each module once it is imported.
    command = [sys.executable, "-X", "importtime", TAP, "--about"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, encoding="utf-8"
    ) as process:
        assert process.stderr is not None
        lines = [next(line for line in process.stderr if line.split("|")[-1].strip() == module)]
        process.send_signal(number)
        lines += [line for line in process.stderr if not line.startswith("import time")]

    assert lines[1:] == ["Stopped by a signal before the end: incomplete sync.\n"]
    assert process.returncode == 1


def test_nohup_is_respected(paged: Sandbox) -> None:
    release = threading.Event()
    paged.fail("/admins", faults.hold(release), nth=2)
    settings = environment(**paged.settings)
    command = ["bash", "-c", f"trap '' HUP; exec {shlex.quote(TAP)} --config=ENV"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=settings
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        release.set()
        _, stderr = process.communicate(timeout=60)

    assert process.returncode == 0, stderr


@pytest.mark.parametrize("options", ["--about", "--discover", "--version", "--config=ENV"])
@pytest.mark.parametrize(
    ("redirection", "reason"),
    [(">&-", "stdout cannot be written (it is closed)"), (">/dev/full", "No space left on device")],
)
def test_stdout_that_takes_nothing_is_a_sentence(
    options: str, redirection: str, reason: str, sandbox: Sandbox
) -> None:
    run = run_in_shell(f"{options} {redirection}", sandbox)

    assert reason in run.error


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "<&-", "<&- 2>&-"])
def test_only_stdout_is_needed(redirection: str, sandbox: Sandbox) -> None:
    run = run_in_shell(f"--config=ENV {redirection}", sandbox)

    assert run.code == 0
    assert len(run.records("admins")) == 13
    assert run_in_shell(f"--bogus {redirection}", sandbox).code == 1


def run_in_shell(arguments: str, sandbox: Sandbox) -> Result:
    done = subprocess.run(
        ["bash", "-c", f"exec {shlex.quote(TAP)} {arguments}"],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=environment(**sandbox.settings),
        timeout=60,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def waiting_in(pipe: int) -> int:
    """The bytes that were written to a pipe and not read."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_sync_whose_target_hangs(number: signal.Signals) -> None:
    with Sandbox(generate_workspace(3000, 1)) as sandbox, start(sandbox) as process:
        assert process.stdout is not None
        process.stdout.readline()
        pipe = process.stdout.fileno()
        while waiting_in(pipe) + PAGE < fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ):  # until it is full
            time.sleep(0.05)
        process.send_signal(number)

        assert process.wait(timeout=60) == 1


def test_a_target_that_closes_the_pipe_ends_the_sync() -> None:
    with Sandbox(generate_workspace(3000, 1)) as sandbox, start(sandbox) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        run = Result(process.wait(timeout=60), "", process.stderr.read())

    assert "The target closed the pipe" in run.error
    assert "BrokenPipeError" not in run.stderr
