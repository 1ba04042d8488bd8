"""Finished runs of the tap, and the catalogs that they are given."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.commands import POSIX, TAP, environment
from tests.forks import TIMEOUT, run_forked

if TYPE_CHECKING:
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Fault, Sandbox

EVIDENCE = "TAP_INTERCOM_ACCESS_EVIDENCE_PATH"
BODIES = {"TAP_INTERCOM_ACCESS_EVIDENCE_BODIES": "true"}

Message = dict[str, Any]


@dataclass
class Run:
    """A finished run of the tap."""

    code: int
    stdout: str
    stderr: str
    messages: list[Message] = field(init=False)

    def __post_init__(self) -> None:
        lines = self.stdout.split("\n")  # a record may hold other line separators
        self.messages = [json.loads(line) for line in lines if line.startswith('{"type"')]

    def of(self, kind: str, stream: str | None = None) -> list[Message]:
        return [
            message
            for message in self.messages
            if message["type"] == kind and stream in (None, message.get("stream"))
        ]

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [message["record"] for message in self.of("RECORD", stream)]

    @property
    def error(self) -> str:
        """The sentence that describes the failure, once everything else about it is checked."""
        assert self.code == 1, self.stderr
        assert "Traceback" not in self.stderr
        errors = [line for line in self.stderr.splitlines() if "| ERROR" in line]
        assert len(errors) == 1, self.stderr
        assert errors == self.stderr.splitlines()[-1:]
        return errors[0].partition("tap-intercom-access            | ")[2]


def run_tap(*args: str | Path, **variables: str) -> Run:
    """Run the tap's command line in a process of its own."""
    command = [TAP, *map(str, args)]
    env = environment(**variables)
    done = run_forked(command, env) if POSIX else _run_installed(command, env)
    return Run(done.returncode, done.stdout, done.stderr)


def run_installed(*args: str | Path, **variables: str) -> Run:
    """Run the installed command, with all that Python does when it starts."""
    done = _run_installed([TAP, *map(str, args)], environment(**variables))
    return Run(done.returncode, done.stdout, done.stderr)


def _run_installed(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, check=False, encoding="utf-8", env=env, timeout=TIMEOUT
    )


def sync(sandbox: Sandbox, *args: str | Path, **variables: str) -> Run:
    """Run the tap's command line on a sandbox."""
    return run_tap("--config=ENV", *args, **(sandbox.settings | variables))


@cache
def _discovered() -> str:
    """The output of `--discover`, made once."""
    return run_tap("--discover").stdout


def catalog_selecting(tmp_path: Path, *streams: str, **changes: object) -> Path:
    """Write a catalog that selects some streams."""
    catalog = json.loads(_discovered())
    for entry in catalog["streams"]:
        entry.update(changes)
        for metadata in entry["metadata"]:
            if metadata["breadcrumb"] == []:
                metadata["metadata"]["selected"] = entry["tap_stream_id"] in streams
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps(catalog), encoding="utf-8")
    return path


def failed(sandbox: Sandbox, fault: Fault, nth: int | None = None, **variables: str) -> str:
    """The sentence that a run fails with whose n-th request for admins, or each, meets a fault."""
    sandbox.fail("/admins", fault, nth=nth)
    run = sync(sandbox, TAP_INTERCOM_ACCESS_EMIT_ACTIVATE_VERSION_MESSAGES="true", **variables)
    assert run.of("STATE") == []
    assert run.of("ACTIVATE_VERSION") == []
    return run.error


def waits(run: Run) -> list[float]:
    """The seconds that a run waited for the rate limit, each time."""
    lines = [line for line in run.stderr.splitlines() if "| INFO" in line and "waiting" in line]
    return [float(line.partition("waiting ")[2].partition(" ")[0]) for line in lines]
