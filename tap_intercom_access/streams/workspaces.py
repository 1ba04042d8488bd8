"""The workspace itself, and whose token reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from typing_extensions import override

from tap_intercom_access.streams.base import IntercomStream, deselected
from tap_intercom_access.streams.identity import ME, Role
from tap_intercom_access.streams.schema import AS_DATE_TIME, column, schema_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_intercom_access.intercom.decoding import FieldPath


class Workspace(msgspec.Struct):
    """A column of the stream for each field."""

    id: Annotated[str, column("Id of the workspace, as the address bar of Intercom shows it.")]
    name: Annotated[str | None, column("Name of the workspace.")] = None
    region: Annotated[str | None, column("Region that the workspace is in.")] = None
    timezone: Annotated[str | None, column("Time zone of the workspace.")] = None
    created_at: Annotated[
        int | None, AS_DATE_TIME, column("When the workspace was made, in UTC.")
    ] = None
    identity_verification: Annotated[
        bool | None, column("Whether the workspace verifies the identity of its users.")
    ] = None
    token_admin_id: Annotated[
        str | None, column("Id of the teammate whose access token reads the workspace.")
    ] = None
    token_admin_email: Annotated[str | None, column("E-mail address of that teammate.")] = None
    token_admin_name: Annotated[str | None, column("Name of that teammate.")] = None
    token_admin_email_verified: Annotated[
        bool | None, column("Whether that teammate's address is verified.")
    ] = None
    token_admin_role: Annotated[
        str | None, column("Name of that teammate's role, where the API's version sends it.")
    ] = None
    api_version: Annotated[str | None, column("Version of Intercom's API that was asked.")] = None
    read_by: Annotated[
        str | None, column("Program that read it, such as `tap-intercom-access/0.1.0`.")
    ] = None


FIELDS = {
    **{
        column: ("app", column)
        for column in ("name", "region", "timezone", "created_at", "identity_verification")
    },
    **{
        f"token_admin_{name}": (name,) for name in ("id", "email", "name", "email_verified", "role")
    },
}
"""The field of the response that a column is made of, with the field around it."""


class WorkspacesStream(IntercomStream):
    """One record: which workspace this is evidence of, and through whose access it was read."""

    name = "workspaces"
    primary_keys = ("id",)
    endpoint = ME
    full_list = True
    selected_by_default = False  # Intercom describes /me for OAuth apps: a token may not be allowed
    schema = schema_of(Workspace, "Which workspace was read, and through whose access.")

    @override
    def unread_fields(self) -> set[FieldPath]:
        columns = {path[1] for path in deselected(self.schema, self.mask)}
        return {field for column, field in FIELDS.items() if column in columns}

    @override
    def read_rows(self) -> Iterator[Workspace]:
        me = self.identity.read()
        app = me.app
        yield Workspace(
            app.id_code,
            app.name,
            app.region,
            app.timezone,
            app.created_at,
            app.identity_verification,
            me.id,
            me.email,
            me.name,
            me.email_verified,
            me.role.name if isinstance(me.role, Role) else me.role,
            self.intercom.api_version,
            self.intercom.user_agent,
        )
