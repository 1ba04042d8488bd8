"""The workspace, and the teammate whose token reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import msgspec
from msgspec.structs import asdict
from singer_sdk import Tap
from typing_extensions import override

from tap_intercom_access.intercom import Endpoint
from tap_intercom_access.streams.base import IntercomStream
from tap_intercom_access.streams.identity import ME, Identity, Me
from tap_intercom_access.streams.run import Run
from tap_intercom_access.streams.schema import AS_DATE_TIME, column, narrow, schema_of


class Workspace(msgspec.Struct):
    """The workspace and the token's owner. Each field is a column."""

    id: Annotated[str, column("ID of the workspace, as in Intercom's URL.")]
    name: Annotated[str | None, column("Name of the workspace.")] = None
    region: Annotated[str | None, column("Region of the workspace.")] = None
    timezone: Annotated[str | None, column("Time zone of the workspace.")] = None
    created_at: Annotated[
        int | None, AS_DATE_TIME, column("Time when the workspace was created, in UTC.")
    ] = None
    identity_verification: Annotated[
        bool | None, column("Whether the workspace verifies the identity of its users.")
    ] = None
    token_admin_id: Annotated[
        str | None, column("ID of the teammate whose access token reads the workspace.")
    ] = None
    token_admin_email: Annotated[str | None, column("Email address of that teammate.")] = None
    token_admin_name: Annotated[str | None, column("Name of that teammate.")] = None
    token_admin_email_verified: Annotated[
        bool | None, column("Whether that teammate's address is verified.")
    ] = None
    token_admin_role: Annotated[
        str | None,
        column("Name of that teammate's role; null if the API version doesn't return it."),
    ] = None
    api_version: Annotated[str | None, column("Intercom API version used.")] = None
    read_by: Annotated[
        str | None, column("Name and version of the tap, such as `tap-intercom-access/0.1.0`.")
    ] = None


OWNER = "token_admin_"
"""Prefix of the columns about the token's owner."""

NEEDED = {("type",), *(("app", name) for name in ("id_code", "name", "region"))}
"""The fields of the response that are always needed."""


class WorkspacesStream(IntercomStream):
    """One record with the workspace and the token's owner."""

    name = "workspaces"
    primary_keys = ("id",)
    shape = Me
    endpoint = ME
    full_list = True
    selected_by_default = False  # documented for OAuth apps, so other tokens may be refused
    schema = schema_of(Workspace, "The workspace, and the teammate whose access token reads it.")

    def __init__(self, tap: Tap, run: Run) -> None:
        super().__init__(tap, run)
        expected = self.config.get("workspace_id")
        self._is_read = False
        run.identity = Identity(self.intercom, self.narrowed_endpoint, expected, tap.state)

    @override
    def narrowed_endpoint(self) -> Endpoint[Me]:
        names = [name for (name,) in self.columns] if self.selected or self._is_read else []
        of_owner = {(name.removeprefix(OWNER),) for name in names if name.startswith(OWNER)}
        of_app = {("app", name) for name in names}
        return replace(ME, response=narrow(Me, NEEDED | of_owner | of_app))

    @override
    def read_rows(self) -> Iterator[Workspace]:
        self._is_read = True
        me = self.run.identity.read()
        columns = {f"{OWNER}{name}": value for name, value in asdict(me).items()}
        columns |= asdict(me.app) | {"id": me.app.id_code}
        columns |= {"api_version": self.intercom.api_version, "read_by": self.intercom.user_agent}
        yield msgspec.convert(columns, Workspace)
