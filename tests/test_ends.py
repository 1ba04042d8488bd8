"""Ends from outside: signals, and targets that go away."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from tap_intercom_access.sandbox import faults
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.sandbox.workspace import generated
from tests.commands import NEEDS_POSIX, POSIX, TAP, environment
from tests.runs import Run

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)]


def start(sandbox: Sandbox, **variables: str) -> subprocess.Popen[str]:
    settings = sandbox.settings | {"TAP_INTERCOM_ACCESS_EMIT_ACTIVATE_VERSION_MESSAGES": "true"}
    return subprocess.Popen(
        [TAP, "--config=ENV"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment(**settings, **variables),
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_sync_without_state(number: signal.Signals, paged: Sandbox) -> None:
    paged.faults[2] = faults.delay(30)
    with start(paged) as process:
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(6)]
        process.send_signal(number)
        rest, stderr = process.communicate(timeout=10)

    run = Run(process.returncode, "".join(first) + rest, stderr)
    assert run.code == 1
    assert "Stopped by a signal" in run.stderr
    assert "Traceback" not in run.stderr
    assert len(run.records("admins")) == 5
    assert run.of("STATE") == run.of("ACTIVATE_VERSION") == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_sync_whose_target_hangs(number: signal.Signals) -> None:
    with Sandbox(generated(3000, 1)) as sandbox, start(sandbox) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(2)  # until the pipe is full
        process.send_signal(number)

        assert process.wait(timeout=10) == 1


def test_a_target_that_closes_the_pipe_ends_the_sync() -> None:
    with Sandbox(generated(3000, 1)) as sandbox, start(sandbox) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        run = Run(process.wait(timeout=10), "", process.stderr.read())

    assert "The target closed the pipe" in run.error
    assert "BrokenPipeError" not in run.stderr
