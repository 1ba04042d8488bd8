"""Connections to Intercom. All threads share a rate limit and a clock; each has its own session."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests
from typing_extensions import override
from urllib3.exceptions import HTTPError, NameResolutionError

from tap_intercom_access.intercom import rate_limit
from tap_intercom_access.intercom.clock import Clock

MAX_BODY = 512 * 1024 * 1024
"""The largest body of a response in bytes, after decompression."""

PIECE = 64 * 1024
"""Bytes of a body to read and decompress at once, at most."""

TIMEOUTS_PER_TRY = 10
"""A response must be complete after this number of timeouts."""


class TooLargeError(OSError):
    """The body of a response is larger than MAX_BODY."""


@dataclass(frozen=True)
class Response:
    """A response with its complete, decompressed body."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes | bytearray

    @cached_property
    def body(self) -> Any:  # noqa: ANN401 (JSON)
        """The parsed body, None if it isn't JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None


class Connection:
    """Sends requests when the rate limit allows it. Waiting doesn't count as a failed attempt."""

    def __init__(self) -> None:
        """Start without a session. The first request of each thread opens one."""
        self.clock = Clock()
        self._limit = rate_limit.RateLimit()
        self._of_this_thread = threading.local()  # sessions of requests are not thread-safe

    def send(
        self,
        method: str,
        url: str,
        *,
        timeout: float,
        on_limited: Callable[[Response], None],
        **options: Any,  # noqa: ANN401
    ) -> Response:
        """Send a request, and send it again after each 429.

        Args:
            method: The HTTP method.
            url: The URL.
            timeout: Connect and read timeout in seconds. A response may take ten times as long.
            on_limited: Called with each response of status 429 that is retried.
            options: Other arguments of `requests.Session.request`.

        Returns:
            The response. It has status 429 only if the total wait would exceed MAX_WAIT.

        Raises:
            OSError: any exception of requests (InvalidURL for a wrong proxy URL), or TooLargeError.
        """
        session = self._session()
        waited = 0.0
        while True:
            self._limit.take()
            response = _send(session, method, url, timeout, options)
            self.clock.observe(response.headers)
            now = self.clock.now()
            self._limit.learn(response.headers, now)
            if response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                return response
            wait = rate_limit.requested_wait(response.headers, now)
            if waited + wait > rate_limit.MAX_WAIT:
                return response
            on_limited(response)
            self._limit.pause(wait)
            waited += wait

    def _session(self) -> _Session:
        """Return the session of this thread."""
        if not hasattr(self._of_this_thread, "session"):
            self._of_this_thread.session = _Session()
        session: _Session = self._of_this_thread.session
        return session


def is_unknown_host(error: OSError) -> bool:
    """Return whether the host of a URL, or of a proxy, does not exist.

    If a name server doesn't answer, return false, because another attempt may succeed.
    """
    reason = getattr(error.args[0], "reason", None) if error.args else None
    reason = getattr(reason, "original_error", reason)  # in urllib3's ProxyError
    if not isinstance(reason, NameResolutionError):
        return False
    cause = reason.__cause__
    return not (isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN)


def _send(
    session: requests.Session, method: str, url: str, timeout: float, options: dict[str, Any]
) -> Response:
    """Send a request once, and read its response within the limits of time and size."""
    allowed = TIMEOUTS_PER_TRY * timeout
    deadline = time.monotonic() + allowed
    try:
        response = session.request(method, url, timeout=timeout, stream=True, **options)
    except OSError:
        raise
    except HTTPError as error:  # requests doesn't convert all errors about host names
        raise requests.exceptions.InvalidURL(error) from error
    except (TypeError, ValueError) as error:  # or about proxies, such as http://USER:PASSWORD@
        problem = "the URL of the proxy isn't valid"
        raise requests.exceptions.InvalidProxyURL(problem) from error
    content = bytearray()
    try:
        with response:
            # read1 returns data as it arrives. `iter_content` would wait for a full piece.
            while piece := response.raw.read1(PIECE, decode_content=True):
                content += piece
                if len(content) > MAX_BODY:
                    raise TooLargeError(
                        f"HTTP {response.status_code} with a body over {MAX_BODY // 2**20} MiB"
                    )
                if time.monotonic() >= deadline:
                    raise requests.Timeout(f"no complete response within {allowed:g} seconds")
    except HTTPError as error:
        raise requests.ConnectionError(error) from error
    return Response(response.status_code, response.headers, content)


class _Session(requests.Session):
    """A session that doesn't follow redirects, and doesn't send plain HTTP to a proxy."""

    @override
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None  # for a redirect, requests would read the whole body and parse the target

    @override
    def merge_environment_settings(self, url: Any, *args: Any, **options: Any) -> Any:
        settings: Any = super().merge_environment_settings(url, *args, **options)
        if urlsplit(url).scheme == "http":
            # Plain HTTP is only for this machine. A proxy could read the token.
            settings["proxies"] = {}
        return settings
