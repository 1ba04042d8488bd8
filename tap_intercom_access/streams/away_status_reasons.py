"""Reasons for being away: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/away-status-reasons/listawaystatusreasons."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from tap_intercom_access.intercom import Id, Row, list_of
from tap_intercom_access.intercom.responses import UnixSeconds
from tap_intercom_access.streams.base import IntercomStream
from tap_intercom_access.streams.schema import AS_DATE_TIME, column, schema_of


class AwayStatusReason(Row, gc=False):
    """A reason of `GET /away_status_reasons`. Each field is a column."""

    id: Annotated[Id, column("ID of the reason (referenced by `admins.away_status_reason_id`).")]
    label: Annotated[str | None, column("Label, as teammates see it.")] = None
    emoji: Annotated[str | None, column("Emoji of the reason.")] = None
    order: Annotated[int | None, column("Sort order.")] = None
    deleted: Annotated[bool | None, column("Whether the reason was deleted.")] = None
    created_at: Annotated[
        UnixSeconds | None, AS_DATE_TIME, column("Time when the reason was created, in UTC.")
    ] = None
    updated_at: Annotated[
        UnixSeconds | None, AS_DATE_TIME, column("Time of the last change, in UTC.")
    ] = None


class AwayStatusReasonsStream(IntercomStream):
    """The reasons that teammates give for being away."""

    name = "away_status_reasons"
    primary_keys = ("id",)
    shape = AwayStatusReason
    endpoint = replace(
        list_of("rows", AwayStatusReason, "/away_status_reasons", name="away status reasons"),
        is_array=True,
    )
    schema = schema_of(AwayStatusReason, "Reasons for being away, which teammates can choose.")
    full_list = True
    selected_by_default = False  # these reasons don't concern access
