"""Checks the workspace and the teammate that the access token belongs to.

Source: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/identifyadmin
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from singer_sdk.helpers.types import TapState

from tap_intercom_access.errors import InputError, StreamError
from tap_intercom_access.intercom import Endpoint, Id, Intercom, IntercomError
from tap_intercom_access.intercom.endpoints import HOSTS
from tap_intercom_access.intercom.redaction import excerpt
from tap_intercom_access.intercom.responses import UnixSeconds


class Role(msgspec.Struct, gc=False):
    """The role of the token's owner."""

    name: str | None = None


class App(msgspec.Struct, gc=False):
    """The workspace in the response of `GET /me`."""

    id_code: Id
    name: str | None = None
    region: str | None = None
    timezone: str | None = None
    created_at: UnixSeconds | None = None
    identity_verification: bool | None = None


class Me(msgspec.Struct, gc=False):
    """The response of `GET /me`: the token's owner and the workspace."""

    app: App
    type: str | None = None
    id: Id | None = None
    name: str | None = None
    email: str | None = None
    email_verified: bool | None = None
    role: Role | str | None = None

    def __post_init__(self) -> None:
        """Replace the role with its name."""
        if isinstance(self.role, msgspec.Struct):
            self.role = self.role.name


logger = logging.getLogger("tap-intercom-access")

ME = Endpoint("GET", "/me", Me, "an admin with their workspace", type="admin")


def host_of_region(region: str | None, base_url: str) -> str | None:
    """Return the base URL of a region, None if it is the current one or the region is unknown.

    Intercom may forward requests to the right region, so a wrong base URL may still work.
    """
    host = HOSTS.get((region or "").strip().upper())
    return host if base_url in HOSTS.values() and host != base_url else None


@dataclass
class Identity:
    """Reads the workspace of the token once, and compares it with the setting and the state."""

    intercom: Intercom
    """The client of the stream `workspaces`."""
    endpoint: Callable[[], Endpoint[Me]]
    """Returns the endpoint `ME` with only the fields that the stream needs."""
    expected: str | None
    """The setting `workspace_id`."""
    state: TapState
    """The tap's state, which contains the workspace's ID."""
    me: Me | None = None
    """The response, None until it was read."""

    @property
    def description(self) -> str:
        """The workspace for messages. Empty until it was read."""
        app = self.me and self.me.app
        return f"'{app.id_code}' ({app.name or 'no name'})" if app else ""

    def read(self) -> Me:
        """Return the response. Only the first call sends the request.

        Raises:
            IntercomError: if it can't be read.
        """
        if self.me is None:
            self.me = self.intercom.send(self.intercom.build_request(self.endpoint()))
            if host := host_of_region(self.me.app.region, self.intercom.base_url):
                logger.warning(
                    "The workspace is in region %s, but base_url is for another region. Set "
                    "base_url to %s",
                    excerpt(str(self.me.app.region)),
                    host,
                )
        return self.me

    def confirm(self, *, insist: bool = False) -> None:
        """Compare the workspace with the setting and the state, if they contain one.

        Args:
            insist: Whether to compare with the state even if the setting is unset.

        Raises:
            StreamError: if the workspace can't be read.
            InputError: if the workspace is another one.
        """
        if self.expected is None and not insist:
            return
        try:
            id_ = self.read().app.id_code
        except IntercomError as error:
            raise StreamError(f"workspaces: {error} {self._why_read()}") from error
        token = f"The access token belongs to workspace {self.description}"
        if self.expected not in (None, id_):
            raise InputError(
                f"{token}, but workspace_id is '{self.expected}'. Nothing was read. Use the token "
                "of that workspace, or correct workspace_id."
            )
        bookmark = self.state.get("bookmarks", {}).get("workspaces", {})
        known = bookmark.get("workspace_id")
        if "workspace_id" in bookmark and known != id_:
            raise InputError(
                f"{token}, but the saved state belongs to workspace '{known}'. Nothing was read. "
                "Use that workspace's state, or start over with --full-refresh (Meltano) or "
                "without --state."
            )

    def remember(self) -> None:
        """Write the workspace's ID into the state, if it was read."""
        if self.me:
            bookmark = self.state.setdefault("bookmarks", {}).setdefault("workspaces", {})
            bookmark["workspace_id"] = self.me.app.id_code

    def _why_read(self) -> str:
        if self.expected is None:
            return "Or deselect the 'workspaces' stream in the catalog."
        return "This request is made because workspace_id is set. Nothing else was read."
