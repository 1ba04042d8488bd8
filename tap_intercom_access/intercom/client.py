"""Intercom: send one request, or read a list from its first page to its last, or say why not."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import backoff
import msgspec
import requests

from tap_intercom_access.intercom.connection import Connection
from tap_intercom_access.intercom.decoding import ShapeError, decode
from tap_intercom_access.intercom.endpoints import US, Request, ResponseT
from tap_intercom_access.intercom.errors import (
    RUN_AGAIN,
    IntercomError,
    PagesError,
    RefusedError,
    RetriesExhaustedError,
    TransientError,
    UnreadableError,
    certificate_error,
    describe_body,
    refusal,
    unreachable,
    untrusted,
)
from tap_intercom_access.intercom.paging import next_request
from tap_intercom_access.intercom.redaction import echoes, excerpt
from tap_intercom_access.intercom.responses import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from backoff.types import Details

    from tap_intercom_access.intercom.clock import Clock
    from tap_intercom_access.intercom.connection import Response
    from tap_intercom_access.intercom.decoding import FieldPath, ReplacedText
    from tap_intercom_access.intercom.endpoints import Endpoint
    from tap_intercom_access.intercom.responses import RowT

    PageRequest = Request[Page[RowT]]
    NextRequest = Callable[[PageRequest[RowT], Page[RowT]], PageRequest[RowT] | None]

logger = logging.getLogger("tap-intercom-access")

TRIES = 5
"""Times that a request is sent before the sync fails, waiting for the rate limit not counted."""

MIN_CIRCLE = 1000
"""Rows in a row that were listed before, at the least, before a list counts as endless."""

MAX_EMPTY = 2
"""Empty pages in a row that point on, before a list counts as endless."""

MAY_PASS = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


def _log_retry(details: Details) -> None:
    logger.warning(
        "Try %d of %d failed, next in %.1f seconds. %s",
        details["tries"],
        TRIES,
        details["wait"],
        details["exception"],
    )


def _no_op(*_: object) -> None:
    pass


def _log_replaced(replaced: list[ReplacedText]) -> None:
    logger.warning(
        "%d texts hold characters that databases refuse, which became U+FFFD; the first: %r",
        len(replaced),
        replaced[0].path,
    )


def _fingerprint(row: msgspec.Struct) -> int:
    return hash(msgspec.json.encode(row))


@dataclass(frozen=True)
class Exchange:
    """A request that was sent once, and what came of it.

    Attributes:
        request: What was sent.
        api_version: Sent as `Intercom-Version`.
        intercom_time: Unix seconds by Intercom's clock; None where it is not known.
        response: None where none came, or not all of one.
        rows: Number of rows, or objects, in a response that was accepted; None for others.
        error: Why no response came.
    """

    request: Request[Any]
    api_version: str
    intercom_time: float | None
    response: Response | None = None
    rows: int | None = None
    error: str | None = None


@dataclass(frozen=True)
class Intercom:
    """Intercom's API as one workspace's token opens it; several may share a connection.

    Whatever fails raises an IntercomError whose text is a whole sentence without the token.

    Attributes:
        access_token: Of an app in the workspace.
        base_url: Without a slash at its end.
        api_version: Sent as `Intercom-Version`.
        timeout: Seconds to connect, and between two pieces of a response; a whole response may
            take ten times as many.
        on_wait: Called before each request, whose response takes a while.
        cancelled: Once it is set, no further request is sent.
        on_response: Called with each request that was answered, and the response, whatever it is.
        on_exchange: Called once it is known what came of sending a request, each time.
        on_replaced: Called with the texts of a response in which characters were replaced.
        unread: Gives the fields that nobody reads, so that what they hold does not matter.
    """

    access_token: str = field(repr=False)
    base_url: str = US
    api_version: str = "2.16"
    timeout: float = 60
    user_agent: str = "tap-intercom-access"
    on_wait: Callable[[], None] = _no_op
    cancelled: threading.Event = field(default_factory=threading.Event, repr=False)
    on_response: Callable[[Request[Any], Response], None] = _no_op
    on_exchange: Callable[[Exchange], None] = _no_op
    on_replaced: Callable[[list[ReplacedText]], None] = _log_replaced
    unread: Callable[[], Collection[FieldPath]] = frozenset
    connection: Connection = field(default_factory=Connection, repr=False)

    @property
    def clock(self) -> Clock:
        """Intercom's clock, set by its responses."""
        return self.connection.clock

    def build_request(
        self, endpoint: Endpoint[ResponseT], parameters: Mapping[str, Any] | None = None
    ) -> Request[ResponseT]:
        """Build the request that `send` and `paginate` take."""
        return Request(endpoint, self.base_url, parameters or {})

    def rows(self, endpoint: Endpoint[Page[RowT]]) -> Iterator[RowT]:
        """Read a whole list; a row that Intercom lists again comes again only if it differs.

        Raises:
            IntercomError: if the list turns out to be short, or endless, or cannot be read.
        """
        request = self.build_request(endpoint)
        # Of earlier pages only hashes: their rows would stay in memory.
        seen: dict[str, int] = {}
        announced = repeated = in_a_row = 0
        sent = pages = 0
        for _, page, upcoming in self.paginate(request, next_request):
            sent += 1
            pages = (page.pages and page.pages.total_pages) or 0
            announced = max(announced, page.total_count or 0)
            here: dict[str, RowT] = {}
            for row in page.rows:
                earlier = here.get(row.id)
                if earlier is None and row.id not in seen:
                    in_a_row = 0
                else:
                    in_a_row += 1
                    repeated += 1
                    if row == earlier or (earlier is None and _fingerprint(row) == seen[row.id]):
                        continue
                here[row.id] = row
                yield row
            for id_, row in here.items():  # of the last page, only the ids are needed any more
                seen[id_] = _fingerprint(row) if upcoming else 0
            if in_a_row > max(len(seen), MIN_CIRCLE):
                raise IntercomError(
                    f"{request}: the last {in_a_row} rows were all listed before: the list goes "
                    f"round in circles. {RUN_AGAIN}"
                )
        if sent < pages:
            raise IntercomError(
                f"{request} announced {pages} pages and sent {sent}: the list is short. {RUN_AGAIN}"
            )
        if repeated:
            logger.warning(
                "%s: Intercom listed %d rows more than once; the last version of each counts",
                endpoint.path,
                repeated,
            )
        if len(seen) < announced:
            raise IntercomError(
                f"{request} announced {announced} rows and sent {len(seen)}: the list is short. "
                f"{RUN_AGAIN}"
            )

    def paginate(
        self,
        first: PageRequest[RowT],
        next_request: NextRequest[RowT],
        page: Page[RowT] | None = None,
    ) -> Iterator[tuple[PageRequest[RowT], Page[RowT], PageRequest[RowT] | None]]:
        """Give each page of a list, from the first to the last, between its request and the next.

        Args:
            first: The request for the first page.
            next_request: Gives the request for the page after a page, None at the end.
            page: The first page, where it was read already.

        Raises:
            IntercomError: if a page cannot be read, or if the pages never end.
        """
        sent: set[str] = set()
        empty = 0
        request: PageRequest[RowT] | None = first
        while request:
            page = page or self.send(request)
            sent.add(str(request.parameters))
            empty = 0 if page.rows else empty + 1
            try:
                upcoming = next_request(request, page)
            except PagesError as error:
                value = f"'{excerpt(str(error.value), self.access_token)}'"
                raise IntercomError(untrusted(first, str(error), value, error.advice)) from error
            if upcoming and empty == MAX_EMPTY:
                raise IntercomError(
                    f"{first}: two empty pages in a row point on to another page: the list has no "
                    f"end. {RUN_AGAIN}"
                )
            if upcoming and str(upcoming.parameters) in sent:
                cursor = excerpt(str(upcoming.parameters), self.access_token)
                raise IntercomError(
                    f"{first}: page {len(sent)} points back to a page that was read already "
                    f"(cursor {cursor}): the list would never end. {RUN_AGAIN}"
                )
            yield request, page, upcoming
            request, page = upcoming, None

    def send(self, request: Request[ResponseT]) -> ResponseT:
        """Send a request, up to five times, and give the decoded response.

        Raises:
            RefusedError: for a status other than 200 that another try would not change.
            RetriesExhaustedError: if it failed five times.
            IntercomError: if the response is not what it should be.
            CancelledError: if `cancelled` is set.
        """
        self.on_wait()
        if self.cancelled.is_set():
            raise CancelledError
        try:
            return self._send_once(request)
        except TransientError as error:
            raise RetriesExhaustedError(f"failed {TRIES} times in a row: {error}") from error

    @backoff.on_exception(
        backoff.expo,
        TransientError,
        factor=2,
        max_tries=TRIES,
        jitter=backoff.random_jitter,
        on_backoff=_log_retry,
        logger=None,
    )
    def _send_once(self, request: Request[ResponseT]) -> ResponseT:
        response = self._exchange(request)
        self.on_response(request, response)
        rows = None
        try:
            decoded = self._decoded(request, response)
            rows = len(decoded.rows) if isinstance(decoded, Page) else 1
        finally:
            self._record(request, response, rows)
        return decoded

    def _decoded(self, request: Request[ResponseT], response: Response) -> ResponseT:
        status = response.status_code
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TransientError(refusal(request, response, self.access_token))
        if status != HTTPStatus.OK:
            raise RefusedError(refusal(request, response, self.access_token))
        if echoes(response.content, self.access_token):
            raise self._untrusted(request, response, "it holds the access token itself")
        try:
            endpoint = request.endpoint
            decoded = decode(response.content, endpoint.response, self.unread, endpoint.is_array)
        except ShapeError as error:
            problem = f"it is not {request.endpoint.description} ({error})"
            if error.rest_is_right:
                description = describe_body(response, self.access_token)
                advice = f"{error.counts} {RUN_AGAIN}"
                sentence = untrusted(request, problem, description, advice)
                raise UnreadableError(sentence, error.field) from error
            raise self._untrusted(request, response, problem) from error
        type_ = getattr(decoded.response, "type", None)
        if type_ == "error.list" or type_ not in {None, endpoint.type or type_}:
            raise self._untrusted(request, response, f"it is not {endpoint.description}")
        if decoded.replaced:
            self.on_replaced(decoded.replaced)
        return decoded.response

    def _exchange(self, request: Request[Any]) -> Response:
        posted = request.endpoint.method == "POST"
        try:
            return self.connection.send(
                request.endpoint.method,
                request.url,
                headers={
                    "Accept": "application/json",
                    "Intercom-Version": self.api_version,
                    "User-Agent": self.user_agent,
                },
                auth=self._sign,
                timeout=self.timeout,
                on_limited=partial(self._record, request),
                params=None if posted else request.parameters,
                json=request.parameters if posted else None,
            )
        except OSError as error:
            sentence = unreachable(request, error, self.access_token)
            self._record(request, error=sentence)
            if isinstance(error, MAY_PASS) and not certificate_error(error):
                raise TransientError(sentence) from error
            # What else requests raises, such as for a bundle that is not there.
            raise IntercomError(sentence) from error

    def _record(
        self,
        request: Request[Any],
        response: Response | None = None,
        rows: int | None = None,
        error: str | None = None,
    ) -> None:
        now = self.clock.now() if self.clock.is_set else None
        self.on_exchange(Exchange(request, self.api_version, now, response, rows, error))

    def _sign(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        # As `auth`, not among the headers: there a netrc file would replace it.
        prepared.headers["Authorization"] = f"Bearer {self.access_token}"
        return prepared

    def _untrusted(self, request: Request[Any], response: Response, problem: str) -> IntercomError:
        return IntercomError(
            untrusted(request, problem, describe_body(response, self.access_token))
        )
