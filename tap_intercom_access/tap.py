"""The tap: its settings, streams, and inputs."""

from __future__ import annotations

import io
import json
import os
import platform
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TextIO

import click
from singer_sdk import Tap
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import _ConfigInput
from typing_extensions import override

from tap_intercom_access.clock import RunClock
from tap_intercom_access.errors import InputError
from tap_intercom_access.evidence import Evidence, iso
from tap_intercom_access.inputs import check_state, read_catalog, read_object
from tap_intercom_access.intercom import Intercom
from tap_intercom_access.intercom.redaction import excerpt, keep_secret
from tap_intercom_access.output import PipeWriter
from tap_intercom_access.settings import (
    SETTINGS,
    normalize,
    problems_of,
    suggest_settings,
    variables_by_setting,
)
from tap_intercom_access.streams.activity_logs import ActivityLogsStream
from tap_intercom_access.streams.admins import AdminsStream
from tap_intercom_access.streams.away_status_reasons import AwayStatusReasonsStream
from tap_intercom_access.streams.base import IntercomStream
from tap_intercom_access.streams.roles import RolesStream
from tap_intercom_access.streams.run import Run
from tap_intercom_access.streams.stream_maps import maps_without_effect, register_maps
from tap_intercom_access.streams.teams import TeamMembershipsStream, TeamsStream
from tap_intercom_access.streams.workspaces import WorkspacesStream


