"""Replays a recorded sync with the tap, and compares the results."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from tap_intercom_access.recording import REQUESTS, RUN
from tap_intercom_access.sandbox.replay_server import Recording, ReplayServer
from tap_intercom_access.signals import SIGNALS

PREFIX = "TAP_INTERCOM_ACCESS_"
STREAM_MAP_CONFIG = f"{PREFIX}STREAM_MAP_CONFIG"


def replay(folder: Path) -> str:
    """Run the tap on the responses of a recorded sync. Its messages go to stdout.

    Returns:
        A sentence with the result.

    Raises:
        ClickException: if the folder can't be replayed, or the result differs.
    """
    recording = Recording(folder)
    values = _stream_map_config(recording.run["settings"].get("stream_map_config") or {})
    received = _receive_signals()
    with tempfile.TemporaryDirectory() as temporary, ReplayServer(recording) as server:
        home = Path(temporary)
        code = _run_tap(_write_inputs(home, recording, server, values), received)
        if received:
            raise click.ClickException("A signal ended the replay.")
        _log_versions(recording, home / "evidence" / RUN)
        problems = server.problems[:1]
        if code:
            problems.append(f"the tap ended with exit code {code}")
        else:
            last = (home / "evidence" / REQUESTS).read_bytes().splitlines()[-1]
            problems += _differences(recording.complete, json.loads(last))
    if (left := sum(map(len, server.pending.values()))) and not problems:
        problems.append(f"{left} recorded responses were not requested")
    if problems:
        raise click.ClickException(
            f"The replay differs from the recorded sync: {'; '.join(problems)}."
        )
    return _result(recording, values)


def _stream_map_config(names: Iterable[str]) -> dict[str, Any]:
    """Return the values for these names, which the recording lacks, from the environment."""
    try:
        given = dict(json.loads(os.environ.get(STREAM_MAP_CONFIG) or "{}"))
    except (TypeError, ValueError):
        given = {}
    if missing := [name for name in names if name not in given]:
        raise click.ClickException(
            "The recording doesn't have the values of stream_map_config, such as salts. Set "
            f"{STREAM_MAP_CONFIG} to a JSON object with: {', '.join(missing)}."
        )
    return {name: given[name] for name in names}


def _receive_signals() -> list[int]:
    """Handle signals from now on, and return the list to which they are added."""
    received: list[int] = []
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _: received.append(number))
    return received


def _write_inputs(
    home: Path, recording: Recording, server: ReplayServer, values: Mapping[str, Any]
) -> list[str]:
    """Write the tap's input files, and return its arguments."""
    own = {
        "access_token": server.token,
        "base_url": server.base_url,
        "evidence_path": str(home / "evidence"),
        "request_timeout": 60,
        "stream_map_config": values,
    }
    run = recording.run
    inputs = {"config": run["settings"] | own, "catalog": run["catalog"], "state": run["state"]}
    for name, content in {**inputs, "times": recording.times}.items():
        (home / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    options = [f"--{name}={home / name}.json" for name, content in inputs.items() if content]
    return [str(home / "times.json"), *options]


def _run_tap(arguments: list[str], received: list[int]) -> int:
    """Run the tap until it or a signal ends it, and return its exit code."""
    command = [sys.executable, "-m", "tap_intercom_access.sandbox.recorded_tap", *arguments]
    environment = {
        name: value
        for name, value in os.environ.items()
        if name == f"{PREFIX}LOGLEVEL" or not name.startswith(PREFIX)
    }
    # Python must not import modules from the working directory.
    environment["PYTHONSAFEPATH"] = "1"
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:  # noqa: S603
        while process.poll() is None and not received:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        process.kill()
    return process.returncode


def _log_versions(recording: Recording, path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # the tap failed before it wrote the file
        for name, here in json.loads(path.read_bytes())["versions"].items():
            if here != (recorded := recording.run["versions"].get(name)):
                click.echo(f"Recorded with {name} {recorded}, replayed with {here}.", err=True)


def _differences(recorded: Mapping[str, Any], replayed: Mapping[str, Any]) -> Iterator[str]:
    """Yield the differences between the last lines of both evidence folders."""
    for part in ("streams", "filters"):
        for name in sorted({*recorded[part], *replayed[part]}):
            then, now = (line[part].get(name) for line in (recorded, replayed))
            if then != now:
                yield f"{name} was {json.dumps(then)} and is {json.dumps(now)}"


def _result(recording: Recording, values: Mapping[str, Any]) -> str:
    streams = recording.complete["streams"].items()
    counts = ", ".join(f"{name} {summary['rows']}" for name, summary in streams)
    sentence = f"The same rows, keys, columns, and filters as in the recorded sync: {counts}."
    if values:
        sentence += (
            " Records after stream maps were not compared: the recording doesn't have the values "
            f"of stream_map_config. You set {', '.join(values)}."
        )
    return sentence
