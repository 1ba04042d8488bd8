"""Run the tap (forked, installed, or in this process), and parse its output."""

import copy
import io
import json
import logging
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any

from tap_intercom_access.errors import TapError
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.tap import TapIntercomAccess
from tests.faults import Fault
from tests.forks import TIMEOUT, run_forked

ROOT = Path(__file__).parent.parent
CLONE = json.dumps(shlex.quote(str(ROOT)))
"""The clone as a pip_url in YAML, quoted because Meltano splits it like a shell."""
BIN = Path(sys.executable).parent
POSIX = os.name == "posix"
NEEDS_POSIX = "signals and pipes work differently on this system"
TAP = str(BIN / "tap-intercom-access")
SANDBOX = str(BIN / "intercom-sandbox")

_streams = TapIntercomAccess(config={"access_token": "x"}).streams
STREAMS = tuple(sorted(_streams))
"""The names of all streams of the tap."""
DEFAULT_STREAMS = tuple(name for name in STREAMS if _streams[name].selected_by_default)

Message = dict[str, Any]
Content = dict[str, Any] | list[Any] | str | bytes | Path
"""The content of a file: JSON, text, or bytes. A path refers to an existing file."""


ACTIVATE: dict[str, Any] = {"emit_activate_version_messages": True}


@dataclass
class Result:
    """The exit code and the output of a run."""

    code: int
    stdout: str
    stderr: str
    messages: list[Message] = field(init=False)

    def __post_init__(self) -> None:
        # A record may contain other line separators. A signal may cut off the last line.
        lines = self.stdout.split("\n")[:-1]
        self.messages = [json.loads(line) for line in lines if line.startswith('{"type"')]

    def of(self, kind: str, stream: str | None = None) -> list[Message]:
        return [
            message
            for message in self.messages
            if message["type"] == kind and stream in (None, message.get("stream"))
        ]

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [message["record"] for message in self.of("RECORD", stream)]

    def column(self, stream: str, name: str) -> list[Any]:
        return [record[name] for record in self.records(stream)]

    def schema(self, stream: str) -> dict[str, Any]:
        """Return the one SCHEMA message of a stream."""
        (message,) = self.of("SCHEMA", stream)
        return message

    @property
    def activated(self) -> list[str]:
        """The streams with an ACTIVATE_VERSION message, in order."""
        return [message["stream"] for message in self.of("ACTIVATE_VERSION")]

    @property
    def state(self) -> dict[str, Any]:
        """The last state of the run."""
        state: dict[str, Any] = self.of("STATE")[-1]["value"]
        return state

    def bookmark(self, stream: str) -> dict[str, Any]:
        """Return the last bookmark of a stream."""
        bookmark: dict[str, Any] = self.state["bookmarks"].get(stream, {})
        return bookmark

    def logged(self, level: str) -> list[str]:
        """Return the log messages at a level."""
        lines = (line.split(" | ", 3) for line in self.stderr.splitlines())
        return [parts[3] for parts in lines if len(parts) > 3 and parts[1].strip() == level]

    @property
    def warnings(self) -> list[str]:
        """The warnings, without the SDK's own about Python 3.10."""
        return [text for text in self.logged("WARNING") if "PythonEOLWarning" not in text]

    @property
    def error(self) -> str:
        """The error message of a failed run, an empty string if it succeeded."""
        errors = self.logged("ERROR")
        if self.code == 0:
            assert errors == []
            return ""
        assert self.code == 1, self.stderr
        assert "Traceback" not in self.stderr
        assert len(errors) == 1, self.stderr
        assert self.stderr.endswith(f"| {errors[0]}\n")
        return errors[0]


class Process(subprocess.Popen[str]):
    """A running tap, with pipes for its output."""

    stdout: IO[str]
    stderr: IO[str]

    def read_line(self) -> str:
        return self.stdout.readline()

    def ended(self, before: str = "") -> Result:
        """Wait for the end, and return the result, including the output that was read before."""
        stdout, stderr = self.communicate(timeout=TIMEOUT)
        return Result(self.returncode, before + (stdout or ""), stderr)


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of the tests without settings of the tap, plus variables."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("TAP_INTERCOM")
    }
    return inherited | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"} | variables


def as_variables(settings: dict[str, Any]) -> dict[str, str]:
    """Return environment variables for settings (lower case) and variables (upper case)."""
    names = {name: f"TAP_INTERCOM_ACCESS_{name.upper()}" for name in settings if name.islower()}
    return {names.get(name, name): _as_text(value) for name, value in settings.items()}


