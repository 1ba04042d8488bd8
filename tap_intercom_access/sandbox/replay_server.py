"""Reads a recorded sync from its evidence folder, and serves its responses on localhost."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import secrets
import zlib
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import click
from flask import Response, request
from typing_extensions import override

from tap_intercom_access.recording import BODIES, REQUESTS, RUN
from tap_intercom_access.sandbox.server import Sandbox, error
from tap_intercom_access.sandbox.workspace import Workspace

HEADERS = {"date": "Date", "intercom_version": "Intercom-Version", "request_id": "X-Request-Id"}
"""Recorded headers of a response, by their name in the evidence."""

NEXT = re.compile(r'"next"\s*:\s*("(?:[^"\\]|\\.)*")')
"""A member `next` of a JSON object, with a string."""


class Recording:
    """The evidence of a complete sync."""

    def __init__(self, folder: Path) -> None:
        """Read and check the whole folder.

        Raises:
            ClickException: if a file is missing, damaged, or changed.
        """
        self.folder = folder
        try:
            self._read()
            for response in self.responses:
                self.body(response)
        except (AttributeError, LookupError, OSError, TypeError, ValueError) as error:
            raise click.ClickException(
                f"{folder} can't be replayed: {error}. Use the evidence folder of a complete sync, "
                "as the tap wrote it."
            ) from error

    def _read(self) -> None:
        run, lines = ((self.folder / name).read_bytes() for name in (RUN, REQUESTS))
        *responses, last = lines.rstrip(b"\n").split(b"\n")
        if b'"type":"complete"' not in last or not lines.endswith(b"\n"):
            raise ValueError(f"the last line of {REQUESTS} is not of the type 'complete'")
        self.complete: dict[str, Any] = json.loads(last)
        before = lines[: -len(last) - 1]
        for name, key, content in ((RUN, "run_sha256", run), (REQUESTS, "lines_sha256", before)):
            if self.complete[key] != hashlib.sha256(content).hexdigest():
                raise ValueError(f"{name} was changed or is not complete")
        self.run: dict[str, Any] = json.loads(run)
        began_at = datetime.fromisoformat(self.run["began_at"].replace("Z", "+00:00"))
        self.times = {"began_at": began_at.timestamp(), "times": self.complete["times"]}
        self.base_url = str(self.run["settings"]["base_url"])
        self.responses: list[dict[str, Any]] = [json.loads(line) for line in responses]
        if (count := self.complete["requests"]) != len(responses):
            raise ValueError(f"{REQUESTS} has {len(responses)} responses, not {count}")
        _ = {**self.complete["streams"], **self.complete["filters"]}  # fails unless objects

    def body(self, response: Mapping[str, Any]) -> bytes:
        """Return the recorded body of a response, empty if there was no response.

        Raises:
            ValueError: if the body is missing, damaged, or changed.
        """
        if response["status"] is None:
            return b""
        digest, size = (response.get(f"kept_{key}", response[key]) for key in ("sha256", "bytes"))
        name = f"{BODIES}/{digest}.json.gz"
        try:
            with gzip.open(self.folder / name) as file:
                body = file.read(size + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{name} can't be read ({error})") from error
        if hashlib.sha256(body).hexdigest() != digest:
            raise ValueError(f"{name} was changed: it has another SHA-256")
        return body


class ReplayServer(Sandbox):
    """Answers each request with its recorded responses, in their order."""

    def __init__(self, recording: Recording) -> None:
        """Prepare the server."""
        super().__init__(Workspace([], []))
        self.token = secrets.token_urlsafe()
        self.origin = self.base_url
        self.base_url += urlsplit(recording.base_url).path
        self.recording = recording
        self.problems: list[str] = []
        self.pending: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        """Recorded responses that were not requested yet, by `request_key`."""
        for response in recording.responses:
            # After a 429, the tap waited and repeated the request. A replay has no rate limit.
            if response["status"] != HTTPStatus.TOO_MANY_REQUESTS:
                path = unquote(response["path"])
                key = request_key(response["method"], path, response["params"])
                self.pending[key].append(response)

    @override
    def _intercept(self) -> Response:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return error(401, "unauthorized", "Access Token Invalid")
        parameters = request.get_json(silent=True) or request.args.to_dict(flat=False)
        key = request_key(request.method, request.path, parameters)
        with self._lock:
            pending = self.pending.get(key)
            recorded = pending.pop(0) if pending else None
        if recorded is None:
            more = "" if pending is None else " as often as it was requested"
            return self._refuse(f"{key} was not recorded{more}")
        if recorded["status"] is None:
            return error(503, "no_response", f"Recorded without response: {recorded['error']}")
        try:
            body = self.recording.body(recorded)
        except ValueError as problem:
            return self._refuse(str(problem))
        headers = {name: recorded[key] for key, name in HEADERS.items() if recorded[key]}
        body = with_next_page_at(self.origin, body, self.recording.base_url)
        return Response(body, recorded["status"], headers, content_type="application/json")

    @override
    def _finish(self, response: Response) -> Response:
        return response  # only the recorded headers

    def _refuse(self, problem: str) -> Response:
        self.problems.append(problem)
        return error(404, "not_recorded", f"{problem}. This is a replay")


def request_key(method: str, path: str, parameters: Mapping[str, Any]) -> str:
    """Return a string that identifies a request, both when recorded and when replayed."""
    if method == "GET":
        parameters = parse_qs(urlencode(parameters, doseq=True), keep_blank_values=True)
    return f"{method} {path} {json.dumps(parameters, sort_keys=True, ensure_ascii=False)}"


def with_next_page_at(origin: str, body: bytes, base_url: str) -> bytes:
    """Return a body whose `pages.next` links to an origin instead of the host of `base_url`.

    No other bytes change, even if they contain the same link.
    """
    text = body.decode("utf-8", "surrogateescape")
    try:
        content = json.loads(text.removeprefix("\ufeff"), strict=False)
        link = urlsplit(content["pages"]["next"])
    except (AttributeError, LookupError, TypeError, ValueError):
        return body
    if link.hostname and link.hostname == urlsplit(base_url).hostname:
        _, _, path = content["pages"]["next"].partition(link.netloc)
        content["pages"]["next"] = origin + path
        for match in NEXT.finditer(text):
            changed = text[: match.start(1)] + json.dumps(origin + path) + text[match.end(1) :]
            if json.loads(changed.removeprefix("\ufeff"), strict=False) == content:
                return changed.encode("utf-8", "surrogateescape")
    return body
