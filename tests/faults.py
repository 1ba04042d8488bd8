"""Failures between the tap and Intercom, for `Sandbox.fail`."""

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Response, after_this_request, request

from tap_intercom_access.sandbox.server import error

Fault = Callable[[], Response | None]
"""Answers a request, or returns None to let the sandbox answer."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def status(code: int, body: bytes | str = b"", headers: dict[str, str] | None = None) -> Fault:
    """Answer with a status and a body."""
    return lambda: Response(body, status=code, headers=headers)


def refuse(
    code: int, name: str, message: str = "No", headers: dict[str, str] | None = None
) -> Fault:
    """Answer with a status and an error list, like Intercom."""
    return lambda: error(code, name, message, **(headers or {}))


def add_headers(**headers: str) -> Fault:
    """Add headers to the API's response. In their names, an underscore becomes a hyphen."""

    def answer() -> None:
        @after_this_request
        def add(response: Response) -> Response:
            response.headers.update({k.replace("_", "-"): v for k, v in headers.items()})
            return response

    return answer


def drop() -> Fault:
    """Close the connection instead of answering."""
    return lambda: _end(reset=False)


def reset() -> Fault:
    """Reset the connection instead of answering."""
    return lambda: _end(reset=True)


def truncate(body: bytes) -> Fault:
    """Send half of a body, and close the connection."""
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return lambda: Response(iter([body[: len(body) // 2]]), headers=headers)


def hold(release: threading.Event) -> Fault:
    """Answer only after an event is set."""

    def answer() -> None:
        release.wait()

    return answer


def raw(*pieces: bytes, every: float = 0) -> Fault:
    """Send bytes instead of an HTTP response, with a pause of some seconds after each piece."""
    return lambda: _send(pieces, every)


def _send(pieces: tuple[bytes, ...], every: float) -> Response:
    connection: Any = request.environ["werkzeug.socket"]
    for piece in pieces:
        try:
            connection.sendall(piece)
        except OSError:  # the client went away
            break
        time.sleep(every)
    return _end(reset=False)


def _end(*, reset: bool) -> Response:
    connection: Any = request.environ["werkzeug.socket"]
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 (a device)
            os.dup2(nothing.fileno(), connection.fileno())  # closes the socket at once
    else:
        with contextlib.suppress(OSError):  # the client went away
            connection.shutdown(socket.SHUT_RDWR)
    return Response()
