"""The API client. It sends requests, and reads lists from the first page to the last."""

from __future__ import annotations

import logging
import math
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec
import requests

from tap_intercom_access.intercom.clock import Clock
from tap_intercom_access.intercom.connection import Connection, Response
from tap_intercom_access.intercom.decoding import (
    Decoded,
    ShapeError,
    announced_rows,
    decode,
    hints_of_more,
    values_besides_rows,
)
from tap_intercom_access.intercom.endpoints import US, Endpoint, Request, ResponseT
from tap_intercom_access.intercom.errors import (
    RUN_AGAIN,
    IntercomError,
    RetriesExhaustedError,
    TransientError,
    UnknownHostError,
    counted,
    describe_body,
    is_temporary,
    refused_error,
    unreachable_error,
    untrusted_error,
)
from tap_intercom_access.intercom.paging import next_request
from tap_intercom_access.intercom.redaction import echoes, excerpt, keep_secret
from tap_intercom_access.intercom.responses import Page, RowT

PageRequest = Request[Page[RowT]]
NextRequest = Callable[[PageRequest[RowT], Page[RowT]], PageRequest[RowT] | None]

logger = logging.getLogger("tap-intercom-access")

ATTEMPTS = 5
"""Attempts before the sync fails. Responses of the rate limit don't count."""

MIN_REPEATED = 1000
"""Consecutive repeated rows above which a list is considered endless."""

MAX_AGE = 60
"""Seconds that a response may have spent in a cache."""

NEWEST = (math.inf,)
"""The result of `version_of` for versions without a number."""

MAX_EMPTY = 2
"""Empty pages in a row that link to a next page before a list is considered endless."""


@dataclass
class Exchange:
    """One attempt to send a request, and its response or error."""

    request: Request[Any]
    response: Response | None = None
    """None if no complete response arrived."""
    decoded: Decoded[Any] | None = None
    """None if the response wasn't accepted."""
    error: str | None = None
    """The reason why no complete response arrived."""

    @property
    def rows(self) -> int | None:
        """Number of rows in an accepted response, 1 for an object. None for refused responses."""
        if not self.decoded:
            return None
        return len(self.decoded.response.rows) if isinstance(self.decoded.response, Page) else 1


class Observer:
    """Receives the client's requests and responses, in every thread that sends requests."""

    stream = ""
    """Name of the stream, for messages."""

    def before_request(self, request: Request[Any]) -> None:
        """Called before a request is sent. The response may take long."""

    def after_exchange(self, exchange: Exchange) -> None:
        """Called after each attempt to send a request."""


