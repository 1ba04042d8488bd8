"""The roles of the workspace: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/roles."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from tap_intercom_access.intercom import Id, Row, list_of
from tap_intercom_access.streams.base import IntercomStream
from tap_intercom_access.streams.schema import column, schema_of


class Role(Row, gc=False):
    """A role of `GET /roles`. Each field is a column."""

    id: Annotated[Id, column("ID of the role (referenced by `admins.role.id`).")]
    name: Annotated[str | None, column("Name of the role.")] = None
    description: Annotated[str | None, column("Description of the role.")] = None


class RolesStream(IntercomStream):
    """All roles, whether or not a teammate has them."""

    name = "roles"
    primary_keys = ("id",)
    shape = Role
    # Only parts of the reference were available, so the key of the list isn't certain.
    endpoint = replace(
        list_of("data", Role, "/roles", name="roles"), other_key="roles", api_version="2.18"
    )
    schema = schema_of(Role, "Roles of the workspace with their descriptions.")
    full_list = True
    selected_by_default = False  # needs a newer API version and an undocumented permission
