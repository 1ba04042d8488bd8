"""Failures between this machine and Intercom, and the messages that users read.

A message contains what failed, where, with which value, and what to do next. The exceptions::

    IntercomError               Intercom didn't return what was requested, or not all of it
    ├── RefusedError            a status other than 200 that another attempt wouldn't change
    ├── RetriesExhaustedError   every attempt ended in a TransientError
    ├── TransientError          no response, or a temporary error: retried
    └── UnknownHostError        the name of the host can't be resolved: retried once
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import requests

from tap_intercom_access.intercom import rate_limit
from tap_intercom_access.intercom.connection import Response, TooLargeError, is_unknown_host
from tap_intercom_access.intercom.endpoints import REGIONS, Request
from tap_intercom_access.intercom.redaction import excerpt

ACCESS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
REDIRECTS = (301, 302, 303, 307, 308)

RUN_AGAIN = "Run the sync again. If the problem persists, contact Intercom support."
CHECK_BASE_URL = (
    "The response can't be trusted, so the sync stopped. Check that base_url is Intercom's API "
    f"({REGIONS}) and that no proxy or gateway changes the responses."
)
CHECK_CERTIFICATE = (
    "If it has expired or isn't valid yet, check this machine's clock. If it is for another host, "
    "check base_url. If your company inspects TLS traffic, set REQUESTS_CA_BUNDLE to its CA file."
)

MAY_PASS = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
"""Failures of a connection after which another attempt may succeed."""

CAUSE_LENGTH = 300
"""Characters of the reason in the message about a failed connection."""

MAX_ERRORS = 5
"""Number of errors of an error list in a message, at most."""

TEMPORARY = {"request_timeout", "retry_after", "too_many_requests"}
"""Error codes after which a request is sent again, whatever the status."""

ALLOWLIST = re.compile(r"allow-?\s?list|whitelist|\bip address", re.IGNORECASE)

WRONG_TOKEN = {"token_not_found", "token_revoked", "token_expired"}
"""Error codes of a wrong token. Permissions don't change them."""


class IntercomError(Exception):
    """Intercom didn't return what was requested, or not all of it."""

    field: str | None = None
    """Name of the only field of a row that can't be decoded."""

    def __init__(self, problem: str, advice: str = "") -> None:
        """Combine what failed and what to do next, each in complete sentences."""
        super().__init__(f"{problem} {advice}".rstrip())
        self.problem = problem
        self.advice = advice


class RefusedError(IntercomError):
    """A missing permission, a wrong token, or a rate limit that stays used up."""


class RetriesExhaustedError(IntercomError):
    """Every attempt failed."""


class TransientError(IntercomError):
    """No response or a temporary error."""


class UnknownHostError(IntercomError):
    """The name of the host can't be resolved."""


def untrusted_error(
    request: Request[Any], problem: str, found: str, advice: str = CHECK_BASE_URL
) -> IntercomError:
    """Return the error for a response of HTTP 200 that isn't what was requested."""
    return IntercomError(f"{request} answered HTTP 200, but {problem}; found {found}.", advice)


def refused_error(request: Request[Any], response: Response) -> IntercomError:
    """Return the error for a response other than 200.

    Source: https://developers.intercom.com/docs/references/rest-api/errors/error-codes
    """
    details = ", ".join([f"HTTP {response.status_code}", *_error_details(response)])
    kind = TransientError if is_temporary(response) else RefusedError
    return kind(f"{request} answered {details}.", _advice(request, response))


def is_temporary(response: Response) -> bool:
    """Return whether another attempt may succeed, according to status and error code."""
    status = response.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return True
    return status != HTTPStatus.TOO_MANY_REQUESTS and not TEMPORARY.isdisjoint(_codes(response))


