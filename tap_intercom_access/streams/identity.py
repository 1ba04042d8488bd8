"""Which workspace is it, and whose token reads it: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/identifyadmin."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from tap_intercom_access.errors import InputError, StreamError
from tap_intercom_access.intercom import Id, IntercomError, object_of
from tap_intercom_access.intercom.endpoints import HOSTS
from tap_intercom_access.intercom.redaction import excerpt
from tap_intercom_access.intercom.responses import UnixSeconds  # noqa: TC001 (msgspec reads it)

if TYPE_CHECKING:
    from singer_sdk.helpers.types import TapState

    from tap_intercom_access.intercom import Intercom


class Role(msgspec.Struct, gc=False):
    """A role, as far as its name."""

    name: str | None = None
    id: Any = None  # what is documented, and no column of ours, is here: only news is to be logged


class App(msgspec.Struct, gc=False):
    """The workspace, as `GET /me` describes it; its time is in Unix seconds."""

    id_code: Id
    name: str | None = None
    region: str | None = None
    timezone: str | None = None
    created_at: UnixSeconds | None = None
    identity_verification: bool | None = None
    secure: Any = None


class Me(msgspec.Struct, gc=False):
    """The admin whose token it is, with the workspace."""

    app: App
    type: str | None = None
    id: Id | None = None
    name: str | None = None
    email: str | None = None
    email_verified: bool | None = None
    role: Role | str | None = None
    job_title: Any = None
    away_mode_enabled: Any = None
    away_mode_reassign: Any = None
    has_inbox_seat: Any = None
    team_ids: Any = None
    avatar: Any = None


logger = logging.getLogger("tap-intercom-access")

ME = object_of("an admin with their workspace", Me, "/me", "admin")


def host_of_region(region: str | None, base_url: str) -> str | None:
    """Give the base URL that a workspace should be read through; None where it is, or unknown.

    Intercom may route from one region's host to another's, so a wrong one goes unnoticed.
    """
    host = HOSTS.get((region or "").strip().upper())
    return host if base_url in HOSTS.values() and host != base_url else None


class Identity:
    """The workspace that the token opens, read once, and whether it is the right one.

    `expected` is the setting `workspace_id`; the tap's state remembers the workspace.
    """

    def __init__(self, intercom: Intercom, expected: str | None, state: TapState) -> None:
        self._intercom = intercom
        self._expected = expected
        self._state = state
        self._me: Me | None = None

    def read(self) -> Me:
        """Read it, at the first call.

        Raises:
            IntercomError: if Intercom does not tell.
        """
        if self._me is None:
            self._me = self._intercom.send(self._intercom.build_request(ME))
            if host := host_of_region(self._me.app.region, self._intercom.base_url):
                logger.warning(
                    "The workspace is in the region %s, and base_url is of another region: set "
                    "base_url to %s",
                    excerpt(str(self._me.app.region), self._intercom.access_token),
                    host,
                )
        return self._me

    def confirm(self, *, insist: bool = False) -> None:
        """Make sure that it is the workspace of the setting and of the state, where they name one.

        Args:
            insist: Also compare with the state where the setting is left out.

        Raises:
            StreamError: if Intercom does not tell.
            InputError: if it is another workspace.
        """
        if self._expected is None and not insist:
            return
        try:
            app = self.read().app
        except IntercomError as error:
            raise StreamError(f"workspaces: {error} {self._why_read()}") from error
        opened = f"The access token opens the workspace '{app.id_code}' ({app.name or 'no name'})"
        if self._expected not in (None, app.id_code):
            raise InputError(
                f"{opened}, but workspace_id is '{self._expected}': nothing was read. Use the "
                "token of that workspace, or correct workspace_id."
            )
        bookmark = self._state.get("bookmarks", {}).get("workspaces", {})
        known = bookmark.get("workspace_id")
        if "workspace_id" in bookmark and known != app.id_code:
            raise InputError(
                f"{opened}, but the state is of the workspace '{known}': nothing was read. Use the "
                "state of that workspace, or begin anew: with --full-refresh in Meltano, without "
                "--state elsewhere."
            )

    def remember(self) -> None:
        """Keep the id of the workspace in the state, where it was asked for."""
        if self._me:
            bookmark = self._state.setdefault("bookmarks", {}).setdefault("workspaces", {})
            bookmark["workspace_id"] = self._me.app.id_code

    def _why_read(self) -> str:
        if self._expected is None:
            return "Or leave the stream 'workspaces' out: deselect it in the catalog."
        return "It is asked because workspace_id is set: nothing else was read."
