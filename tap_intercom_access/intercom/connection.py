"""Connections to Intercom, which all threads share: a rate limit, a clock, a session per thread."""

from __future__ import annotations

import http.client
import io
import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from typing_extensions import override
from urllib3.exceptions import HTTPError, LocationValueError
from urllib3.util import parse_url

from tap_intercom_access.intercom import rate_limit
from tap_intercom_access.intercom.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from requests import PreparedRequest

MAX_BODY = 512 * 1024 * 1024
"""Bytes of a response's body after decompression, at the most."""

PIECE = 64 * 1024
"""Bytes of a body that are read, and decompressed, at once."""

TIMEOUTS_PER_TRY = 10
"""Timeouts that a try takes, at the most, from the connection to the last byte of the body."""


class TooLargeError(OSError):
    """The body of a response is larger than MAX_BODY."""


class ProxyVariableError(OSError):
    """An environment variable names a proxy by what is not a URL."""


@dataclass(frozen=True)
class Response:
    """A response whose body was read to its end, and decompressed."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes | bytearray
    elapsed: timedelta
    """From the request to the end of the headers."""


class Connection:
    """Sends requests once the limit allows it; waiting is never a failed try."""

    def __init__(self) -> None:
        """Start unconnected."""
        self.clock = Clock()
        self._limit = rate_limit.RateLimit()
        self._of_this_thread = threading.local()  # a session of requests is not made to be shared

    def send(
        self,
        method: str,
        url: str,
        *,
        timeout: float,
        on_limited: Callable[[Response], None],
        **options: Any,  # noqa: ANN401
    ) -> Response:
        """Send a request as `requests.Session.request` does, again after every 429.

        Args:
            method: Of HTTP.
            url: Where to.
            timeout: Seconds to connect, and between two pieces of a response; ten times as many
                for a whole response.
            on_limited: Called with each 429 after which the request is sent again.
            options: As `requests.Session.request` takes them.

        Returns:
            The response; a 429 only if it asks to wait for more than MAX_WAIT in total.

        Raises:
            OSError: whatever requests raises, TooLargeError, ProxyVariableError.
        """
        if not hasattr(self._of_this_thread, "session"):
            self._of_this_thread.session = _Session()
        session: _Session = self._of_this_thread.session
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


def _send(
    session: requests.Session, method: str, url: str, timeout: float, options: dict[str, Any]
) -> Response:
    """Send a request once, and read its response within its time and size."""
    allowed = TIMEOUTS_PER_TRY * timeout
    deadline = time.monotonic() + allowed
    _deadline.set(deadline)
    try:
        with session.request(method, url, timeout=timeout, stream=True, **options) as response:
            content = bytearray()
            for piece in response.iter_content(PIECE):
                content += piece
                if len(content) > MAX_BODY:
                    raise TooLargeError(
                        f"HTTP {response.status_code} with more than {MAX_BODY // 2**20} MiB"
                    )
    except (OSError, HTTPError) as error:
        if time.monotonic() >= deadline:
            raise requests.Timeout(f"no whole response within {allowed:g} seconds") from error
        if not isinstance(error, OSError):  # requests lets a host that is no host through, say
            raise requests.RequestException(error) from error
        raise
    return Response(response.status_code, response.headers, content, response.elapsed)


_deadline: ContextVar[float] = ContextVar("deadline")
"""When the try under way in this thread ends, by this machine's monotonic clock."""


class _Session(requests.Session):
    """Follows no redirect, and goes past proxies where the request is not encrypted."""

    def __init__(self) -> None:
        super().__init__()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter())

    @override
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None  # requests would read all of the body, and parse the target, to prepare for it

    @override
    def merge_environment_settings(self, url: Any, *args: Any, **options: Any) -> Any:
        settings: Any = super().merge_environment_settings(url, *args, **options)
        if urlsplit(url).scheme == "http":
            # Only this machine is reached so: another would read the token.
            settings["proxies"] = {}
        elif proxy := select_proxy(url, settings["proxies"]):
            _check_proxy(proxy)
        return settings


def _check_proxy(proxy: str) -> None:
    # What requests and urllib3 say of such a proxy quotes its password.
    try:
        host = parse_url(proxy if "://" in proxy else f"http://{proxy}").host
    except LocationValueError:
        host = None
    if not host:
        raise ProxyVariableError("the proxy variables name a proxy by what is not a URL")


class _Adapter(HTTPAdapter):
    """Makes connections whose responses have an end."""

    @override
    def get_connection_with_tls_context(
        self, request: PreparedRequest, *args: Any, **options: Any
    ) -> Any:
        pool: Any = super().get_connection_with_tls_context(request, *args, **options)
        made = pool.ConnectionCls
        if made.response_class is not _HTTPResponse:
            bounded = {"response_class": _HTTPResponse}
            pool.ConnectionCls = type(made.__name__, (made,), bounded)
        return pool


class _HTTPResponse(http.client.HTTPResponse):
    """Reads from its socket until the deadline, and skips what comes before the response."""

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:  # noqa: ANN401 (as http.client has it)
        super().__init__(sock, *args, **options)
        reader = self.fp.detach()
        self.fp = io.BufferedReader(_Reader(reader, sock, _deadline.get()))

    def _read_status(self) -> tuple[str, int, str]:
        # http.client skips 100 Continue only, not 103 Early Hints, say.
        while True:
            status: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if not HTTPStatus.SWITCHING_PROTOCOLS < status[1] < HTTPStatus.OK:
                return status
            http.client.parse_headers(self.fp)


class _Reader(io.RawIOBase):
    """Reads a socket until a deadline, however slowly its bytes come."""

    def __init__(self, raw: io.RawIOBase, sock: Any, deadline: float) -> None:  # noqa: ANN401
        self._raw = raw
        self._sock = sock
        self._timeout = sock.gettimeout()
        self._deadline = deadline

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(min(left, self._timeout))
        return self._raw.readinto(buffer)

    @override
    def close(self) -> None:
        self._raw.close()
        super().close()
