"""A minimal SDK tap: it fetches, parses, and yields the lists, and does nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from typing import Any, ClassVar

import msgspec
import requests
import singer_sdk.typing as th
from singer_sdk import Stream, Tap
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.helpers.types import Context, Record
from typing_extensions import override

from tap_intercom_access.streams.admins import AdminsStream
from tap_intercom_access.streams.teams import TeamMembershipsStream, TeamsStream


@cache
def rows(key: str) -> list[dict[str, Any]]:
    """Fetch a list with one page."""
    token = os.environ["TAP_INTERCOM_ACCESS_ACCESS_TOKEN"]
    url = f"{os.environ['TAP_INTERCOM_ACCESS_BASE_URL']}/{key}"
    response = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    result: list[dict[str, Any]] = msgspec.json.decode(response.content)[key]
    return result


class Admins(Stream):
    """Admins as Intercom sends them."""

    name = "admins"
    primary_keys: ClassVar[tuple[str, ...]] = ("id",)
    schema = AdminsStream.schema
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        return rows("admins")


class Teams(Admins):
    """Teams as Intercom sends them."""

    name = "teams"
    schema = TeamsStream.schema

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        return rows("teams")


class Memberships(Admins):
    """A record for each team and member."""

    name = "team_memberships"
    primary_keys = ("team_id", "admin_id")
    schema = TeamMembershipsStream.schema

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        for team in rows("teams"):
            for admin_id in team["admin_ids"]:
                yield {"team_id": team["id"], "admin_id": str(admin_id), "priority_level": None}


class FloorTap(Tap):
    """A tap without guarantees."""

    name = "tap-floor"
    config_jsonschema = th.PropertiesList().to_dict()
    message_writer_class = MsgSpecWriter

    @override
    def discover_streams(self) -> list[Stream]:
        return [Admins(self), Memberships(self), Teams(self)]


if __name__ == "__main__":
    FloorTap.cli()
