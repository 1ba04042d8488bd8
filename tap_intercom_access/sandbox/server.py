"""Serves a workspace with real HTTP on localhost."""

from __future__ import annotations

import random
import re
import threading
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, jsonify, request
from typing_extensions import override
from werkzeug.serving import WSGIRequestHandler, make_server

from tap_intercom_access.streams.activity_types import DEFAULT_TYPES

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from typing_extensions import Self

    from tap_intercom_access.sandbox.models import Event
    from tap_intercom_access.sandbox.workspace import Workspace

    Fault = Callable[[], "Response | None"]
    """Returns a response, or None to use the API's own response."""

PERIOD = 10
"""Seconds per period of the rate limit."""

FIRST_VERSION_WITH_ROLES = (2, 18)


@dataclass
class Behaviour:
    """Options of the API. Tests may change them at any time."""

    page_size: int | None = None
    """Rows per page of a list. With None, a list has one page, like Intercom's lists today."""
    next_form: str = "object"
    """Form of `pages.next` in lists: object, url (absolute), or relative."""
    event_order: str = "newest first"
    """Order of the activity logs: newest first, oldest first, as in history, or shuffled ties.

    With shuffled ties, events come newest first, and those of the same second in random order.
    """
    event_page_size: int | None = None
    """Events per page, regardless of the requested `per_page`. None uses the requested one."""
    event_next_form: str = "null"
    """Form of `pages.next` in the activity logs: null (pages have numbers), object, or url."""
    rate_limit: int = 1667
    """Requests per period of ten seconds. The default corresponds to 10,000 a minute."""
    clock_offset: float = 0
    """Seconds by which Intercom's clock is ahead of this machine's."""
    sends_date: bool = True
    """Whether responses have a valid `Date`."""
    answers_version: str | None = None
    """`Intercom-Version` of the responses. None uses the requested one."""

    def now(self) -> float:
        """Return Intercom's time in Unix seconds."""
        return time.time() + self.clock_offset


@dataclass
class Journal:
    """All requests so far, including refused ones, in order of arrival."""

    requests: list[str] = field(default_factory=list)
    """Methods and URLs."""
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """Unix seconds."""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    """Parsed JSON of the requests with a body."""
    max_concurrent: int = 0
    """Highest number of simultaneous requests."""


class _Handler(WSGIRequestHandler):
    @override
    def log(self, type: str, message: str, *args: Any) -> None:
        """Log nothing, because the command that runs with the sandbox uses the terminal."""

    @override
    def send_response(self, code: int, message: str | None = None) -> None:
        """Send the status without werkzeug's `Date` header. `_finish` adds one."""
        self.send_response_only(code, message)


