"""What a run was sent, kept so that others can check it and run it again (`evidence_path`).

The folder holds `run.json` (what the run began with), `requests.jsonl` (a line for each response,
and a last one only if the sync is complete), and `bodies/SHA256.json.gz` where they are kept.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import heapq
import io
import json
import logging
import os
import re
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from itertools import chain, groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from tap_intercom_access.errors import EvidenceError, InputError
from tap_intercom_access.intercom.redaction import LONGEST_TEXT, SHORTEST_PIECE
from tap_intercom_access.logs import without_secrets
from tap_intercom_access.recording import BODIES, REPLAY, REQUESTS, RUN
from tap_intercom_access.signals import ignore_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_intercom_access.intercom.client import Exchange
    from tap_intercom_access.intercom.clock import Clock

BODY = re.compile(r"[0-9a-f]{64}\.json\.gz")

OWN_SETTINGS = {
    "access_token",
    "base_url",
    "evidence_bodies",
    "evidence_path",
    "request_timeout",
    "stream_map_config",
}
"""Settings of a replay that are not those of the recorded run."""

PART = 50_000
"""Keys that are held in memory to be sorted."""

logger = logging.getLogger("tap-intercom-access")


def iso(seconds: float, timespec: str = "seconds") -> str:
    """Give Unix seconds as the files hold them."""
    at = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return at.isoformat(timespec=timespec).replace("+00:00", "Z")


class SortedKeys:
    """The keys of a stream's rows, sorted on disk, so that memory holds but a part of them."""

    def __init__(self, folder: Path | None = None) -> None:
        """Take the folder for temporary files, which have no name; None for the system's."""
        self._folder = folder
        self._part: list[Any] = []
        self._runs: list[IO[bytes]] = []

    def add(self, key: str | tuple[str, ...]) -> None:
        """Add the key of a row.

        Raises:
            EvidenceError: if the disk takes no more.
        """
        self._part.append(key)
        if len(self._part) == PART:
            self._spill()

    def _spill(self) -> None:
        with writing(self._folder):
            run = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 (until the merge)
            run.write(self._sorted())
            run.seek(0)
        self._runs.append(run)
        self._part = []

    def update(self, keys: Iterable[str | tuple[str, ...]]) -> None:
        """Add the keys of a list.

        Raises:
            EvidenceError: if the disk takes no more.
        """
        left = iter(keys)
        while part := list(islice(left, PART - len(self._part))):
            self._part += part
            if len(self._part) == PART:
                self._spill()

    def _sorted(self) -> bytes:
        """Give the lines of the part in memory, a JSON array for each key."""
        if isinstance(self._part[0], str):
            # Within a text, each quote has its backslash. A list for each key would cost more.
            text = msgspec.json.encode(self._part).decode().replace('","', '"]\n["')
        else:
            text = msgspec.json.Encoder().encode_lines(self._part).decode().rstrip()
        # Texts are sorted faster than bytes, and UTF-8 has the same order.
        return ("\n".join(sorted(text.split("\n"))) + "\n").encode()

    def summary(self) -> tuple[int, str]:
        """Give the number of distinct keys, and the SHA-256 of their sorted lines."""
        if self._part:
            self._runs.append(io.BytesIO(self._sorted()))
        merged = heapq.merge(*self._runs) if len(self._runs) > 1 else chain(*self._runs)
        distinct = map(itemgetter(0), groupby(merged))
        digest = hashlib.sha256()
        count = 0
        while lines := list(islice(distinct, 1000)):
            content = b"".join(lines)[:-1]
            digest.update(b"\n" + content if count else content)
            count += len(lines)
        for run in self._runs:
            run.close()
        return count, digest.hexdigest()