def unreachable_error(request: Request[Any], error: OSError) -> IntercomError:
    """Return the error for a request without a complete response."""
    kind: type[IntercomError] = IntercomError
    advice = (
        "Check the network, base_url, and proxy variables such as HTTPS_PROXY, which have the form "
        "http://HOST:PORT (encode special characters in a password, for example @ as %40)."
    )
    reasons = list(_causes(error))
    certificates = [one for one in reasons if isinstance(one, ssl.SSLCertVerificationError)]
    reason = re.sub(r"^(<.*?>|\w+\(.*?\)):? ", "", str(reasons[-1])) or type(reasons[-1]).__name__
    if isinstance(error, TooLargeError):
        advice = "No Intercom response is this large. Check that base_url is Intercom's API."
    elif certificates:
        advice = CHECK_CERTIFICATE
        reason = f"certificate verify failed: {certificates[0].verify_message}"
    elif is_unknown_host(error):
        kind = UnknownHostError
    elif isinstance(error, MAY_PASS):
        kind = TransientError
    reason = excerpt(f"{reason.rstrip('.')} ({type(error).__name__})", CAUSE_LENGTH)
    return kind(f"{request} failed: {reason}.", advice)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 row` or `2 rows`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def describe_body(response: Response) -> str:
    """Describe a body without personal data: keys of an object, or size and type."""
    body = response.body
    if isinstance(body, dict):
        if body.get("type") == "error.list":
            return ", ".join(["an error list", *_error_details(response)])
        keys = [key for key in body if re.fullmatch(r"\w{1,40}", key)]  # not addresses
        return f"a JSON object with {excerpt(', '.join(keys)) or 'no keys'}"
    content_type = excerpt(response.headers.get("Content-Type") or "unknown type")
    return f"{counted(len(response.content), 'byte')} of {content_type}"


def _advice(request: Request[Any], response: Response) -> str:
    """Return the advice for a response other than 200."""
    status = response.status_code
    version = request.endpoint.api_version
    if is_temporary(response):
        source = "Intercom" if _codes(response) else "Intercom, or a proxy in between,"
        check = "Check https://www.intercomstatus.com, and run the sync again later."
        return f"{source} had a temporary problem. {check}"
    if version and status in {*ACCESS, HTTPStatus.NOT_FOUND}:
        return (
            f"Intercom may not offer API version {version} for this workspace, or the app lacks a "
            "permission (Intercom's reference doesn't name it). If so, deselect this stream."
        )
    if advice := _access_advice(request, response):
        return advice
    if status == HTTPStatus.NOT_FOUND:
        return (
            "base_url isn't Intercom's API, or the workspace is in another region. Set it to "
            f"{REGIONS}. Check api_version, too."
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return (
            f"Intercom asked the tap to wait longer than {rate_limit.MAX_WAIT:.0f} seconds. Other "
            "apps may be using up the rate limit. Run the sync again later."
        )
    if status >= HTTPStatus.BAD_REQUEST:
        return "Check base_url and api_version."
    if status in REDIRECTS and (target := response.headers.get("Location")):
        return (
            f"The server redirects to {excerpt(target)}. The tap doesn't follow redirects, so the "
            f"token wasn't sent there. Set base_url to Intercom's API: {REGIONS}."
        )
    return (
        f"The tap accepts only HTTP 200. Check that base_url is Intercom's API ({REGIONS}) and "
        "that no cache or proxy answers instead."
    )


def _access_advice(request: Request[Any], response: Response) -> str | None:
    """Return the advice if access was refused, None for other failures."""
    codes, status = _codes(response), response.status_code
    messages = " ".join(str(error.get("message")) for error in _errors(response))
    permission = f"the permission '{request.endpoint.permission}'"
    if "token_blocked" in codes:
        return "Intercom has blocked this token or its app. Contact Intercom support."
    if status not in ACCESS:
        return None
    if ALLOWLIST.search(messages):
        return (
            "This machine's IP address isn't on Intercom's allowlist. Add its public IPv4 address "
            "to the REST API allowlist in Intercom's settings."
        )
    if status == HTTPStatus.UNAUTHORIZED or codes & WRONG_TOKEN:
        return (
            "Possible causes: (1) The access token is wrong or revoked: copy it again from "
            "Intercom's Developer Hub (your app > Authentication). (2) The workspace is in another "
            f"region: set base_url to {REGIONS}. (3) The app lacks {permission}."
        )
    if not codes:
        return (
            "This error doesn't come from Intercom. A proxy, firewall, or gateway blocked the "
            f"request, or base_url isn't Intercom's API ({REGIONS})."
        )
    return (
        f"Give the app {permission} in Intercom's Developer Hub (your app > Authentication), and "
        "check that the workspace's plan includes it."
    )


def _error_details(response: Response) -> list[str]:
    """Return code and message of each error, and the request ID, if they were sent."""
    details = [
        excerpt(": ".join(str(error[key]) for key in ("code", "message") if error.get(key)))
        for error in _errors(response)[:MAX_ERRORS]
    ]
    body = response.body if isinstance(response.body, dict) else {}
    if response.content and body is not response.body:
        details.append(f"with {describe_body(response)}")
    if request_id := body.get("request_id") or response.headers.get("X-Request-Id"):
        details.append(f"request ID {excerpt(str(request_id))}")
    return details


def _codes(response: Response) -> set[str]:
    return {str(error["code"]) for error in _errors(response) if error.get("code")}


def _errors(response: Response) -> list[dict[str, Any]]:
    """Return the errors of an error list, or an empty list."""
    errors = response.body.get("errors") if isinstance(response.body, dict) else None
    return [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception of requests, its cause, the cause of the cause, and so on.

    The `reason` of a TLS error is a string, not an exception.
    """
    reason: Any = error
    while isinstance(reason, BaseException):
        yield reason
        inner = getattr(reason, "reason", None)
        args = (arg for arg in reason.args if isinstance(arg, BaseException))
        reason = inner if isinstance(inner, BaseException) else next(args, None)
