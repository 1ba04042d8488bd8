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
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_intercom_access.intercom import rate_limit
from tap_intercom_access.intercom.connection import ProxyVariableError, TooLargeError
from tap_intercom_access.intercom.endpoints import REGIONS
from tap_intercom_access.intercom.redaction import LONGEST_TEXT, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_intercom_access.intercom.connection import Response
    from tap_intercom_access.intercom.endpoints import Request

REDIRECTS = (301, 302, 303, 307, 308)

RUN_AGAIN = "Run again; if it persists, tell Intercom."
CHECK_THE_WAY = (
    "Nothing that follows can be trusted, so the sync stops. Check that base_url is Intercom's "
    f"API ({REGIONS}) and that nothing on the way changes its answers."
)

CAUSE_LENGTH = 300
"""Characters of the reason for which no response came, at the most."""

LONGEST_ERROR = 1024 * 1024
"""Bytes of a body that is read as an error list, at the most."""

MAX_ERRORS = 5
"""Errors of an error list that a message shows, at the most."""

BEFORE_JSON = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
"""White space, and the marks of the forms of Unicode."""

WRONG_TOKEN = {"token_not_found", "token_revoked", "token_expired"}
"""Codes of errors that no permission changes."""

EXPIRED_OR_NOT_YET_VALID = (9, 10)
OF_ANOTHER_HOST = (62, 64)
"""Codes of OpenSSL: https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/."""


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
        value: What Intercom sent instead, as it came.
        advice: What to do.
    """

    def __init__(self, problem: str, value: object = None, advice: str = CHECK_THE_WAY) -> None:
        """Take the problem as the rest of a sentence."""
        super().__init__(problem)
        self.value = value
        self.advice = advice


def refusal(request: Request[Any], response: Response, token: str) -> str:
    """Say what a response other than 200 means, and what to do.

    Source: https://developers.intercom.com/docs/references/rest-api/errors/error-codes
    """
    details = ", ".join([f"HTTP {response.status_code}", *_error_details(response, token)])
    return f"{request} answered {details}. {_what_to_do(request, response, token)}"


def untrusted(request: Request[Any], problem: str, body: str, advice: str = CHECK_THE_WAY) -> str:
    """Say that a response of HTTP 200 is not what it should be."""
    return f"{request} answered HTTP 200, but {problem}; found {body}. {advice}"


def unreachable(request: Request[Any], error: Exception, token: str) -> str:
    """Say that no response came, or not all of one."""
    advice = "Check the network, the proxy variables and base_url, then run again."
    cause = _cause(error)
    if isinstance(error, TooLargeError):
        advice = "No list of Intercom's is as large: check that base_url is Intercom's API."
    elif isinstance(error, ProxyVariableError):
        advice = "Set HTTPS_PROXY to a URL such as http://USER:PASSWORD@HOST:PORT."
    elif certificate := certificate_error(error):
        advice = _certificate_advice(certificate.verify_code)
        cause = f"certificate verify failed: {certificate.verify_message.rstrip('.')}"
    return f"{request} failed: {excerpt(cause, token, CAUSE_LENGTH)}. {advice}"


def certificate_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """Give what is wrong with the certificate of the server, or of the proxy, if that is it."""
    reasons = (reason for reason in _reasons(error))
    return next((one for one in reasons if isinstance(one, ssl.SSLCertVerificationError)), None)


def _certificate_advice(code: int) -> str:
    """Give what to do, by the code with which OpenSSL refuses a certificate."""
    if code in EXPIRED_OR_NOT_YET_VALID:
        return (
            "Check the date of this machine. If it is right, whoever runs the host of base_url, or "
            "the proxy on the way, has to renew the certificate."
        )
    if code in OF_ANOTHER_HOST:
        return (
            "The server at base_url is not the one that base_url names: check base_url, and the "
            "proxy, gateway or name server on the way."
        )
    return (
        "Nobody whom this machine trusts has signed it. If your company's proxy or gateway reads "
        "TLS, set REQUESTS_CA_BUNDLE to a file with its certificate authority; if not, check "
        "base_url: somebody may be reading along."
    )


def describe_body(response: Response, token: str) -> str:
    """Describe a body: keys only where it is JSON (values are personal data), else its start."""
    content = response.content
    body = _parsed(response)
    if isinstance(body, dict):
        if body.get("type") == "error.list":
            return ", ".join(["an error list", *_error_details(response, token)])
        return f"a JSON object with {excerpt(', '.join(map(str, body)), token) or 'no keys'}"
    if body is not None or content.strip() == b"null":
        return f"JSON of type {type(body).__name__}"
    if not content:
        return "an empty body"
    if content[:LONGEST_TEXT].lstrip(BEFORE_JSON)[:1] in (b"{", b"["):
        return f"{len(content)} bytes that begin as JSON does"
    return f"'{excerpt(_start(content), token)}'"


def _start(content: bytes | bytearray) -> str:
    """Give as much of a body as an excerpt looks at."""
    return content[:LONGEST_TEXT].decode("utf-8", "replace")


def _what_to_do(request: Request[Any], response: Response, token: str) -> str:
    status = response.status_code
    if advice := _access_advice(request, response):
        return advice
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
        whose = (
            "Intercom" if _errors(response)[0] else "Intercom, or a proxy or gateway on the way,"
        )
        return f"{whose} is failing: see https://www.intercomstatus.com and run again later."
    if status >= HTTPStatus.BAD_REQUEST:
        return "Check base_url and api_version."
    if status in REDIRECTS and "Location" in response.headers:
        target = excerpt(response.headers["Location"], token)
        return (
            f"It redirects to {target}; the token is not sent there. "
            f"Set base_url to Intercom's API itself: {REGIONS}."
        )
    return (
        f"Only HTTP 200 is a whole list. Check that base_url is Intercom's API: {REGIONS}; and "
        "that no cache or proxy on the way answers in its place."
    )


def _access_advice(request: Request[Any], response: Response) -> str | None:
    """Give what to do where access is refused."""
    codes, messages = _errors(response)
    if "token_blocked" in codes:
        return (
            "Intercom has blocked the token or its app, which no permission and no other token "
            "of the app changes: ask Intercom's support why."
        )
    refused = response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    if refused and re.search(r"allow-?\s?list|whitelist|\bip address", messages):
        return (
            "No permission helps: have the public IPv4 address that this machine's requests come "
            "from put on the IP allowlist for the REST API in Intercom's settings, or run the tap "
            "where the address is on it."
        )
    if response.status_code == HTTPStatus.UNAUTHORIZED or (refused and codes & WRONG_TOKEN):
        return (
            "Either the access token is wrong or revoked: copy or regenerate it in Intercom's "
            "Developer Hub (your app > Authentication); or its workspace is in another region: "
            f"set base_url to {REGIONS}; or the app lacks the permission "
            f"'{request.endpoint.permission}'."
        )
    if response.status_code != HTTPStatus.FORBIDDEN:
        return None
    if not codes:
        return (
            "This is not the form of Intercom's errors: a proxy, firewall or gateway between here "
            f"and Intercom refuses, or base_url is not Intercom's API ({REGIONS}). Ask whoever "
            "runs it to let this machine's requests through."
        )
    return (
        f"Give the app the permission '{request.endpoint.permission}' in Intercom's Developer Hub "
        "(your app > Authentication), check that the workspace's plan includes it, or "
        "regenerate the token as a workspace admin."
    )


def _error_details(response: Response, token: str) -> list[str]:
    """Give code, message and request id of an error list, as far as they are there."""
    body = _parsed(response)
    details = []
    if isinstance(body, dict):
        for error in _error_list(body)[:MAX_ERRORS]:
            parts = [str(error[key]) for key in ("code", "message") if error.get(key)]
            details.append(excerpt(": ".join(parts), token))
    elif response.content:
        details.append(f"with {describe_body(response, token)}")
    request_id = body.get("request_id") if isinstance(body, dict) else None
    request_id = request_id or response.headers.get("X-Request-Id")
    if request_id:
        details.append(f"request id {excerpt(str(request_id), token)}")
    return details


def _errors(response: Response) -> tuple[set[str], str]:
    """Give the codes of an error list, and its messages in lower case; empty where it is none."""
    body = _parsed(response)
    errors = _error_list(body) if isinstance(body, dict) else []
    codes = {str(error["code"]) for error in errors if error.get("code")}
    return codes, " ".join(str(error.get("message")) for error in errors).lower()


def _error_list(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    errors = body.get("errors")
    return [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []


def _cause(error: BaseException) -> str:
    """Give the innermost reason, which names what happened without library internals."""
    *_, reason = _reasons(error)
    text = re.sub(r"^<.*?>:? ", "", str(reason)) or type(reason).__name__
    return f"{text.rstrip('.')} ({type(error).__name__})"


def _reasons(error: BaseException) -> Iterator[BaseException]:
    """Give an exception of requests, and what it was made of, from the outermost to the innermost.

    An error of TLS has a reason, too, but a text.
    """
    reason: Any = error
    while isinstance(reason, BaseException):
        yield reason
        inner = getattr(reason, "reason", None)
        args = (arg for arg in reason.args if isinstance(arg, BaseException))
        reason = inner if isinstance(inner, BaseException) else next(args, None)


def _parsed(response: Response) -> Mapping[str, Any] | list[Any] | str | float | None:
    if len(response.content) > LONGEST_ERROR:
        return None
    try:
        return json.loads(response.content)  # type: ignore[no-any-return]
    except (ValueError, RecursionError):
        return None
