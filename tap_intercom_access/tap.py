"""The tap: its settings, its streams and its command line."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import platform
import sys
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO, cast

import click
from singer_sdk import Tap
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.mapper import CustomStreamMap
from singer_sdk.singerlib import Catalog, MetadataMapping
from typing_extensions import override

from tap_intercom_access.errors import InputError, in_words
from tap_intercom_access.evidence import Evidence, Recorded, iso
from tap_intercom_access.inputs import read_catalog, read_object, read_state
from tap_intercom_access.intercom import Intercom
from tap_intercom_access.logs import guard, keep_secret
from tap_intercom_access.output import PipeWriter, buffer_stdout, flush_stdout
from tap_intercom_access.recording import REPLAY
from tap_intercom_access.settings import (
    SETTINGS,
    boolean_faults,
    faults,
    is_on_this_machine,
    normalise,
    variables_of_settings,
)
from tap_intercom_access.signals import handle_signals
from tap_intercom_access.streams.activity_logs import ActivityLogsStream
from tap_intercom_access.streams.admins import AdminsStream
from tap_intercom_access.streams.away_status_reasons import AwayStatusReasonsStream
from tap_intercom_access.streams.base import IntercomStream
from tap_intercom_access.streams.identity import Identity
from tap_intercom_access.streams.teams import TeamList, TeamMembershipsStream, TeamsStream
from tap_intercom_access.streams.workspaces import WorkspacesStream

if TYPE_CHECKING:
    from collections.abc import Collection

    from singer_sdk import Stream
    from singer_sdk.mapper import StreamMap
    from singer_sdk.plugin_base import _ConfigInput
    from singer_sdk.singerlib import CatalogEntry

    from tap_intercom_access.intercom.connection import Response
    from tap_intercom_access.intercom.decoding import FieldPath
    from tap_intercom_access.intercom.endpoints import Request


VARIABLES = "TAP_INTERCOM_ACCESS_"
"""What the names of the tap's environment variables begin with."""

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "WARN", "FATAL", "NOTSET")


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
        self._check_variables(options)
        try:
            super().__init__(**options)
        except ValueError as error:
            names = ", ".join(sorted(n for n in os.environ if n.startswith(self._env_var_prefix)))
            raise InputError(f"One of the variables {names} cannot be read: {error}.") from error
        if self.recorded and (given := [n for n in ("catalog", "state") if options.get(n)]):
            self.logger.info("Replay: the recorded run's %s counts", " and ".join(given))
        if self.input_catalog is not None:
            self._warn_of_unknown("catalog", set(self.input_catalog))
            if not any(stream.selected for stream in self.streams.values()):
                self.logger.warning("No stream is selected in the catalog: nothing will be read")

    @cached_property
    def intercom(self) -> Intercom:
        """Intercom's API, as the settings say."""
        return Intercom(
            access_token=self.config.get("access_token", ""),
            base_url=self.config["base_url"],
            api_version=self.config["api_version"],
            timeout=self.config["request_timeout"],
            user_agent=f"{self.name}/{self.plugin_version}",
            on_wait=self.message_writer.flush,
        )

    @cached_property
    def evidence(self) -> Evidence:
        """What is kept of this run."""
        return Evidence(
            self.config.get("evidence_path"),
            self.config.get("access_token", ""),
            self.recorded,
            keeps_bodies=self.config["evidence_bodies"],
        )

    @property
    @override
    def initialized_at(self) -> int:
        """Unix milliseconds at which the run began, or the one that is replayed."""
        return int(self.recorded.began_at * 1000) if self.recorded else super().initialized_at

    @property
    @override
    def input_catalog(self) -> Catalog | None:
        """The catalog given, or that of the run that is replayed."""
        return self._recorded_catalog if self.recorded else super().input_catalog

    @cached_property
    def _recorded_catalog(self) -> Catalog | None:
        catalog = self.recorded and self.recorded.catalog
        return Catalog.from_dict(catalog) if catalog else None

    @cached_property
    def identity(self) -> Identity:
        """Which workspace it is."""
        intercom = replace(
            self.intercom,
            on_response=self._measure_workspaces,
            unread=self._unread_fields_of_workspaces,
            on_exchange=self.evidence.recorder(WorkspacesStream.name),
        )
        return Identity(intercom, self.config.get("workspace_id"), self.state)

    @property
    def _workspaces(self) -> WorkspacesStream:
        return cast("WorkspacesStream", self.streams[WorkspacesStream.name])

    def _measure_workspaces(self, request: Request[Any], response: Response) -> None:
        self._workspaces.measure(request, response)

    def _unread_fields_of_workspaces(self) -> Collection[FieldPath]:
        return self._workspaces.unread_fields()

    @override
    def discover_streams(self) -> list[IntercomStream]:
        """Give the streams; memberships come from the response that the teams come from."""
        shared = self.intercom, self.identity, self.evidence
        admins = AdminsStream(self, *shared, self._reads_teams)
        teams = TeamList(admins)
        return [
            ActivityLogsStream(self, *shared),
            admins,
            AwayStatusReasonsStream(self, *shared),
            TeamMembershipsStream(self, *shared, teams),
            TeamsStream(self, *shared, teams),
            WorkspacesStream(self, *shared),
        ]

    def _reads_teams(self) -> bool:
        teams = (TeamMembershipsStream.name, TeamsStream.name)
        return any(self.streams[name].selected for name in teams)

    @override
    def setup_mapper(self) -> None:
        """Compile the stream maps.

        Raises:
            InputError: if one of them cannot be used.
        """
        super(Tap, self).setup_mapper()
        for stream in self.streams.values():
            if entry := self.catalog.get_stream(stream.name):
                self._register_maps(stream, entry)

    def _register_maps(self, stream: Stream, entry: CatalogEntry) -> None:
        if not stream.selected:
            # SDK 0.54.9 takes all columns away from a stream that is not selected, so that its
            # keys are missing. Without metadata it keeps them, as in SDK 0.55.
            entry = replace(entry, metadata=MetadataMapping())
        try:
            self.mapper.register_raw_streams_from_catalog(Catalog({stream.name: entry}))
        except Exception as error:
            if stream.selected:
                raise InputError(
                    f"stream_maps cannot be used for {stream.name}: {error}"
                ) from error
        for stream_map in self.mapper.stream_maps.get(stream.name, []):
            if isinstance(stream_map, CustomStreamMap) and isinstance(stream, IntercomStream):
                stream.guard(stream_map)
            if self.config.get("flattening_enabled"):
                _fit_to_schema(stream_map)

    @override
    def _reset_state_progress_markers(self) -> None:
        # The first step of a sync in SDK 0.54.9: the next one writes the state that it was given.
        self.identity.confirm(insist=self.streams[WorkspacesStream.name].selected)
        for bookmark in self.state.get("bookmarks", {}).values():
            # What the SDK keeps there for other taps: this one would only fail over odd values.
            bookmark.pop("partitions", None)
            bookmark.pop("progress_markers", None)
        super()._reset_state_progress_markers()

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        # The SDK 0.54.9 quotes wrong values, so the access token, too; ours does not.
        self.append_builtin_config(self.config_jsonschema)
        keep_secret(str(self._config.get("access_token", "")))
        self._config = normalise(self._config)
        self.recorded = self._read_recorded(insist=raise_errors)
        if self.recorded:
            self._config = normalise(self.recorded.settle(self._config))
        problems = faults(self._config, self.config_jsonschema)
        if problems and raise_errors:
            raise InputError(f"The configuration cannot be used: {'; '.join(problems)}.")
        if unknown := set(self._config) - set(self.config_jsonschema["properties"]):
            self.logger.warning("Unknown settings, ignored: %s", ", ".join(sorted(unknown)))
        return problems

    def _read_recorded(self, *, insist: bool) -> Recorded | None:
        """Give the run that is replayed; only from this machine can it be."""
        path = os.environ.get(REPLAY)
        if path and is_on_this_machine(str(self._config["base_url"])):
            recorded = Recorded.read(path)
            if recorded.versions["tap"] != self.plugin_version:
                self.logger.warning(
                    "Replay: this is version %s, and the recorded run was of version %s",
                    self.plugin_version,
                    recorded.versions["tap"],
                )
            return recorded
        if path and insist:
            raise InputError(
                f"{REPLAY} is set, but base_url is not on this machine: nothing was read. With "
                "'intercom-sandbox --replay', add --config=ENV; otherwise unset the variable."
            )
        return None

    @override  # type: ignore[misc]  # final in the SDK, which has no hook at the end
    def sync_all(self) -> None:
        """Sync all streams, and keep the evidence.

        Raises:
            EvidenceError: if it cannot be kept.
        """
        versions = {
            "tap": self.plugin_version,
            "singer_sdk": self.sdk_version,
            "python": platform.python_version(),
            "intercom_api": self.config["api_version"],
        }
        with self.evidence.kept(lambda: self._beginning(versions)):
            super().sync_all()
            self.message_writer.flush()
            self.evidence.complete(versions, self.config.get("stream_maps") or {})

    def _beginning(self, versions: dict[str, str]) -> dict[str, Any]:
        """Give what this run begins with, without the token."""
        settings = {
            name: value
            for name, value in self.config.items()
            if name in self.config_jsonschema["properties"] and name != "access_token"
        }
        if values := settings.get("stream_map_config"):  # a salt, say
            settings["stream_map_config"] = dict.fromkeys(values, "not kept")
        catalog = self.input_catalog
        return {
            "began_at": iso(self.initialized_at / 1000, "milliseconds"),
            "state": self.state or None,
            "catalog": catalog and catalog.to_dict(),
            "settings": settings,
            "versions": versions,
        }

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        """Take the state of an earlier run.

        Raises:
            InputError: if it has not the form of a Singer state.
        """
        state = read_state(self.recorded.state if self.recorded else state)
        self._warn_of_unknown("state", set(state.get("bookmarks", {})))
        super().load_state(state)

    def _check_variables(self, options: dict[str, Any]) -> None:
        self.append_builtin_config(self.config_jsonschema)
        settings = set(self.config_jsonschema["properties"])
        variables = variables_of_settings(os.environ, self._env_var_prefix)
        if unknown := variables.keys() - settings:
            names = ", ".join(sorted(variables[setting] for setting in unknown))
            self.logger.warning("No settings of this tap, ignored: %s", names)
        config = options.get("config") or {}
        if options.get("parse_env_config"):
            values = {setting: os.environ[name] for setting, name in variables.items()}
            problems = boolean_faults(values, self.config_jsonschema)
            if problems and options.get("validate_config", True):
                raise InputError(f"The configuration cannot be used: {'; '.join(problems)}.")
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
    def _setup_signal_handlers(self) -> None:
        # The SDK 0.54.9 would write STATE and exit 0, as if the sync were complete; main
        # has its own handlers since its start.
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
            InputError: if the catalog or the state is not what it should be.
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
            InputError: if one of them is not a JSON object.
        """
        given = super().cb_config(ctx, param, tuple(path for path in value if path == "ENV"))
        for path in value:
            if path != "ENV":
                with Path(path).open("rb") as file:
                    given.config |= read_object(f"configuration file {path}", file)
        return given


def _fit_to_schema(stream_map: StreamMap) -> None:
    """Let a stream map give a record that has just the columns of its schema, missing ones null."""
    transform = stream_map.transform

    def fitted(record: dict[str, Any]) -> dict[str, Any] | None:
        result = transform(record)
        properties = stream_map.transformed_schema["properties"]
        return result and {name: result.get(name) for name in properties}

    # SDK 0.54.9 leaves a null object under its own name, where its columns are announced.
    stream_map.transform = fitted  # type: ignore[method-assign]


def main() -> None:
    """Run the command line; every failure ends in one sentence on stderr and exit code 1."""
    if sys.stderr is None:  # closed by the parent: the next file that is opened would become it
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 (stays open)
    handle_signals()
    try:
        keep_secret(os.environ.get(f"{VARIABLES}ACCESS_TOKEN", ""))
        command = _set_up_logging()
        buffer_stdout()
        code = _run(command)
        flush_stdout()
    except click.ClickException as error:
        _fail(error.format_message(), error)
    except click.Abort as error:
        _fail("Stopped before the end: this sync is incomplete.", error)
    except Exception as error:  # noqa: BLE001 (the one place where failures become sentences)
        _fail(in_words(error), error)
    sys.exit(code)


def _set_up_logging() -> click.Command:
    """Give the command, by which the SDK sets up logging.

    Raises:
        InputError: if a variable asks for what cannot be had.
    """
    names = (f"{VARIABLES}LOGLEVEL", "LOGLEVEL")
    name = next(filter(os.environ.get, names), None)
    wrong = os.environ[name].upper() not in LOG_LEVELS if name else False
    if wrong:
        os.environ.update(dict.fromkeys(names, ""))
    try:
        command: click.Command = TapIntercomAccess.cli
    except Exception as error:
        raise InputError(f"SINGER_SDK_LOG_CONFIG names an unusable file: {error}.") from error
    finally:
        guard()
    if wrong:
        raise InputError(f"{name} is not a level of the log: use {', '.join(LOG_LEVELS)}.")
    return command


def _run(command: click.Command) -> str | int | None:
    """Give the code that the command exits with."""
    try:
        return command(standalone_mode=False)  # type: ignore[no-any-return]
    except SystemExit as ended:  # after --about
        return ended.code


def _fail(sentence: str, error: Exception) -> NoReturn:
    logging.getLogger(TapIntercomAccess.name).error("%s", sentence)
    logging.getLogger(TapIntercomAccess.name).debug("Traceback of the above", exc_info=error)
    with contextlib.suppress(OSError, AttributeError):  # a target that is gone takes nothing more
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)  # at once: other windows may be under way, which sys.exit would wait for