def _as_text(value: object) -> str:
    return str(value) if isinstance(value, str | Path) else json.dumps(value)


def write(path: Path, content: Content) -> Path:
    """Write a file, as JSON unless the content is a string or bytes. Return its path."""
    if isinstance(content, Path):
        return content
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
    return path


def files_of(folder: Path, **contents: Content | None) -> list[str]:
    """Write files into a folder. Return the tap's arguments for them, such as `--state=...`."""
    return [
        f"--{name}={write(folder / f'{name}.json', content)}"
        for name, content in contents.items()
        if content is not None
    ]


def run_tap(
    *arguments: str | Path,
    config: Content | None = None,
    catalog: Content | None = None,
    state: Content | None = None,
    **settings: Any,
) -> Result:
    """Run the tap's command line in another process.

    Args:
        arguments: Arguments other than the files below.
        config: The content of a configuration file.
        catalog: The content of a catalog.
        state: The content of a state.
        settings: Settings in lower case, other environment variables in upper case.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = files_of(Path(folder), config=config, catalog=catalog, state=state)
        command = [TAP, *map(str, arguments), *files]
        if not POSIX:
            return run_command(*command, **settings)
        return Result(*run_forked(command, environment(**as_variables(settings))))


def run_command(*command: str | Path, cwd: str | Path | None = None, **settings: Any) -> Result:
    """Run an installed command in a new Python process."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        check=False,
        cwd=cwd,
        encoding="utf-8",
        env=environment(**as_variables(settings)),
        timeout=TIMEOUT,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@contextmanager
def started(
    sandbox: Sandbox, *, catalog: Content | None = None, **settings: Any
) -> Iterator[Process]:
    """Start the installed tap on a sandbox. At the end, kill it if it still runs."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Process(
            [TAP, "--config=ENV", *files_of(Path(folder), catalog=catalog)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environment(**as_variables(sandbox.settings | settings)),
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def sync(sandbox: Sandbox, *arguments: str | Path, **options: Any) -> Result:
    """Run the tap's command line on a sandbox, with its settings in environment variables."""
    return run_tap("--config=ENV", *arguments, **(sandbox.settings | options))


def sync_here(
    sandbox: Sandbox,
    *,
    catalog: dict[str, Any] | None = None,
    state: dict[str, Any] | None = None,
    **settings: object,
) -> Result:
    """Sync a sandbox in this process, for tests that change the tap or run it very often.

    The result contains only warnings and errors of the log.
    """
    config = {"access_token": sandbox.token, "base_url": sandbox.base_url, **settings}
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(asctime)s | %(levelname)s | %(name)s | %(message)s"))
    logger = logging.getLogger(TapIntercomAccess.name)
    logger.addHandler(handler)
    code = 0
    try:
        with redirect_stdout(output):
            TapIntercomAccess(config=config, state=state, catalog=catalog).sync_all()
    except TapError as failure:
        logger.error("%s", failure)  # noqa: TRY400 (as the command does)
        code = 1
    finally:
        logger.removeHandler(handler)
    output.seek(0)
    return Result(code, output.read(), log.getvalue())


@cache
def _discovered() -> dict[str, Any]:
    catalog: dict[str, Any] = TapIntercomAccess(config={"access_token": "x"}).catalog_dict
    return catalog


def catalog_of(*streams: str, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a catalog that selects streams without some columns, such as `admins.role.id`."""
    catalog = copy.deepcopy(_discovered())
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            path = ".".join([entry["tap_stream_id"], *metadata["breadcrumb"][1::2]])
            selected = path in streams if not metadata["breadcrumb"] else path not in without
            metadata["metadata"]["selected"] = selected
    return catalog


def waits(run: Result) -> list[float]:
    """Return the seconds of each wait for the rate limit."""
    lines = [line for line in run.logged("INFO") if "waiting" in line]
    return [float(line.partition("waiting ")[2].partition(" ")[0]) for line in lines]


def failed(sandbox: Sandbox, fault: Fault, nth: int | None = None, **settings: Any) -> str:
    """Return the error of a run with a fault at the n-th request for admins, or at each."""
    sandbox.fail("/admins", fault, nth=nth)
    run = sync(sandbox, emit_activate_version_messages=True, **settings)
    assert "Sync complete" not in run.stderr
    assert run.of("STATE") == []
    assert run.activated == []
    return run.error
