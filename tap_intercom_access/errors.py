"""What went wrong, as the sentence that the user reads: what, where, and what to do next."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests
from singer_sdk.exceptions import ConfigurationError, FatalAPIError, SingerSDKError

from tap_intercom_access import session

if TYPE_CHECKING:
    from collections.abc import Mapping

REGIONS = (
    "https://api.intercom.io (US), https://api.eu.intercom.io (EU) "
    "or https://api.au.intercom.io (Australia)"
)
EXCERPT_LENGTH = 120
ECHO_LENGTH = 8  # the shortest piece of the token that is masked when Intercom echoes it


class InputError(ConfigurationError):
    """Configuration, catalog or state cannot be used; the message lists every fault."""


class AnswerError(FatalAPIError):
    """Intercom's answer cannot be trusted to be the whole list, or is a refusal."""


class TargetGoneError(SingerSDKError):
    """The target closed the pipe before everything was written."""

    def __init__(self) -> None:
        """Say so, and where to look for the reason."""
        super().__init__(
            "The target closed the pipe before the end: this sync is incomplete. See the target's "
            "own messages for the reason."
        )


def place(request: requests.PreparedRequest) -> str:
    """Name the endpoint of a request, without its query.

    Returns:
        For example ``GET https://api.intercom.io/admins``.
    """
    return f"{request.method} {str(request.url).partition('?')[0]}"


def refusal(response: requests.Response, permission: str) -> str:
    """Say what an answer other than 200 means, and what to do.

    Args:
        response: Any answer whose status is not 200.
        permission: The permission in Intercom's Developer Hub that the endpoint needs.

    Source: https://developers.intercom.com/docs/references/rest-api/errors/error-codes
    """
    status = response.status_code
    said = [f"HTTP {status}", *_said_by_intercom(response)]
    return (
        f"{place(response.request)} answered {', '.join(said)}. {_what_to_do(response, permission)}"
    )


def _what_to_do(response: requests.Response, permission: str) -> str:
    status = response.status_code
    if status == HTTPStatus.UNAUTHORIZED:
        return (
            "Either the access token is wrong or revoked: copy or regenerate it in Intercom's "
            "Developer Hub (your app > Authentication); or its workspace is in another region: "
            f"set base_url to {REGIONS}; or the app lacks the permission '{permission}'."
        )
    if status == HTTPStatus.FORBIDDEN:
        return (
            f"Give the app the permission '{permission}' in Intercom's Developer Hub "
            "(your app > Authentication), check that the workspace's plan includes it, or "
            "regenerate the token as a workspace admin."
        )
    if status == HTTPStatus.NOT_FOUND:
        return (
            "base_url does not point at Intercom's API, or the workspace is in another region: "
            f"set it to {REGIONS}; check api_version, too."
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return (
            f"The tap waits for the rate limit for at most {session.MAX_WAIT:.0f} seconds: other "
            "apps may be using it up. Run again later."
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "Intercom is failing: see https://www.intercomstatus.com and run again later."
    if status >= HTTPStatus.BAD_REQUEST:
        return "Check base_url and api_version."
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        target = excerpt(response.headers.get("Location", "nowhere"), response)
        return (
            f"It redirects to {target}; the token is not sent there. "
            f"Set base_url to Intercom's API itself: {REGIONS}."
        )
    return f"Only HTTP 200 is a whole list. Check that base_url is Intercom's API: {REGIONS}."


def _said_by_intercom(response: requests.Response) -> list[str]:
    """Give code, message and request id of an error list, as far as they are there."""
    body = _parsed(response)
    said = []
    if isinstance(body, dict):
        errors = body.get("errors")
        for error in errors if isinstance(errors, list) else []:
            if isinstance(error, dict):
                parts = [str(error[key]) for key in ("code", "message") if error.get(key)]
                said.append(excerpt(": ".join(parts), response))
    elif response.content:
        said.append(f"with {found(response)}")
    request_id = body.get("request_id") if isinstance(body, dict) else None
    request_id = request_id or response.headers.get("X-Request-Id")
    if request_id:
        said.append(f"request id {excerpt(str(request_id), response)}")
    return said


def unexpected(response: requests.Response, expected: str) -> AnswerError:
    """Describe an answer of HTTP 200 that is not the list it should be."""
    body = _parsed(response)
    if isinstance(body, dict) and body.get("type") == "error.list":
        instead = ", ".join(["an error list", *_said_by_intercom(response)])
    else:
        instead = found(response)
    return AnswerError(
        f"{place(response.request)} answered HTTP 200, but {expected}; found {instead}. "
        "Nothing that follows can be trusted, so the sync stops. Check that base_url is Intercom's "
        f"API ({REGIONS}) and that nothing on the way changes its answers."
    )


def found(response: requests.Response) -> str:
    """Describe a body: keys only where it is JSON (values are personal data), else its start."""
    body = _parsed(response)
    if isinstance(body, dict):
        return f"a JSON object with {excerpt(', '.join(map(str, body)), response) or 'no keys'}"
    if body is not None or response.content.strip() == b"null":
        return f"JSON of type {type(body).__name__}"
    if not response.content:
        return "an empty body"
    return f"'{excerpt(response.content.decode('utf-8', 'replace'), response)}'"


def excerpt(text: str, response: requests.Response) -> str:
    """Shorten foreign text to one printable line that holds no part of the token."""
    token = str(response.request.headers.get("Authorization", "")).removeprefix("Bearer ")
    line = " ".join(mask(text, token).split())
    line = "".join(char if char.isprintable() else "?" for char in line)
    return line if len(line) <= EXCERPT_LENGTH else f"{line[:EXCERPT_LENGTH]}…"


def mask(text: str, token: str) -> str:
    """Blank the token, and every piece of it of eight characters or more, in a text."""
    length = min(ECHO_LENGTH, len(token))
    starts = range(len(token) - length + 1) if token else ()
    pieces = "|".join({re.escape(token[start : start + length]) for start in starts})
    if not pieces:
        return text
    chars = list(text)
    for match in re.finditer(f"(?=({pieces}))", text):
        chars[match.start(1) : match.end(1)] = "*" * length
    return "".join(chars)


def explain(error: BaseException, where: str = "The request") -> str:
    """Turn any failure into one sentence; `where` names the endpoint that it happened at."""
    if isinstance(error, requests.RequestException):
        return (
            f"{where} failed: {_cause(error)}. Check the network, the proxy "
            "variables and base_url, then run again."
        )
    if isinstance(error, SingerSDKError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'The operating system'}: {error.strerror or error}."
    return (
        f"Unexpected {type(error).__name__}: {error}. This is a fault of the tap: please report it "
        "with what TAP_INTERCOM_ACCESS_LOGLEVEL=DEBUG prints."
    )


def _cause(error: BaseException) -> str:
    """Give the innermost reason, which names what happened without library internals."""
    reason: Any = error
    while (inner := getattr(reason, "reason", None) or next(_inner(reason), None)) is not None:
        reason = inner
    text = re.sub(r"^<.*?>:? ", "", str(reason)) or type(reason).__name__
    return f"{text.rstrip('.')} ({type(error).__name__})"


def _inner(error: BaseException) -> Any:  # noqa: ANN401 (arguments of an exception are anything)
    return (arg for arg in getattr(error, "args", ()) if isinstance(arg, BaseException))


def _parsed(response: requests.Response) -> Mapping[str, Any] | list[Any] | str | float | None:
    try:
        return json.loads(response.content)  # type: ignore[no-any-return]
    except ValueError:
        return None