@dataclass(frozen=True)
class Recorded:
    """A recorded run, as its replay gives it back."""

    began_at: float
    """Unix seconds."""
    state: dict[str, Any]
    catalog: dict[str, Any] | None
    settings: dict[str, Any]
    times: dict[str, list[tuple[int, int]]]
    """By stream, in the order in which it asked for the time: by Intercom's clock, by the other."""
    streams: dict[str, dict[str, Any]]
    filters: dict[str, Any]
    versions: dict[str, str]

    @classmethod
    def read(cls, path: str) -> Recorded:
        """Read the file that a replay has made.

        Raises:
            InputError: if it is no such file.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls(**content)
        except (OSError, TypeError, ValueError) as error:
            raise InputError(
                f"{REPLAY} is set, but names no recorded run ({error}). Unset it, or run the tap "
                "with 'intercom-sandbox --replay'."
            ) from error

    def settle(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Give a configuration with the settings of the recorded run, and say which differ."""
        own = {name: value for name, value in config.items() if name in OWN_SETTINGS}
        settings = {n: v for n, v in self.settings.items() if n not in OWN_SETTINGS}
        names = sorted({*settings, *config} - OWN_SETTINGS)
        if different := [name for name in names if config.get(name) != settings.get(name)]:
            logger.warning(
                "Replay: the settings of the recorded run count, not these: %s",
                ", ".join(f"{name} {json.dumps(config.get(name))}" for name in different),
            )
        if own.pop("evidence_path", None):
            logger.info("Replay: evidence_path is ignored")
        return own | settings | {"evidence_bodies": False}


