"""A recorded run, answered again on loopback from its evidence: see `evidence.py` of the tap."""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
import threading
import zlib
from collections import defaultdict, deque
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from flask import Flask, Response, request
from typing_extensions import override

from tap_intercom_access.recording import BODIES, REPLAY, REQUESTS, RUN
from tap_intercom_access.sandbox.server import Server, error

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = tuple[str, str, str]
"""Method, path and parameters of a request."""


class ReplayError(Exception):
    """A folder cannot be replayed; the text is the whole sentence."""

    def __init__(self, folder: Path, problem: str) -> None:
        """Take the problem as the rest of a sentence."""
        super().__init__(
            f"{folder} cannot be replayed: {problem}. It takes the whole evidence of a complete "
            "sync with evidence_bodies, as the tap has left it."
        )


class EvidenceFolder:
    """The evidence of a complete sync, checked as a whole."""

    def __init__(self, folder: Path) -> None:
        """Read and check it.

        Raises:
            ReplayError: if anything is missing, damaged or changed.
        """
        self.folder = folder
        run, lines = self._read(RUN), self._read(REQUESTS)
        *responses, last = lines.rstrip(b"\n").split(b"\n")
        if b'"type":"complete"' not in last or not lines.endswith(b"\n"):
            raise ReplayError(folder, f"{REQUESTS} has no last line that says 'complete'")
        try:
            self.complete: dict[str, Any] = json.loads(last)
            if self.complete["run_sha256"] != hashlib.sha256(run).hexdigest():
                raise ReplayError(folder, f"{RUN} was changed, or is of another run")
            content = lines[: -len(last) - 1]
            if self.complete["lines_sha256"] != hashlib.sha256(content).hexdigest():
                raise ReplayError(folder, f"lines of {REQUESTS} were changed, or are missing")
            self.run: dict[str, Any] = json.loads(run)
            began_at = datetime.fromisoformat(self.run["began_at"].replace("Z", "+00:00"))
            self.began_at = began_at.timestamp()
            self.base_path = urlsplit(self.run["settings"]["base_url"]).path
            self.responses: list[dict[str, Any]] = [json.loads(line) for line in responses]
            if self.complete["requests"] != len(responses):
                count = self.complete["requests"]
                raise ReplayError(
                    folder, f"the last line counts {count} requests, and there are {len(responses)}"
                )
            for response in self.responses:
                if response["status"] is not None:
                    self.body(response)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ReplayError(
                folder, f"its files are not as a tap writes them ({error})"
            ) from error

    def _read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise ReplayError(self.folder, f"{name}: {error.strerror}") from error

    def body(self, response: Mapping[str, Any]) -> bytes:
        """Give the body of a response, as it was recorded.

        Raises:
            ReplayError: if it is missing, or another one.
        """
        digest, size = (response.get(f"kept_{key}", response[key]) for key in ("sha256", "bytes"))
        name = f"{BODIES}/{digest}.json.gz"
        try:
            with gzip.open(self.folder / name) as file:
                body = file.read(size + 1)
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or error
            raise ReplayError(self.folder, f"{name} cannot be read ({reason})") from error
        if hashlib.sha256(body).hexdigest() != digest:
            raise ReplayError(self.folder, f"{name} was changed: its SHA-256 is another one")
        return body


class Replay(Server):
    """Gives each request the response that was recorded for it, in order."""

    token = "replay-needs-no-token"  # noqa: S105 (opens nothing)

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        """Prepare the server.

        Raises:
            ReplayError: if the folder is not the evidence of a complete sync, with bodies.
        """
        self._evidence = EvidenceFolder(folder)
        self._lock = threading.Lock()
        self._pending: defaultdict[Key, deque[dict[str, Any]]] = defaultdict(deque)
        for response in self._evidence.responses:
            # What was asked to wait was sent again: a replay has no limit.
            if response["status"] != HTTPStatus.TOO_MANY_REQUESTS:
                self._pending[_recorded_key(response)].append(response)
        self._total = self.left
        self.problems: list[str] = []
        app = Flask("intercom-replay")
        app.before_request(self._answer)
        self._of_this_thread = threading.local()
        super().__init__(app, lambda: getattr(self._of_this_thread, "date", "?"), port)
        self.base_url += self._evidence.base_path
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name, "recorded.json")  # open here, Windows lets nobody read
        self._file.write_text(json.dumps(self._given_back()), encoding="utf-8")

    @override
    def __exit__(self, *exception: Any) -> None:  # noqa: PYI036 (three, as the base has them)
        super().__exit__(*exception)
        self._folder.cleanup()

    @property
    @override
    def settings(self) -> dict[str, str]:
        """The tap's settings for this replay, as environment variables."""
        return super().settings | {REPLAY: str(self._file)}

    @property
    def has_answered(self) -> bool:
        """Whether anything was requested."""
        return self.left < self._total

    @property
    def left(self) -> int:
        """The number of recorded responses that nobody requested."""
        return sum(map(len, self._pending.values()))

    def _given_back(self) -> dict[str, Any]:
        run, complete = self._evidence.run, self._evidence.complete
        return {
            "began_at": self._evidence.began_at,
            "state": run["state"] or {},
            "catalog": run["catalog"],
            "settings": run["settings"],
            "times": complete["times"],
            "streams": complete["streams"],
            "filters": complete["filters"],
            "versions": complete["versions"],
        }

    def _answer(self) -> Response:
        key = _key(request.method, request.path, _parameters())
        with self._lock:
            pending = self._pending.get(key)
            recorded = pending.popleft() if pending else None
            if recorded is None:
                problem = f"{' '.join(key)} was not recorded" + " as often" * (pending is not None)
                self.problems.append(problem)
                return error(404, "not_recorded", f"{problem}: this is a replay")
        if recorded["status"] is None:
            response = error(503, "no_response", f"Recorded without response: {recorded['error']}")
        else:
            try:
                body = self._evidence.body(recorded)
            except ReplayError as problem:
                self.problems.append(str(problem))
                return error(404, "evidence_changed", str(problem))
            response = Response(body, recorded["status"], content_type="application/json")
        self._of_this_thread.date = recorded["date"] or "?"
        headers = {
            "Intercom-Version": recorded["intercom_version"],
            "X-Request-Id": recorded["request_id"],
        }
        response.headers.update({name: value for name, value in headers.items() if value})
        return response


def _parameters() -> dict[str, Any]:
    if request.method == "POST":
        return dict(request.get_json())
    return {name: request.args.getlist(name) for name in request.args}


def _recorded_key(response: Mapping[str, Any]) -> Key:
    parameters = response["params"]
    if response["method"] != "POST":
        parameters = {
            name: [*map(str, value if isinstance(value, list) else [value])]
            for name, value in parameters.items()
        }
    return _key(response["method"], unquote(response["path"]), parameters)


def _key(method: str, path: str, parameters: Mapping[str, Any]) -> Key:
    return method, path, json.dumps(parameters, sort_keys=True, ensure_ascii=False)
