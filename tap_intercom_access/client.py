"""One list of Intercom's API, read to its end or not at all."""

from __future__ import annotations

import logging
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Generic, cast

import backoff
import msgspec
import requests
from singer_sdk import RESTStream
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.exceptions import RetriableAPIError
from singer_sdk.helpers.conform import TypeConformanceLevel

from tap_intercom_access.answers import Answer, RowT
from tap_intercom_access.errors import (
    AnswerError,
    InputError,
    TargetGoneError,
    explain,
    refusal,
    unexpected,
)
from tap_intercom_access.pagination import Cursor, CursorPaginator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backoff.types import Details
    from singer_sdk.helpers.types import Auth, Context, Record, RequestFunc
    from singer_sdk.singerlib import Catalog

    from tap_intercom_access.tap import TapIntercomAccess

TRANSIENT = (
    RetriableAPIError,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
"""Failures that may pass, so that the request is tried again."""

MIN_ECHO = 16
"""Characters of a token, at the least, before finding it in an answer is no accident."""

MIN_CIRCLE = 1000
"""Rows in a row that were listed before, at the least, before a list counts as endless."""


class IntercomStream(RESTStream[Cursor | None], Generic[RowT]):
    """A stream of the records that one list of Intercom holds.

    Subclasses give name, path, primary_keys, schema, the shape of an answer, and `records`.
    Every failure leaves `get_records` as one AnswerError that names the stream.
    """

    seen: dict[str, int]
    """Ids of the rows that were read, each with a fingerprint of the row."""

    _announced = 0
    """The most rows that an answer said the list has."""

    answer: ClassVar[type[Answer[Any]]]
    permission: ClassVar[str] = "Read admins"
    may_be_empty: ClassVar[bool] = True

    allow_redirects = False
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the shapes of the rows guarantee the types
    partitions = None  # a state with partitions would make the SDK read the list once for each

    def apply_catalog(self, catalog: Catalog) -> None:
        """Take the selection from a catalog.

        Raises:
            InputError: if the catalog asks for a replication method that the stream has not.
        """
        method = self.replication_method
        super().apply_catalog(catalog)
        if self.replication_method != method:
            raise InputError(
                f"The catalog asks for {self.replication_method} replication of {self.name}: "
                f"leave it at {method}."
            )

    @property
    def url_base(self) -> str:
        """Intercom's API, or a gateway to it."""
        return str(self.config["base_url"])

    @property
    def authenticator(self) -> Auth:
        """The access token as a bearer token."""
        return BearerTokenAuthenticator(token=self.config["access_token"])

    @property
    def http_headers(self) -> dict[str, str]:
        """The version of the API that the rows are described for."""
        return {"Accept": "application/json", "Intercom-Version": self.config["api_version"]}

    @cached_property
    def user_agent(self) -> str:
        """This tap and its version."""
        return f"{self._tap.name}/{self._tap.plugin_version}"

    @property
    def timeout(self) -> int:
        """Seconds to connect, and between two pieces of an answer."""
        return self.config["request_timeout"]  # type: ignore[no-any-return]

    @property
    def requests_session(self) -> requests.Session:
        """The session of the whole tap."""
        return self.tap.session

    def get_url_params(
        self,
        context: Context | None,  # noqa: ARG002
        next_page_token: Cursor | None,
    ) -> dict[str, Any]:
        """Give the cursor of the page: the first request has no query."""
        return next_page_token or {}

    def get_new_paginator(self) -> CursorPaginator:
        """Start at the first page."""
        return CursorPaginator()

    def validate_response(self, response: requests.Response) -> None:
        """Accept nothing but HTTP 200.

        Raises:
            RetriableAPIError: for a failure of Intercom (5xx), which is tried again.
            AnswerError: for any other status, and for an answer that echoes the access token, which
                would leave in records and logs.
        """
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RetriableAPIError(refusal(response, self.permission), response)
        if response.status_code != HTTPStatus.OK:
            raise AnswerError(refusal(response, self.permission))
        token = self.config["access_token"]
        forms = (token, token.replace("/", r"\/")) if len(token) >= MIN_ECHO else ()
        if any(form.encode() in response.content for form in forms):
            raise unexpected(response, "it holds the access token itself")

    def parse_response(self, response: requests.Response) -> Iterable[RowT]:  # type: ignore[override]
        """Take the rows of a page.

        Raises:
            AnswerError: if the body is not this list, or one of its rows is not as described.
        """
        try:
            answer = msgspec.json.decode(response.content, type=self.answer)
        except ValueError as error:
            raise unexpected(response, f"it is not a list of {self.path[1:]} ({error})") from error
        if answer.type == "error.list":
            raise unexpected(response, f"it is not a list of {self.path[1:]}")
        self._announced = max(self._announced, answer.total_count or 0)
        rows: list[RowT] = answer.rows
        return rows

    def read(self) -> Iterator[RowT]:
        """Read the whole list; a row that Intercom lists again comes again only if it differs.

        Raises:
            AnswerError: if the list turns out to be short.
        """
        self._announced = 0
        seen = self.seen = {}
        repeated = in_a_row = 0
        for row in cast("Iterable[RowT]", self.request_records(None)):
            fingerprint = hash(msgspec.json.encode(row))
            in_a_row = in_a_row + 1 if row.id in seen else 0
            if in_a_row:
                repeated += 1
                if in_a_row > max(len(seen), MIN_CIRCLE):
                    break
            if seen.get(row.id) != fingerprint:
                seen[row.id] = fingerprint
                yield row
        if repeated:
            self.logger.warning(
                "%s: Intercom listed %d rows more than once; the last version of each counts",
                self.path,
                repeated,
            )
        self._check_complete(len(seen), in_a_row)

    def _check_complete(self, count: int, in_a_row: int) -> None:
        if in_a_row > max(count, MIN_CIRCLE):
            raise AnswerError(
                f"{self.where}: the last {in_a_row} rows were all listed before: the list goes "
                "round in circles. Run again; if it persists, tell Intercom."
            )
        if count < self._announced:
            raise AnswerError(
                f"{self.where} announced {self._announced} rows and sent {count}: the list is "
                "short. Run again; if it persists, tell Intercom."
            )
        if not count and not self.may_be_empty:
            raise AnswerError(
                f"{self.where} answered with an empty list, but a workspace always has an admin: "
                "the access token or base_url is wrong. Check both."
            )

    @property
    def tap(self) -> TapIntercomAccess:
        """The tap, which holds what streams share."""
        return self._tap  # type: ignore[return-value]

    @property
    def where(self) -> str:
        """The endpoint, as messages name it."""
        return f"{self.http_method} {self.url_base}{self.path}"

    def records(self) -> Iterator[Record]:
        """Give the records of the stream, in their final form."""
        raise NotImplementedError

    def get_records(self, context: Context | None) -> Iterable[Record]:  # noqa: ARG002
        """Give all records, then tell the target which rows are current.

        Raises:
            AnswerError: if anything at all goes wrong; the message names the stream.
        """
        try:
            yield from self.records()
        except TargetGoneError:
            raise
        except TRANSIENT as error:
            tries = f"failed {self.backoff_max_tries()} times in a row"
            raise AnswerError(f"{self.name}: {tries}: {explain(error, self.where)}") from error
        except Exception as error:
            raise AnswerError(f"{self.name}: {explain(error, self.where)}") from error
        if self._stream_version is not None:
            super()._write_activate_version_message(self._stream_version)

    def _write_activate_version_message(self, full_table_version: int) -> None:
        # SDK 0.54.9 calls this before the first record, when nobody knows yet whether the list
        # will arrive: a target would delete everybody. get_records writes it after the last one.
        pass

    def get_batch_config(self, config: Any) -> None:  # noqa: ANN401, ARG002
        """No BATCH messages: they carry no version, and would come after ACTIVATE_VERSION."""
        return

    def request_decorator(self, func: RequestFunc) -> RequestFunc:
        """Try again after a transient failure, as the SDK does, but without logging it twice."""
        patient = backoff.on_exception(
            self.backoff_wait_generator,
            TRANSIENT,
            max_tries=self.backoff_max_tries,
            on_backoff=self.backoff_handler,
            jitter=self.backoff_jitter,
            logger=None,
        )(func)

        def request(*args: Any) -> requests.Response:  # noqa: ANN401 (whatever is decorated)
            self.tap.message_writer.flush()
            return patient(*args)

        return request

    def backoff_handler(self, details: Details) -> None:
        """Say that a request failed and is tried again."""
        self.logger.warning(
            "Try %d of %d failed, next in %.1f seconds. %s",
            details["tries"],
            self.backoff_max_tries(),
            details["wait"],
            explain(details["exception"], self.where),
        )

    def log(
        self,
        message: str,
        *args: Any,  # noqa: ANN401 (as the SDK declares it)
        level: int = logging.INFO,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Log for the SDK, but for its announcement of an unhandled error: main tells it once."""
        if message.startswith("An unhandled error"):
            level = logging.DEBUG
        super().log(message, *args, level=level, **kwargs)