class Evidence:
    """Keeps what a run was sent; or compares, in a replay; or neither. Safe between threads."""

    def __init__(
        self, path: str | None, token: str, recorded: Recorded | None, *, keeps_bodies: bool
    ) -> None:
        """Prepare, without touching the folder."""
        self._folder = Path(os.path.expanduser(path)) if path and not recorded else None  # noqa: PTH111 (it raises nothing)
        self._token = token
        self._recorded = recorded
        self._keeps_bodies = keeps_bodies
        self._lock = threading.Lock()
        self._requests: IO[bytes] | None = None
        self._created: dict[Path, os.stat_result] = {}
        self._count = 0
        self._digest = hashlib.sha256()
        self._run_digest = ""
        self._is_broken = False
        self._times: dict[str, list[tuple[int, int]]] = {}
        self._streams: dict[str, dict[str, Any]] = {}
        self.filters: dict[str, Any] = {"event_types": None, "window": None, "other": "none"}
        """What the streams leave out of what Intercom has."""

    def recorder(self, stream: str) -> Callable[[Exchange], None]:
        """Give what records the requests of a stream."""
        return partial(self.record, stream) if self._folder else lambda _: None

    def sorted_keys(self) -> SortedKeys | None:
        """Give what collects the keys of a stream; None where nobody wants them."""
        return SortedKeys(self._folder) if self._folder or self._recorded else None

    def times(self, stream: str, clock: Clock) -> tuple[int, int]:
        """Give the time by Intercom's clock and by this machine's, in Unix seconds.

        Raises:
            EvidenceError: if the recorded run did not come here.
        """
        times = self._times.setdefault(stream, [])
        if self._recorded is None:
            times.append((int(clock.now()), int(time.time())))
        else:
            recorded = self._recorded.times.get(stream, [])
            if len(recorded) == len(times):
                raise EvidenceError(f"Replay: the recorded run did not read {stream} like this.")
            times.append(recorded[len(times)])
        return times[-1]

    @contextlib.contextmanager
    def kept(self, run: Callable[[], Mapping[str, Any]]) -> Iterator[None]:
        """Keep evidence meanwhile, in place of that of an earlier run.

        Args:
            run: Gives what the run begins with.

        Raises:
            EvidenceError: if the folder cannot be written, or another run writes to it.
        """
        if self._folder is None:
            yield
            return
        with contextlib.ExitStack() as stack:
            with writing(self._folder):
                stack.enter_context(_locked(self._folder))
                _clear(self._folder, keeps_bodies=self._keeps_bodies)
                text = self._masked(json.dumps(run(), indent=1)).encode()
                # Both stay open, so that no other file gets their number.
                _write(stack.enter_context(self._create(self._folder / RUN)), text)
                self._run_digest = hashlib.sha256(text).hexdigest()
                self._requests = stack.enter_context(self._create(self._folder / REQUESTS))
            yield

    def record(self, stream: str, exchange: Exchange) -> None:
        """Add the line of a response, or of a try without any.

        Raises:
            EvidenceError: if it cannot be written.
        """
        if self._requests is None or self._requests.closed:  # `--test`, or after a failure
            return
        response, request = exchange.response, exchange.request
        url = urlsplit(request.url)
        headers = response.headers if response else {}
        sent = {name: headers.get(name) for name in ("Date", "Intercom-Version", "X-Request-Id")}
        at_intercom = exchange.intercom_time
        line = {
            "type": "response",
            "at": iso(time.time(), "microseconds"),
            "intercom_time": None if at_intercom is None else iso(at_intercom),
            "date": sent["Date"],
            "method": request.endpoint.method,
            "host": url.netloc,
            "path": url.path,
            "params": request.parameters,
            "api_version": exchange.api_version,
            "intercom_version": sent["Intercom-Version"],
            "status": response.status_code if response else None,
            "request_id": sent["X-Request-Id"],
        }
        if exchange.error:
            line["error"] = exchange.error
        # Not what the user has set: to search it takes longer than all the rest.
        others = [value for name, value in request.parameters.items() if name != "event_types"]
        foreign = json.dumps([others, *sent.values(), exchange.error])
        if without_secrets(foreign) != foreign:
            line = json.loads(without_secrets(json.dumps(line)))
        with self._writing():
            if response:
                line |= self._body(response.content, is_whole=exchange.rows is not None)
            self._add(line | {"stream": stream, "rows": exchange.rows})

    def _body(self, content: bytes | bytearray, *, is_whole: bool) -> dict[str, Any]:
        """Describe a body, and keep it; one that was refused may hold the token."""
        digest = hashlib.sha256(content).hexdigest()
        described = {"bytes": len(content), "sha256": digest}
        if not self._keeps_bodies or not self._folder:
            return described
        if not is_whole:
            text = content[:LONGEST_TEXT].decode("utf-8", "surrogateescape")
            safe = without_secrets(text).encode("utf-8", "surrogateescape")
            if safe != content:
                content, digest = safe, hashlib.sha256(safe).hexdigest()
                described |= {"kept_sha256": digest, "kept_bytes": len(safe)}
        path = self._folder / BODIES / f"{digest}.json.gz"
        with contextlib.suppress(FileExistsError), _create(path) as file:  # it came before
            _write(file, gzip.compress(content, 6, mtime=0))
        return described

    def add_stream(
        self, stream: str, keys: SortedKeys, names: Iterable[str], columns: list[str]
    ) -> None:
        """Add what a stream gave, once it was read to its end.

        Raises:
            EvidenceError: if a replay gave something else than the recorded run.
        """
        with writing(self._folder):
            rows, digest = keys.summary()
        summary = {"rows": rows, "keys": list(names), "keys_sha256": digest, "columns": columns}
        self._streams[stream] = summary
        if self._recorded and (recorded := self._recorded.streams.get(stream)) != summary:
            raise EvidenceError(
                f"Replay: what {stream} gave is not what it gave in the recorded run: "
                f"{summary} instead of {recorded}."
            )

    def complete(self, versions: Mapping[str, str], stream_maps: Mapping[str, Any]) -> None:
        """Add the last line: the sync is complete.

        Raises:
            EvidenceError: if it cannot be written, or the files are not those of this run, or a
                replay did not give all of the recorded run.
        """
        filters = {**self.filters, "stream_maps": stream_maps}
        if self._recorded:
            if missing := sorted(self._recorded.streams.keys() - self._streams.keys()):
                raise EvidenceError(
                    f"Replay: the recorded run read {', '.join(missing)}, and this one did not."
                )
            if filters != self._recorded.filters:
                raise EvidenceError(
                    "Replay: what was asked for or what was left out is not what it was in the "
                    f"recorded run: {filters} instead of {self._recorded.filters}."
                )
            counts = ", ".join(f"{name} {one['rows']}" for name, one in self._streams.items())
            logger.info("Replay: the same rows and keys as in the recorded run: %s", counts)
        if self._folder is None or self._requests is None:
            return
        line = {
            "type": "complete",
            "at": iso(time.time(), "microseconds"),
            "requests": self._count,
            "streams": self._streams,
            "filters": filters,
            "versions": versions,
            "times": self._times,
            "run_sha256": self._run_digest,
            "lines_sha256": self._digest.hexdigest(),
        }
        with self._writing():
            os.fsync(self._requests.fileno())
            for path, stat in self._created.items():
                if not os.path.samestat(stat, path.lstat()):
                    raise FileExistsError(0, "another run has replaced it", str(path))
            if self._is_broken:
                raise OSError(0, "an earlier line is missing", str(self._folder))
            ignore_signals()  # what they would end is complete
            self._add(line)
            os.fsync(self._requests.fileno())

    def _add(self, line: Mapping[str, Any]) -> None:
        content = self._masked(msgspec.json.encode(line).decode()).encode() + b"\n"
        with self._lock:
            if self._requests and not self._requests.closed:  # by a run that has failed
                _write(self._requests, content)
                self._digest.update(content)
                self._count += 1

    def _create(self, path: Path) -> IO[bytes]:
        file = _create(path)
        self._created[path] = os.fstat(file.fileno())
        return file

    def _masked(self, text: str) -> str:
        """Blank the token, also where a setting holds it."""
        if len(self._token) < SHORTEST_PIECE:
            return text
        return text.replace(json.dumps(self._token)[1:-1], "***")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with writing(self._folder):
                yield
        except EvidenceError:
            self._is_broken = True  # also where a thread fails for which nobody waits
            raise