class Sandbox:
    """Serves a workspace on a port of 127.0.0.1 inside a `with` block.

    Source: https://developers.intercom.com/docs/references/rest-api/api.intercom.io
    """

    token = "sandbox-token-0123456789abcdef"  # noqa: S105 (works only here)

    def __init__(
        self,
        workspace: Workspace,
        behaviour: Behaviour | None = None,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare the server.

        Args:
            workspace: Data for the responses.
            behaviour: How the API behaves.
            port: Port to listen on. 0 uses a free one.
            tls: Serves https with this context.
        """
        self.workspace = workspace
        self.behaviour = behaviour or Behaviour()
        self.journal = Journal()
        self._lock = threading.Lock()
        self._concurrent = 0
        self._received = Counter[str]()
        self._faults: defaultdict[str, dict[int | None, Fault]] = defaultdict(dict)
        self._responses: dict[str, list[object]] = {}
        self._used = Counter[int]()
        self._random = random.Random(0)  # noqa: S311 (tests repeat the same order)
        self._routes: dict[str, Callable[[], Response]] = {
            "GET /me": lambda: jsonify(self.workspace.me()),
            "GET /admins": lambda: self._list("admin"),
            "GET /teams": lambda: self._list("team"),
            "GET /roles": self._roles,
            "GET /away_status_reasons": lambda: jsonify(self.workspace.away_status_reason_rows()),
            "POST /admins/activity_logs/search": self._activity_logs,
            "GET /admins/activity_log_event_types": self._activity_types,
        }
        self._server = make_server(
            "127.0.0.1", port, self._app(), threaded=True, request_handler=_Handler, ssl_context=tls
        )
        self._server.log = lambda *_: None  # type: ignore[method-assign]
        self.base_url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Start the server."""
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def settings(self) -> dict[str, str]:
        """The tap's settings for this server, as environment variables."""
        return {
            "TAP_INTERCOM_ACCESS_BASE_URL": self.base_url,
            "TAP_INTERCOM_ACCESS_ACCESS_TOKEN": self.token,
        }

    def respond(self, path: str, *bodies: object) -> None:
        """Answer requests for a path with these bodies, one after the other.

        The last body is repeated. Bytes are sent unchanged, other bodies as JSON.
        """
        self._responses[path] = list(bodies)

    def fail(self, path: str, fault: Fault, *, nth: int | None = None) -> None:
        """Answer requests for a path with a fault from now on.

        Args:
            path: Path without a query.
            fault: Returns the response.
            nth: Number of the request to answer, from 1 for the next one. None answers all others.
        """
        with self._lock:
            key = None if nth is None else self._received[path] + nth
            self._faults[path][key] = fault

    def _app(self) -> Flask:
        app = Flask("intercom-sandbox")
        app.json.ensure_ascii = False  # type: ignore[attr-defined]
        app.before_request(self._intercept)
        app.after_request(self._finish)
        app.teardown_request(self._done)
        return app

    def _intercept(self) -> Response:
        journal = self.journal
        with self._lock:
            journal.requests.append(f"{request.method} {request.full_path.rstrip('?')}")
            journal.headers.append(dict(request.headers))
            journal.times.append(time.time())
            journal.bodies += [request.get_json()] if request.is_json else []
            self._concurrent += 1
            journal.max_concurrent = max(journal.max_concurrent, self._concurrent)
            self._received[request.path] += 1
            faults = self._faults[request.path]
            fault = faults.get(self._received[request.path], faults.get(None))
        if fault and (response := fault()):
            return response
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return error(401, "unauthorized", "Access Token Invalid")
        limit = self.behaviour.rate_limit
        with self._lock:
            self._used[self._period] += 1
            is_over = self._used[self._period] > limit
        if is_over:
            message = f"Exceeded rate limit of {limit} in 10_seconds"
            return error(429, "rate_limit_exceeded", message, **self._rate_limit_headers())
        if bodies := self._responses.get(request.path):
            body = bodies.pop(0) if len(bodies) > 1 else bodies[0]
            return Response(body) if isinstance(body, bytes) else jsonify(body)
        answer = self._routes.get(f"{request.method} {request.path}", not_found)
        return answer()

    def _done(self, _: BaseException | None) -> None:
        with self._lock:
            self._concurrent -= 1

    def _finish(self, response: Response) -> Response:
        response.headers.setdefault("Date", self._date())
        if response.status_code not in (401, 429):  # tests choose the headers of these
            for name, value in self._rate_limit_headers().items():
                response.headers.setdefault(name, value)
        if response.status_code == 200:  # noqa: PLR2004 (errors have the ID in the body)
            response.headers.setdefault("X-Request-Id", str(uuid.uuid4()))
            requested = request.headers.get("Intercom-Version")
            if version := self.behaviour.answers_version or requested:
                response.headers.setdefault("Intercom-Version", version)
        return response

    def _rate_limit_headers(self) -> dict[str, str]:
        limit, period = self.behaviour.rate_limit, self._period
        values = (limit, max(0, limit - self._used[period]), (period + 1) * PERIOD)
        names = (f"X-RateLimit-{name}" for name in ("Limit", "Remaining", "Reset"))
        return dict(zip(names, map(str, values), strict=True))

    @property
    def _period(self) -> int:
        return int(self.behaviour.now()) // PERIOD

    def _date(self) -> str:
        behaviour = self.behaviour
        return formatdate(behaviour.now(), usegmt=True) if behaviour.sends_date else "?"

    def _roles(self) -> Response:
        version = re.fullmatch(r"(\d+)\.(\d+)", request.headers.get("Intercom-Version", ""))
        if version and tuple(map(int, version.groups())) < FIRST_VERSION_WITH_ROLES:
            return not_found()
        return jsonify({"type": "list", "data": self.workspace.role_rows()})

    def _activity_types(self) -> Response:
        types = {*DEFAULT_TYPES, *(event["activity_type"] for event in self.workspace.history)}
        return jsonify({"type": "activity_log_event_type.list", "event_types": sorted(types)})

    def _activity_logs(self) -> Response:
        parameters, behaviour = request.get_json(), self.behaviour
        requested = int(parameters.get("per_page", 20))
        if "created_at_after" not in parameters or not 1 <= requested <= 250:  # noqa: PLR2004
            return error(400, "parameter_invalid", "created_at_after or per_page is not valid")
        events, size = self._matching(parameters), behaviour.event_page_size or requested
        pages, part = self._page(parameters, size, len(events), behaviour.event_next_form)
        return jsonify({"type": "activity_log.list", "pages": pages, "activity_logs": events[part]})

    def _matching(self, parameters: Mapping[str, Any]) -> list[Event]:
        """Return the events that match a request, in the order of `event_order`."""
        after = int(parameters["created_at_after"])
        before = int(parameters.get("created_at_before", 2**62))
        types = parameters.get("event_types")
        events = [
            event
            for event in list(self.workspace.history)  # a test may change it meanwhile
            if after < event["created_at"] <= before
            and (not types or event["activity_type"] in types)
        ]
        order = self.behaviour.event_order
        if order == "shuffled ties":
            self._random.shuffle(events)
        if order != "as in history":
            events.sort(key=lambda event: event["created_at"], reverse=order != "oldest first")
        return events

    def _list(self, kind: str) -> Response:
        count = len(getattr(self.workspace, f"{kind}s"))
        rows = getattr(self.workspace, f"{kind}_rows")
        body: dict[str, Any] = {"type": f"{kind}.list"}
        if not (size := self.behaviour.page_size):
            return jsonify({**body, f"{kind}s": rows()})
        try:
            pages, part = self._page(request.args, size, count, self.behaviour.next_form)
        except ValueError:
            return error(400, "parameter_invalid", "starting_after is not a cursor")
        return jsonify({**body, "pages": pages, f"{kind}s": rows(part)})

    def _page(
        self, parameters: Mapping[str, Any], size: int, count: int, next_form: str
    ) -> tuple[dict[str, Any], slice]:
        """Return `pages` for the requested page of a list, and the slice of its rows."""
        page = int(parameters.get("starting_after") or parameters.get("page", 1))
        relative = f"{request.path}?page={page + 1}&per_page={size}"
        next_page = {
            "null": None,
            "object": {"per_page": size, "starting_after": str(page + 1)},
            "url": f"{self.base_url}{relative}",
            "relative": relative,
        }[next_form]
        pages = {
            "type": "pages",
            "next": next_page if page * size < count else None,
            "page": page,
            "per_page": size,
            "total_pages": max(1, -(-count // size)),
        }
        return pages, slice((page - 1) * size, page * size)


def not_found() -> Response:
    """Return Intercom's response for an unknown endpoint."""
    return error(404, "not_found", "Resource not found")


def error(status: int, code: str, message: str, **headers: str) -> Response:
    """Return a response in the form of Intercom's errors."""
    body = {
        "type": "error.list",
        "request_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{status}/{code}")),
        "errors": [{"code": code, "message": message}],
    }
    response = jsonify(body)
    response.status_code = status
    response.headers.update(headers)
    return response
