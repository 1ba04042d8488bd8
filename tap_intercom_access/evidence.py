"""The evidence of a run: everything Intercom sent, so that others can check and replay the run.

The folder contains `run.json` (settings, state, and so on), `requests.jsonl` (a line per response,
and a last one only if the sync is complete), and `bodies/SHA256.json.gz`. See docs/evidence.md.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tap_intercom_access.errors import TapError
from tap_intercom_access.intercom.client import Exchange
from tap_intercom_access.intercom.redaction import LONGEST_TEXT, beginning, masked
from tap_intercom_access.recording import BODIES, REQUESTS, RUN
from tap_intercom_access.signals import completing

logger = logging.getLogger("tap-intercom-access")


def iso(seconds: float, timespec: str = "seconds") -> str:
    """Return Unix seconds as a date-time, as the files contain them."""
    at = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return at.isoformat(timespec=timespec).replace("+00:00", "Z")


class Evidence:
    """Writes the evidence of one run. Without a path, it does nothing. It is thread-safe."""

    def __init__(self, path: str | None) -> None:
        """Store the path. Only `begin` creates the folder."""
        self._folder = Path(os.path.expanduser(path)) if path else None  # noqa: PTH111 (can't raise)
        self._lock = threading.Lock()
        self._files: dict[str, int] = {}
        """Descriptors by file name. They stay open, so that no other file gets the same number."""
        self._count = 0
        self._digest = hashlib.sha256()
        self._is_broken = False
        self._end: dict[str, Any] = {"streams": {}}
        """Content of the last line."""

    @property
    def is_kept(self) -> bool:
        """Whether a sync writes evidence. It doesn't before `begin`, and after `close`."""
        return REQUESTS in self._files

    def begin(self, run: Mapping[str, Any]) -> None:
        """Remove the evidence of an earlier run, and start to write.

        Args:
            run: The content of `run.json`: `versions`, `settings`, and so on.

        Raises:
            TapError: if the folder can't be written, or another run writes to it.
        """
        if self._folder is None:
            return
        own = {name: _masked_values(run[name]) for name in ("settings", "state")}
        text = json.dumps({**run, **own}, indent=1).encode()
        with self._writing():
            with contextlib.suppress(FileExistsError):  # if it is a file, the next step fails
                self._folder.mkdir(parents=True)
                self._folder.chmod(0o700)
            self._lock_folder()
            _clear(self._folder)
            for name in (RUN, REQUESTS):
                self._files[name] = _create(self._folder / name)
            _write(self._files[RUN], text)
        filters: dict[str, Any] = {"event_types": None, "window": None, "other": "none"}
        filters["stream_maps"] = own["settings"].get("stream_maps") or {}
        digest = hashlib.sha256(text).hexdigest()
        self._end |= {"filters": filters, "versions": run["versions"], "run_sha256": digest}

    def record(self, stream: str, exchange: Exchange, intercom_time: float | None) -> None:
        """Add the line of a response, or of an attempt without one.

        Args:
            stream: The name of the stream that sent the request.
            exchange: The request, and its response or error.
            intercom_time: Unix seconds by Intercom's clock, None if it isn't known.

        Raises:
            TapError: if it can't be written.
        """
        if not self.is_kept:
            return
        response, request = exchange.response, exchange.request
        url = urlsplit(request.url)
        headers = response.headers if response else {}
        line = {
            "type": "response",
            "at": iso(time.time(), "microseconds"),
            "intercom_time": intercom_time and iso(intercom_time),
            "date": headers.get("Date"),
            "method": request.endpoint.method,
            "host": url.netloc,
            "path": url.path,
            "params": dict(request.parameters),
            "api_version": request.api_version,
            "intercom_version": headers.get("Intercom-Version"),
            "status": response.status_code if response else None,
            "request_id": headers.get("X-Request-Id"),
        }
        if exchange.error:
            line["error"] = exchange.error
        line = _masked_values(line)
        with self._writing():
            if response:
                line |= self._keep_body(response.content, is_accepted=exchange.rows is not None)
            self._add(line | {"stream": stream, "rows": exchange.rows})

    def add_stream(
        self,
        stream: str,
        keys: Collection[Any],
        summary: Mapping[str, Any],
        filters: Any,  # noqa: ANN401
    ) -> None:
        """Add a stream that was read completely to the last line.

        Args:
            stream: Its name.
            keys: A string or a tuple of strings for each row. Repeated keys count once.
            summary: Further entries of the stream in the last line.
            filters: Entries of the last line about rows that the stream left out.
        """
        if not self.is_kept:
            return
        distinct = {msgspec.json.encode([key] if isinstance(key, str) else key) for key in keys}
        digest = hashlib.sha256(b"\n".join(sorted(distinct))).hexdigest()
        counted = {"rows": len(distinct), "keys_sha256": digest}
        self._end["streams"][stream] = counted | dict(summary)
        self._end["filters"] |= filters

    def complete(self, times: Mapping[str, Any]) -> None:
        """Add the last line, which proves that the sync is complete.

        Args:
            times: Readings of the clocks by stream.

        Raises:
            TapError: if it can't be written, or another run has replaced a file.
        """
        if self._folder is None:
            return
        end = self._end | {"times": times, "requests": self._count}
        line = {"type": "complete", "at": iso(time.time(), "microseconds"), **end}
        with self._writing():
            os.fsync(self._files[REQUESTS])
            for name, descriptor in self._files.items():
                path = self._folder / name
                if name and not os.path.samestat(os.fstat(descriptor), path.lstat()):
                    raise FileExistsError(0, "another run has replaced it", str(path))
            if self._is_broken:
                raise OSError(0, "an earlier line is missing", str(self._folder))
            with completing():  # a signal must not change the exit code after the last line
                self._add(line | {"lines_sha256": self._digest.hexdigest()})
                os.fsync(self._files[REQUESTS])

    def close(self) -> None:
        """Close the files, and let other runs use the folder."""
        with self._lock:
            while self._files:
                os.close(self._files.popitem()[1])

    def _keep_body(self, content: bytes | bytearray, *, is_accepted: bool) -> dict[str, Any]:
        """Store a body, and return its hash and size. Refused bodies may contain a secret."""
        digest = hashlib.sha256(content).hexdigest()
        description: dict[str, Any] = {"bytes": len(content), "sha256": digest}
        if not is_accepted:
            text = content[: 4 * LONGEST_TEXT + 1].decode("utf-8", "surrogateescape")
            safe = beginning(text).encode("utf-8", "surrogateescape")
            if safe != content:
                content, digest = safe, hashlib.sha256(safe).hexdigest()
                description |= {"kept_sha256": digest, "kept_bytes": len(safe)}
        with contextlib.suppress(FileExistsError):  # an earlier response had the same body
            descriptor = _create(self._folder / BODIES / f"{digest}.json.gz")  # type: ignore[operator]
            try:
                _write(descriptor, gzip.compress(content, 6, mtime=0))
            finally:
                os.close(descriptor)
        return description

    def _add(self, line: Mapping[str, Any]) -> None:
        content = msgspec.json.encode(line) + b"\n"
        with self._lock:
            if REQUESTS in self._files:
                _write(self._files[REQUESTS], content)
                self._digest.update(content)
                self._count += 1

    def _lock_folder(self) -> None:
        """Keep other runs from using the folder."""
        try:
            import fcntl  # noqa: PLC0415 (not on Windows, where a folder can't be opened either)
        except ImportError:
            return
        self._files[""] = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)  # type: ignore[arg-type]
        try:
            fcntl.flock(self._files[""], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(0, "another run is writing to it") from None
        except OSError:
            logger.debug("The file system of %s has no locks", self._folder)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Convert a failure to write into a TapError."""
        try:
            yield
        except (OSError, ValueError) as error:
            self._is_broken = True  # this thread's exception may never be read
            reason = getattr(error, "strerror", None) or error
            where = f"{path}: " if (path := getattr(error, "filename", None)) else ""
            raise TapError(
                f"Can't write the evidence to {self._folder} ({where}{reason}): this sync is "
                "incomplete. Set evidence_path to a writable folder with enough space that no "
                "other run uses, or unset it."
            ) from error


def _masked_values(value: Any) -> Any:  # noqa: ANN401 (JSON)
    """Return a JSON value with the secrets in its strings masked."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        # A replay needs unchanged event types. They come from the user, not from Intercom.
        return {
            key: item if key in {"event_types", "activity_types"} else _masked_values(item)
            for key, item in value.items()
        }
    return [_masked_values(item) for item in value] if isinstance(value, list) else value


def _clear(folder: Path) -> None:
    """Remove the files of an earlier run, first the one with the last line."""
    (folder / REQUESTS).unlink(missing_ok=True)
    (folder / RUN).unlink(missing_ok=True)
    bodies = folder / BODIES
    if bodies.is_symlink() or bodies.is_file():
        bodies.unlink()
    bodies.mkdir(exist_ok=True)
    bodies.chmod(0o700)
    for path in bodies.glob("[0-9a-f]" * 64 + ".json.gz"):
        path.unlink()


def _create(path: Path) -> int:
    """Create a file that only its owner can read. Fail if the path exists, even as a link."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, 0o600)  # regardless of the umask
    return descriptor


def _write(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]