@contextlib.contextmanager
def writing(folder: Path | None) -> Iterator[None]:
    """Let a failure of the disk end the run with a sentence.

    Raises:
        EvidenceError: in place of an OSError.
    """
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        where = f"{path}: " if (path := getattr(error, "filename", None)) else ""
        raise EvidenceError(
            f"The evidence in {folder or 'a temporary file'} cannot be kept ({where}{reason}): "
            "this sync is incomplete. Set evidence_path to a folder of yours with enough space, "
            "which no other run writes to, or leave it out."
        ) from error


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Make the folder, unless it is there, and keep other runs out meanwhile."""
    try:
        folder.mkdir(parents=True)
        folder.chmod(0o700)
    except FileExistsError:
        pass  # another file is refused next
    try:
        import fcntl  # noqa: PLC0415 (not on every system)
    except ImportError:  # there, a folder cannot be opened, either
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(0, "another run is writing to it") from None
        except OSError:
            logger.debug("No locks on the file system of %s", folder)
        yield
    finally:
        os.close(descriptor)


def _clear(folder: Path, *, keeps_bodies: bool) -> None:
    """Remove what an earlier run left, its last line first."""
    (folder / REQUESTS).unlink(missing_ok=True)
    (folder / RUN).unlink(missing_ok=True)
    bodies = folder / BODIES
    if bodies.is_symlink() or bodies.is_file():
        bodies.unlink()
    elif bodies.exists():
        for path in bodies.iterdir():
            if BODY.fullmatch(path.name):
                path.unlink()
        with contextlib.suppress(OSError):  # there is something else in it
            bodies.rmdir()
    if keeps_bodies:
        bodies.mkdir(exist_ok=True)
        bodies.chmod(0o700)


def _create(path: Path) -> IO[bytes]:
    """Create a file for its owner alone, whatever the umask; a link there is not followed."""
    file = open(  # noqa: SIM115 (whoever called closes it)
        path, "xb", buffering=0, opener=partial(os.open, mode=0o600)
    )
    if hasattr(os, "fchmod"):
        os.fchmod(file.fileno(), 0o600)
    return file


def _write(file: IO[bytes], content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]
