"""Runs of the tap in this process, for tables of cases that ask nothing of a process."""

from __future__ import annotations

import copy
import io
import json
import logging
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_intercom_access.errors import TapError
from tap_intercom_access.tap import TapIntercomAccess

if TYPE_CHECKING:
    from tap_intercom_access.sandbox.server import Sandbox


@dataclass
class Result:
    """What a run wrote, logged as warnings, and ended with."""

    messages: list[dict[str, Any]]
    warnings: list[str]
    error: str = ""

    def of(self, kind: str) -> list[str]:
        return [message["stream"] for message in self.messages if message["type"] == kind]

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [
            message["record"]
            for message in self.messages
            if message["type"] == "RECORD" and message["stream"] == stream
        ]

    def schema(self, stream: str) -> dict[str, Any]:
        schemas = [
            message
            for message in self.messages
            if message["type"] == "SCHEMA" and message["stream"] == stream
        ]
        assert len(schemas) == 1
        return schemas[0]


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def sync_here(
    sandbox: Sandbox,
    *,
    state: dict[str, Any] | None = None,
    catalog: dict[str, Any] | None = None,
    **settings: object,
) -> Result:
    """Sync a sandbox in this process."""
    config = {"access_token": sandbox.token, "base_url": sandbox.base_url, **settings}
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    handler = _Warnings()
    logger = logging.getLogger("tap-intercom-access")
    logger.addHandler(handler)
    error = ""
    try:
        with redirect_stdout(output):
            TapIntercomAccess(config=config, state=state, catalog=catalog).sync_all()
    except TapError as failure:
        error = str(failure)
    finally:
        logger.removeHandler(handler)
    output.seek(0)
    messages = [json.loads(line) for line in output.read().split("\n") if line]
    return Result(messages, handler.lines, error)


@cache
def _discovered() -> dict[str, Any]:
    return TapIntercomAccess(config={"access_token": "x"}).catalog_dict


def catalog_of(*streams: str, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """A catalog that selects streams, but for some columns, such as `admins.role.id`."""
    catalog = copy.deepcopy(_discovered())
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            path = ".".join([entry["tap_stream_id"], *metadata["breadcrumb"][1::2]])
            selected = path in streams if not metadata["breadcrumb"] else path not in without
            metadata["metadata"]["selected"] = selected
    return catalog
