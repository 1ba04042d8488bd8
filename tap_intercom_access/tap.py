"""The tap: its settings, its streams and its command line."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import click
from singer_sdk import Tap
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from typing_extensions import override

from tap_intercom_access.errors import InputError, in_words
from tap_intercom_access.inputs import check_catalog, check_object, check_state
from tap_intercom_access.intercom import Intercom
from tap_intercom_access.output import PipeWriter, buffer_stdout, escape_stderr
from tap_intercom_access.settings import SETTINGS, check, variables_of_settings
from tap_intercom_access.streams.activity_logs import ActivityLogsStream
from tap_intercom_access.streams.admins import AdminsStream
from tap_intercom_access.streams.identity import Identity
from tap_intercom_access.streams.teams import TeamList, TeamMembershipsStream, TeamsStream
from tap_intercom_access.streams.workspaces import WorkspacesStream

if TYPE_CHECKING:
    from types import FrameType

    from singer_sdk.plugin_base import _ConfigInput

    from tap_intercom_access.streams.base import IntercomStream


class TapIntercomAccess(Tap):
    """Who has access to an Intercom workspace, with what role, seat and teams."""

    name = "tap-intercom-access"
    config_jsonschema = SETTINGS
    message_writer_class = PipeWriter
    message_writer: PipeWriter
    capabilities = [  # noqa: RUF012 (declared by the SDK); no BATCH: see IntercomStream
        TapCapabilities.CATALOG,
        TapCapabilities.DISCOVER,
        TapCapabilities.STATE,
        TapCapabilities.TEST,
        PluginCapabilities.ABOUT,
        PluginCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 (as the SDK declares them)
        """Make the tap from its configuration, catalog and state.

        Raises:
            InputError: if one of them cannot be used.
        """
        self._warn_of_unread_variables(options)
        try:
            super().__init__(**options)
        except ValueError as error:
            names = ", ".join(sorted(n for n in os.environ if n.startswith(self._env_var_prefix)))
            raise InputError(f"One of the variables {names} cannot be read: {error}.") from error
        if self.input_catalog is not None:
            self._warn_of_unknown("catalog", set(self.input_catalog))
            if not any(stream.selected for stream in self.streams.values()):
                self.logger.warning("No stream is selected in the catalog: nothing will be read")

    @cached_property
    def intercom(self) -> Intercom:
        """Whom the streams ask."""
        return Intercom(
            access_token=self.config.get("access_token", ""),
            base_url=self.config["base_url"],
            api_version=self.config["api_version"],
            timeout=self.config["request_timeout"],
            user_agent=f"{self.name}/{self.plugin_version}",
            on_request=self.message_writer.flush,
        )

    @cached_property
    def identity(self) -> Identity:
        """Which workspace it is."""
        return Identity(self.intercom, self.config.get("workspace_id"), self.state)

    @override
    def discover_streams(self) -> list[IntercomStream]:
        """Give the streams; memberships come from the response that the teams come from."""
        intercom, identity = self.intercom, self.identity
        admins = AdminsStream(self, intercom, identity)
        teams = TeamList(admins)
        return [
            ActivityLogsStream(self, intercom, identity),
            admins,
            TeamMembershipsStream(self, intercom, identity, teams),
            TeamsStream(self, intercom, identity, teams),
            WorkspacesStream(self, intercom, identity),
        ]

    @override
    def _reset_state_progress_markers(self) -> None:
        # The first step of a sync in SDK 0.54.9: the next one writes the state that it was given.
        self.identity.confirm(insist=self.streams[WorkspacesStream.name].selected)
        super()._reset_state_progress_markers()

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        # The SDK 0.54.9 quotes wrong values, so the access token, too; ours does not.
        self.append_builtin_config(self.config_jsonschema)
        faults = check(self._config, self.config_jsonschema)
        if faults and raise_errors:
            raise InputError(f"The configuration cannot be used: {'; '.join(faults)}.")
        if unknown := set(self._config) - set(self.config_jsonschema["properties"]):
            self.logger.warning("Unknown settings, ignored: %s", ", ".join(sorted(unknown)))
        return faults

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        """Take the state of an earlier run.

        Raises:
            InputError: if it has not the form of a Singer state.
        """
        self._warn_of_unknown("state", set(check_state(state)))
        super().load_state(state)

    def _warn_of_unread_variables(self, options: dict[str, Any]) -> None:
        self.append_builtin_config(self.config_jsonschema)
        settings = set(self.config_jsonschema["properties"])
        variables = variables_of_settings(os.environ, self._env_var_prefix)
        if unknown := variables.keys() - settings:
            names = ", ".join(sorted(variables[setting] for setting in unknown))
            self.logger.warning("No settings of this tap, ignored: %s", names)
        config = options.get("config") or {}
        if options.get("parse_env_config") or not (config or options.get("validate_config")):
            return  # all are read, or nothing is: --discover and --about work without settings
        if unread := variables.keys() & settings - set(config):
            self.logger.warning(
                "Ignored, because the configuration does not hold their settings: %s. Declare the "
                "settings in meltano.yml, write them into the file, or add --config=ENV",
                ", ".join(sorted(variables[setting] for setting in unread)),
            )

    def _warn_of_unknown(self, what: str, names: set[str]) -> None:
        if unknown := names - set(self.streams):
            self.logger.warning(
                "The %s names streams that this tap does not have, which it ignores: %s",
                what,
                ", ".join(sorted(unknown)),
            )

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> NoReturn:
        # The SDK 0.54.9 writes STATE and exits 0 here, as if the sync were complete. Nothing is
        # flushed either: a target that no longer reads would block the exit for ever.
        os.write(sys.stderr.fileno(), b"Stopped by a signal before the end: incomplete sync.\n")
        os._exit(1)

    @classmethod
    @override
    def invoke(  # type: ignore[override]
        cls,
        *,
        state: TextIO | None = None,
        catalog: TextIO | None = None,
        **options: Any,
    ) -> None:
        """Run the tap with the files of the command line.

        Raises:
            InputError: if the catalog or the state is not what it should be.
        """
        super().invoke(
            state=state and check_object("state", state),
            catalog=catalog and check_catalog(catalog),
            **options,
        )

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        """Read the configuration files.

        Raises:
            InputError: if one of them is not a JSON object.
        """
        for path in value:
            if path != "ENV":
                with Path(path).open(encoding="utf-8") as file:
                    check_object(f"configuration file {path}", file)
        return super().cb_config(ctx, param, value)


def main() -> None:
    """Run the command line; every failure ends in one sentence on stderr and exit code 1."""
    buffer_stdout()
    escape_stderr()
    try:
        sys.exit(TapIntercomAccess.cli(standalone_mode=False))
    except click.ClickException as error:
        _fail(error.format_message(), error)
    except click.Abort as error:
        _fail("Stopped before the end: this sync is incomplete.", error)
    except Exception as error:  # noqa: BLE001 (the one place where failures become sentences)
        _fail(in_words(error), error)


def _fail(sentence: str, error: Exception) -> NoReturn:
    logging.getLogger(TapIntercomAccess.name).error("%s", sentence)
    logging.getLogger(TapIntercomAccess.name).debug("Traceback of the above", exc_info=error)
    with contextlib.suppress(OSError):  # a target that is gone takes nothing any more
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)  # at once: other windows may be under way, which sys.exit would wait for