@dataclass(frozen=True)
class Intercom:
    """A client for one workspace. Several clients may share a connection.

    Every failure raises an IntercomError. Its message contains advice, and no secrets.
    """

    access_token: str = field(repr=False)
    base_url: str = US
    """The base URL without a trailing slash."""
    api_version: str = "2.16"
    timeout: float = 60
    """Connect and read timeout in seconds. A complete response may take ten times as long."""
    user_agent: str = "tap-intercom-access"
    is_test: bool = False
    """Whether to try an unknown host only once."""
    observer: Observer = field(default_factory=Observer, repr=False)
    connection: Connection = field(default_factory=Connection, repr=False)

    def __post_init__(self) -> None:
        """Mask the token in all messages."""
        keep_secret(self.access_token)

    @property
    def clock(self) -> Clock:
        """Intercom's clock, set by its responses."""
        return self.connection.clock

    def build_request(
        self, endpoint: Endpoint[ResponseT], parameters: Mapping[str, Any] | None = None
    ) -> Request[ResponseT]:
        """Build a request for `send` or `paginate`."""
        version = max(self.api_version, endpoint.api_version or "0.0", key=version_of)
        return Request(endpoint, self.base_url, version, parameters or {})

    def rows(self, endpoint: Endpoint[Page[RowT]]) -> Iterator[RowT]:
        """Yield all rows of a list. Yield a row that Intercom repeats again only if it changed.

        Raises:
            IntercomError: if the list turns out to be incomplete or endless, or can't be read.
        """
        request = self.build_request(endpoint)
        # Keep only hashes of the rows of earlier pages, to save memory.
        seen: dict[str, int] = {}
        repeated = in_a_row = sent = total_pages = total_count = 0
        for _, page, upcoming in self.paginate(request, next_request):
            sent += 1
            total_pages = (page.pages and page.pages.total_pages) or 0
            total_count = max(total_count, page.total_count or 0)
            here: dict[str, RowT] = {}
            for row in page.rows:
                earlier = here.get(row.id)
                is_new = earlier is None and row.id not in seen
                in_a_row = 0 if is_new else in_a_row + 1
                repeated += not is_new
                if row == earlier or (not is_new and _fingerprint(row) == seen.get(row.id)):
                    continue
                here[row.id] = row
                yield row
            for id_, row in here.items():  # the last page needs no hashes
                seen[id_] = _fingerprint(row) if upcoming else 0
            if in_a_row > max(len(seen), MIN_REPEATED):
                problem = f"the last {in_a_row} rows were all repeats: pagination doesn't end."
                raise IntercomError(f"{request}: {problem}", RUN_AGAIN)
        if repeated:
            logger.warning(
                "%s: Intercom returned %s more than once; using the last version of each",
                endpoint.path,
                counted(repeated, "row"),
            )
        _check_count(request, total_pages, sent, "page")
        _check_count(request, total_count, len(seen), "row")

    def paginate(
        self,
        first: PageRequest[RowT],
        next_request: NextRequest[RowT],
        page: Page[RowT] | None = None,
    ) -> Iterator[tuple[PageRequest[RowT], Page[RowT], PageRequest[RowT] | None]]:
        """Yield each page of a list, with its request and the request for the next page.

        Args:
            first: The request for the first page.
            next_request: Returns the request for the page after a page, None at the end.
            page: The first page, if it was read before.

        Raises:
            IntercomError: if a page can't be read, or if the pages never end.
        """
        sent: set[str] = set()
        empty = 0
        request: PageRequest[RowT] | None = first
        while request:
            page = page or self.send(request)
            sent.add(str(request.parameters))
            empty = 0 if page.rows else empty + 1
            upcoming = next_request(request, page)
            if page.hints_of_more and not upcoming:
                problem = f"more pages are announced in an unknown way ({page.hints_of_more})"
                raise untrusted_error(first, problem, "no pages.next")
            if upcoming and empty == MAX_EMPTY:
                problem = "two empty pages in a row link to another page: pagination doesn't end."
                raise IntercomError(f"{first}: {problem}", RUN_AGAIN)
            if upcoming and str(upcoming.parameters) in sent:
                cursor = excerpt(str(upcoming.parameters))
                problem = f"page {len(sent)} links back to an earlier page (cursor {cursor})"
                raise IntercomError(f"{first}: {problem}: pagination doesn't end.", RUN_AGAIN)
            yield request, page, upcoming
            request, page = upcoming, None

    def send(self, request: Request[ResponseT]) -> ResponseT:
        """Send a request, up to five times, and return the decoded response.

        Raises:
            RefusedError: for a status other than 200 that another attempt wouldn't change.
            RetriesExhaustedError: if every attempt failed.
            IntercomError: if the response isn't what was requested.
        """
        self.observer.before_request(request)
        attempt = 1
        is_last_lookup = self.is_test
        while True:
            try:
                return self._send_once(request)
            except UnknownHostError:
                if is_last_lookup:
                    raise
                is_last_lookup = True  # a name server may need a second attempt
                continue
            except TransientError as error:
                if attempt == ATTEMPTS:
                    problem = f"gave up after {ATTEMPTS} attempts: {error.problem}"
                    raise RetriesExhaustedError(problem, error.advice) from error
                self._wait(request, attempt, error.problem)
            attempt += 1

    def _wait(self, request: Request[Any], attempt: int, problem: str) -> None:
        """Wait before the next attempt: 2, 4, 8, and 16 seconds, each up to a second longer."""
        wait = 2**attempt + random.random()  # noqa: S311 (not for security)
        logger.warning(
            "%sAttempt %d of %d failed; retrying in %.1f seconds. %s%s",
            f"{self.observer.stream}: " if self.observer.stream else "",
            attempt,
            ATTEMPTS,
            wait,
            problem,
            f" Parameters: {request.page}" if request.page else "",
        )
        time.sleep(wait)

    def _send_once(self, request: Request[ResponseT]) -> ResponseT:
        """Send a request once, and decode the response."""
        exchange = Exchange(request)
        try:
            exchange.response = self._exchange(request)
            decoded = self._decode(request, exchange.response)
            exchange.decoded = decoded
        except OSError as error:
            failure = unreachable_error(request, error)
            exchange.error = str(failure)
            raise failure from error
        finally:
            self.observer.after_exchange(exchange)
        return decoded.response

    def _exchange(self, request: Request[Any]) -> Response:
        is_post = request.endpoint.method == "POST"
        return self.connection.send(
            request.endpoint.method,
            request.url,
            headers={
                "Accept": "application/json",
                "Cache-Control": "no-cache",
                "Intercom-Version": request.api_version,
                "User-Agent": self.user_agent,
            },
            auth=self._sign,
            timeout=self.timeout,
            on_limited=lambda limited: self.observer.after_exchange(Exchange(request, limited)),
            params=None if is_post else request.parameters,
            json=request.parameters if is_post else None,
        )

    def _decode(self, request: Request[ResponseT], response: Response) -> Decoded[ResponseT]:
        content = response.content
        endpoint = request.endpoint.for_content(content)
        if response.status_code != HTTPStatus.OK:
            raise refused_error(request, response)
        if problem := self._reason_to_refuse(response, request.api_version):
            raise untrusted_error(request, problem, describe_body(response))
        try:
            decoded = decode(content, endpoint.response, is_array=endpoint.is_array)
            if isinstance(decoded.response, Page):
                values = values_besides_rows(content, endpoint.key)
                decoded.response.total_count = announced_rows(values, response.headers)
                hints = hints_of_more(values, response.headers)
                decoded.response.hints_of_more = ", ".join(hints)
        except ShapeError as error:
            if is_temporary(response):
                raise refused_error(request, response) from error
            problem = f"the response is not {endpoint.description} ({error})"
            failure = untrusted_error(request, problem, describe_body(response))
            if error.counts:
                failure = IntercomError(failure.problem, f"{error.counts} {RUN_AGAIN}")
                failure.field = error.field
            raise failure from error
        type_ = getattr(decoded.response, "type", None)
        if type_ == "error.list" or type_ not in {None, endpoint.type or type_}:
            problem = f"the response is not {endpoint.description}"
            raise untrusted_error(request, problem, describe_body(response))
        return decoded

    def _reason_to_refuse(self, response: Response, requested: str) -> str | None:
        """Return the reason to refuse a response of HTTP 200, None if there is none."""
        if echoes(response.content, self.access_token):
            return "the response contains the access token"
        ages = map(int, re.findall(r"\d+", response.headers.get("Age", "")))
        if (age := max(ages, default=0)) > MAX_AGE:
            return f"the response comes from a cache and is {age} seconds old"
        answered = response.headers.get("Intercom-Version", "")
        if version_of(answered) < version_of(requested) < NEWEST:
            return f"API version {answered} answered instead of {requested}"
        return None

    def _sign(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        # Passed as `auth`, because a netrc file would replace a header.
        prepared.headers["Authorization"] = f"Bearer {self.access_token}"
        return prepared


def _check_count(request: Request[Any], announced: int, received: int, noun: str) -> None:
    if received < announced:
        problem = f"announced {counted(announced, noun)} and sent {received}"
        raise IntercomError(f"{request} {problem}: the list is incomplete.", RUN_AGAIN)


def version_of(version: str) -> tuple[float, ...]:
    """Return an API version as a tuple to compare, NEWEST for versions such as Preview."""
    number = re.search(r"\d+(\.\d+)*", version)
    return tuple(map(float, number[0].split("."))) if number else NEWEST


def _fingerprint(row: msgspec.Struct) -> int:
    return hash(msgspec.json.encode(row))
