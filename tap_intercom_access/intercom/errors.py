"""What went wrong between here and Intercom, as the sentence that the user reads.

The sentence says what was wrong, where, and what to do next. The exceptions::

    Exception
    ├── IntercomError          Intercom did not give what was asked for, or not all of it
    │   ├── RefusedError       a status other than 200 that another try would not change
    │   ├── RetriesExhaustedError    every try ended in a TransientError
    │   ├── TransientError     no response, or HTTP 5xx: tried again
    │   └── UnreadableError    one value does not have its shape, the rest has
    └── PagesError             what a page says of the next one; the client makes a sentence of it

Anything else that is raised in this package is a fault of the tap, and says so (see `tap.py`).
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_intercom_access.intercom import rate_limit
from tap_intercom_access.intercom.endpoints import REGIONS
from tap_intercom_access.intercom.redaction import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import requests

    from tap_intercom_access.intercom.endpoints import Request

RUN_AGAIN = "Run again; if it persists, tell Intercom."
CHECK_THE_WAY = (
    "Nothing that follows can be trusted, so the sync stops. Check that base_url is Intercom's "
    f"API ({REGIONS}) and that nothing on the way changes its answers."
)


class IntercomError(Exception):
    """Intercom did not give what was asked for, or not all of it; the text is a sentence."""


class RefusedError(IntercomError):
    """A status other than 200: a missing permission, a wrong token, a limit that stays used up."""


class RetriesExhaustedError(IntercomError):
    """No response, or a failure of Intercom's, in each of several tries."""


class TransientError(IntercomError):
    """No response, or a failure of Intercom's: it may pass."""


class UnreadableError(IntercomError):
    """A value does not have its shape, while the rest shows that it is what was asked for.

    Attributes:
        field: Name of the field of the row, where it is one.
    """

    def __init__(self, sentence: str, field: str | None) -> None:
        """Take the sentence, and the field that it is about."""
        super().__init__(sentence)
        self.field = field


class PagesError(Exception):
    """What a page says of the next one cannot be followed.

    Attributes:
        told: What Intercom said instead, as it came.
        advice: What to do.
    """

    def __init__(self, problem: str, told: object = None, advice: str = CHECK_THE_WAY) -> None:
        """Take the problem as the rest of a sentence."""
        super().__init__(problem)
        self.told = told
        self.advice = advice


def refusal(request: Request[Any], response: requests.Response, token: str) -> str:
    """Say what a response other than 200 means, and what to do.

    Source: https://developers.intercom.com/docs/references/rest-api/errors/error-codes
    """
    said = ", ".join([f"HTTP {response.status_code}", *_said_by_intercom(response, token)])
    return f"{request} answered {said}. {_what_to_do(request, response, token)}"


def untrusted(request: Request[Any], problem: str, found: str, advice: str = CHECK_THE_WAY) -> str:
    """Say that a response of HTTP 200 is not what it should be."""
    return f"{request} answered HTTP 200, but {problem}; found {found}. {advice}"


def unreachable(request: Request[Any], error: Exception) -> str:
    """Say that no response came."""
    return (
        f"{request} failed: {_cause(error)}. Check the network, the proxy variables and base_url, "
        "then run again."
    )


def found(response: requests.Response, token: str) -> str:
    """Describe a body: keys only where it is JSON (values are personal data), else its start."""
    body = _parsed(response)
    if isinstance(body, dict):
        if body.get("type") == "error.list":
            return ", ".join(["an error list", *_said_by_intercom(response, token)])
        return f"a JSON object with {excerpt(', '.join(map(str, body)), token) or 'no keys'}"
    if body is not None or response.content.strip() == b"null":
        return f"JSON of type {type(body).__name__}"
    if not response.content:
        return "an empty body"
    return f"'{excerpt(response.content.decode('utf-8', 'replace'), token)}'"


def _what_to_do(request: Request[Any], response: requests.Response, token: str) -> str:
    status = response.status_code
    permission = request.endpoint.permission
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
            f"The tap waits for the rate limit for at most {rate_limit.MAX_WAIT:.0f} seconds: "
            "other apps may be using it up. Run again later."
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "Intercom is failing: see https://www.intercomstatus.com and run again later."
    if status >= HTTPStatus.BAD_REQUEST:
        return "Check base_url and api_version."
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        target = excerpt(response.headers.get("Location", "nowhere"), token)
        return (
            f"It redirects to {target}; the token is not sent there. "
            f"Set base_url to Intercom's API itself: {REGIONS}."
        )
    return f"Only HTTP 200 is a whole list. Check that base_url is Intercom's API: {REGIONS}."


def _said_by_intercom(response: requests.Response, token: str) -> list[str]:
    """Give code, message and request id of an error list, as far as they are there."""
    body = _parsed(response)
    said = []
    if isinstance(body, dict):
        errors = body.get("errors")
        for error in errors if isinstance(errors, list) else []:
            if isinstance(error, dict):
                parts = [str(error[key]) for key in ("code", "message") if error.get(key)]
                said.append(excerpt(": ".join(parts), token))
    elif response.content:
        said.append(f"with {found(response, token)}")
    request_id = body.get("request_id") if isinstance(body, dict) else None
    request_id = request_id or response.headers.get("X-Request-Id")
    if request_id:
        said.append(f"request id {excerpt(str(request_id), token)}")
    return said


def _cause(error: BaseException) -> str:
    """Give the innermost reason, which names what happened without library internals."""
    reason: Any = error
    while (inner := getattr(reason, "reason", None) or next(_inner(reason), None)) is not None:
        reason = inner
    text = re.sub(r"^<.*?>:? ", "", str(reason)) or type(reason).__name__
    return f"{text.rstrip('.')} ({type(error).__name__})"


def _inner(error: BaseException) -> Iterator[BaseException]:
    return (arg for arg in getattr(error, "args", ()) if isinstance(arg, BaseException))


def _parsed(response: requests.Response) -> Mapping[str, Any] | list[Any] | str | float | None:
    try:
        return json.loads(response.content)  # type: ignore[no-any-return]
    except (ValueError, RecursionError):
        return None