class TapIntercomAccess(Tap):
    """Exports who has access to an Intercom workspace: teammates with roles, seats, and teams."""

    name = "tap-intercom-access"
    config_jsonschema = SETTINGS
    message_writer_class = PipeWriter
    clock_class: ClassVar[type[RunClock]] = RunClock
    capabilities = [  # noqa: RUF012 (declared by the SDK)
        *(one for one in Tap.capabilities if one != PluginCapabilities.BATCH),  # see IntercomStream
        TapCapabilities.TEST,
    ]

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 (as the SDK declares them)
        """Create the tap from its configuration, catalog, and state.

        Raises:
            InputError: if one of them can't be used.
        """
        self._check_variables(options)
        super().__init__(**options)
        if self.input_catalog is not None:
            self._warn_of_unknown("catalog", set(self.input_catalog))
            if not any(stream.selected for stream in self.streams.values()):
                self.logger.warning("The catalog selects no stream, so there is nothing to read")

    @cached_property
    def run(self) -> Run:
        """The objects that the streams of this run share."""
        intercom = Intercom(
            access_token=self.config.get("access_token", ""),
            base_url=self.config["base_url"],
            api_version=self.config["api_version"],
            timeout=self.config["request_timeout"],
            user_agent=f"{self.name}/{self.plugin_version}",
        )
        evidence = Evidence(self.config.get("evidence_path"))
        return Run(intercom, evidence, self.clock_class(intercom.clock))

    @override
    def discover_streams(self) -> list[IntercomStream]:
        """Return the streams. The SDK reads them by name, so teammates before teams."""
        admins = AdminsStream(self, self.run)
        teams = TeamsStream(self, self.run, admins)
        return [
            ActivityLogsStream(self, self.run),
            admins,
            AwayStatusReasonsStream(self, self.run),
            RolesStream(self, self.run),
            TeamMembershipsStream(self, self.run, teams),
            teams,
            WorkspacesStream(self, self.run),
        ]

    @override
    def setup_mapper(self) -> None:
        """Compile the stream maps.

        Raises:
            InputError: if one of them can't be used.
        """
        super(Tap, self).setup_mapper()
        schemas = {name: stream.schema for name, stream in self.streams.items()}
        if unknown := maps_without_effect(self.config.get("stream_maps") or {}, schemas):
            self.logger.warning(
                "Ignoring stream maps of unknown streams or columns: %s", ", ".join(unknown)
            )
        for stream in self.streams.values():
            if entry := self.catalog.get_stream(stream.name):
                register_maps(self.mapper, stream, entry)

    @override  # type: ignore[misc]
    def sync_all(self) -> None:
        """Sync all streams. After another sync, it repeats the sync from the given state.

        Raises:
            TapError: if the sync isn't complete.
        """
        # It is final in the SDK, but only here is the end of every sync known.
        if self.run.is_used:  # its streams keep responses, and its state may be of lost records
            del self.run
            self._streams = None
            self._state = deepcopy(self._given_state)
        self.run.is_used = True
        try:
            super().sync_all()
            self.run.finish()
        finally:
            self.run.evidence.close()  # a program may retry in the same process

    @override
    def _reset_state_progress_markers(self) -> None:
        # The SDK calls this first in a sync, before it writes the initial state.
        self.run.evidence.begin(self._describe_run())
        workspaces = self.streams[WorkspacesStream.name]  # creates the streams and the identity
        self.run.identity.confirm(insist=workspaces.selected)
        workspace = self.run.identity.description
        self.logger.info(
            "Reading %s, API version %s%s",
            self.config["base_url"],
            self.config["api_version"],
            f", workspace {excerpt(workspace)}" if workspace else "",
        )
        for bookmark in self.state.get("bookmarks", {}).values():
            # This tap doesn't use these keys, and malformed values would make the SDK fail.
            bookmark.pop("partitions", None)
            bookmark.pop("progress_markers", None)
        super()._reset_state_progress_markers()

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        # The SDK's messages quote wrong values, even the access token.
        keep_secret(str(self._config.get("access_token", "")))
        self._config = normalize(self._config, self.config_jsonschema)
        problems = problems_of(self._config, self.config_jsonschema)
        if problems and raise_errors:
            raise InputError(f"Invalid configuration: {'; '.join(problems)}.")
        if unknown := set(self._config) - set(self.config_jsonschema["properties"]):
            self.logger.warning("Ignoring unknown settings: %s", ", ".join(sorted(unknown)))
        return problems

    def _describe_run(self) -> dict[str, Any]:
        """Return the content of the evidence file run.json. It doesn't contain the token."""
        settings = {
            name: value
            for name, value in self.config.items()
            if name in self.config_jsonschema["properties"] and name != "access_token"
        }
        if values := settings.get("stream_map_config"):  # a salt, for example
            settings["stream_map_config"] = dict.fromkeys(values, "not kept")
        return {
            "began_at": iso(self.run.clock.began_at, "milliseconds"),
            "state": self.state or None,
            "catalog": self.input_catalog and self.input_catalog.to_dict(),
            "settings": settings,
            "versions": {
                "tap": self.plugin_version,
                "singer_sdk": self.sdk_version,
                "python": platform.python_version(),
                "intercom_api": self.config["api_version"],
            },
        }

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        """Load the state of an earlier run.

        Raises:
            InputError: if it doesn't have the form of a Singer state.
        """
        state = check_state(state)
        self._warn_of_unknown("state", set(state.get("bookmarks", {})))
        super().load_state(state)
        self._given_state = deepcopy(self.state)

    @classproperty
    @override
    def _env_var_config(cls) -> dict[str, str]:  # noqa: N805
        """The settings in environment variables, as unparsed strings.

        The SDK would parse "enabled" as false, and an empty string as the list [""].
        """
        variables = variables_by_setting(os.environ, cls._env_var_prefix)
        settings = cls.config_jsonschema["properties"]
        return {name: os.environ[variables[name]] for name in variables if name in settings}

    def _check_variables(self, options: dict[str, Any]) -> None:
        """Warn about environment variables that the tap won't read."""
        self.append_builtin_config(self.config_jsonschema)
        if options.get("parse_env_config"):
            parse_environment_config({}, self._env_var_prefix)  # reads the file .env
        variables = variables_by_setting(os.environ, self._env_var_prefix)
        for name, setting in suggest_settings(variables.keys(), self.config_jsonschema).items():
            self.logger.warning(
                "Ignoring %s. Did you mean the setting %s?", variables[name], setting
            )
        config = options.get("config") or {}
        if options.get("parse_env_config") or not (config or options.get("validate_config")):
            return  # either all variables are read, or --discover needs none
        settings = set(self.config_jsonschema["properties"])
        if unread := (variables.keys() & settings) - set(config):
            self.logger.warning(
                "Ignoring these environment variables, because their settings aren't in the "
                "configuration: %s. Declare the settings in meltano.yml, write them into the "
                "file, or add --config=ENV",
                ", ".join(sorted(variables[setting] for setting in unread)),
            )

    def _warn_of_unknown(self, what: str, names: set[str]) -> None:
        if unknown := names - set(self.streams):
            self.logger.warning(
                "Ignoring unknown streams in the %s: %s", what, ", ".join(sorted(unknown))
            )

    @override
    def _setup_signal_handlers(self) -> None:
        # With the SDK's handlers, an interrupted run exits with code 0.
        pass

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
            InputError: if the catalog or the state can't be used.
        """
        super().invoke(
            state=state and io.StringIO(json.dumps(read_object("state", state))),
            catalog=catalog and io.StringIO(json.dumps(read_catalog(catalog))),
            **options,
        )

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        """Read the configuration files.

        Raises:
            InputError: if one of them isn't a JSON object.
        """
        given = super().cb_config(ctx, param, tuple(path for path in value if path == "ENV"))
        for path in value:
            if path != "ENV":
                with Path(path).open("rb") as file:
                    given.config |= read_object(f"configuration file {path}", file)
        return given
