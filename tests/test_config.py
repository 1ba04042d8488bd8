"""Settings through the command: from files and from variables, right and wrong."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from singer_sdk.configuration import _dict_config

from tap_intercom_access.errors import InputError
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.streams.activity_types import DEFAULT_TYPES
from tap_intercom_access.tap import TapIntercomAccess
from tests import faults
from tests.tap import STREAMS, catalog_of, run_tap, sync

TOKEN = "dG9rOnNlY3JldC1wYXJ0LW9mLXRoZS10b2tlbg=="  # noqa: S105 (opens nothing)


def config_for(sandbox: Sandbox, **more: object) -> dict[str, Any]:
    return {"access_token": sandbox.token, "base_url": sandbox.base_url, **more}


def test_discover_and_about_need_no_configuration() -> None:
    discovery = run_tap("--discover")
    about = run_tap("--about")

    assert discovery.error == about.error == ""
    assert discovery.warnings == []
    entries = json.loads(discovery.stdout)["streams"]
    assert [entry["tap_stream_id"] for entry in entries] == list(STREAMS)
    assert "access_token" in about.stdout


def test_a_configuration_file_works_like_the_environment(sandbox: Sandbox) -> None:
    assert len(run_tap(config=config_for(sandbox)).records("admins")) == 13


def test_variables_are_stripped_and_converted_and_left_out_if_empty(sandbox: Sandbox) -> None:
    run = sync(
        sandbox,
        access_token=f"\t{sandbox.token}\r\n",
        base_url=f"{sandbox.base_url}//",
        api_version="",
        request_timeout="2.5",
        workspace_id=" ",
    )

    assert run.error == ""
    assert sandbox.journal.requests == ["GET /admins", "GET /teams"]
    assert {headers["Intercom-Version"] for headers in sandbox.journal.headers} == {"2.16"}


@pytest.mark.parametrize("token", [f"Bearer {TOKEN}", f"{TOKEN[:9]}\n{TOKEN[9:]}", [TOKEN]])
def test_a_wrong_token_is_refused_and_not_shown(token: object) -> None:
    run = run_tap(config={"access_token": token})

    assert "access_token" in run.error
    assert run.stdout == ""
    assert TOKEN[:6] not in run.stderr


@pytest.mark.parametrize("token", ["", "\n", None])
def test_an_empty_token_is_a_missing_token(token: str | None) -> None:
    assert "access_token is missing" in run_tap(config={"access_token": token}).error


def test_all_problems_are_listed_at_once() -> None:
    config = {"base_url": "http://example.com", "request_timeout": -1, "flattening_enabled": "x"}

    error = run_tap(config=config).error

    assert {name for name in ("access_token", *config) if name not in error} == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "config", ["", "{", "[]", "5", "null", '"text"', "{'a': 1}", '{"max_removed_percent": NaN}']
)
def test_a_configuration_file_without_a_json_object_is_refused(config: str) -> None:
    error = run_tap(config=config).error

    assert error.startswith("The configuration file ")
    assert "config.json is " in error


def test_a_configuration_file_that_is_missing_or_not_text_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary.json"
    binary.write_bytes(b'{"access_token": "\xff\xfe"}')

    for path in (tmp_path / "nowhere.json", binary, tmp_path):
        assert str(path) in run_tap("--config", path).error


def test_a_variable_that_cannot_be_parsed_is_refused(sandbox: Sandbox) -> None:
    error = sync(sandbox, flattening_max_depth="deep", stream_maps="{").error

    assert "flattening_max_depth must be a whole number (got 'deep')" in error
    assert "stream_maps must be a JSON object (got '{')" in error
    assert sandbox.journal.requests == []


EMPTY = ("activity_types", "stream_maps", "stream_map_config", "faker_config")


def test_empty_variables_count_as_unset(sandbox: Sandbox) -> None:
    empty = dict.fromkeys([*EMPTY, "flattening_max_depth", "flattening_enabled"], "")

    run = sync(sandbox, catalog=catalog_of("activity_logs"), **empty)

    assert run.error == ""
    assert run.warnings == []
    (body,) = sandbox.journal.bodies
    assert body["event_types"] == DEFAULT_TYPES
    assert run.records("activity_logs")


@pytest.mark.parametrize("types", ["bulk_export, admin_deletion", " bulk_export ,admin_deletion,"])
def test_event_types_may_be_separated_by_commas_and_spaces(types: str, sandbox: Sandbox) -> None:
    sync(sandbox, catalog=catalog_of("activity_logs"), activity_types=types)

    assert sandbox.journal.bodies[0]["event_types"] == ["bulk_export", "admin_deletion"]


@pytest.mark.parametrize("types", ["bulk_exports", ["bulk_export", "b", "a"]])
def test_unknown_event_types_are_refused_before_reading(types: object, sandbox: Sandbox) -> None:
    run = sync(sandbox, catalog=catalog_of("activity_logs"), activity_types=types)

    names = "bulk_exports" if isinstance(types, str) else "a, b"
    assert f"Unknown event types in activity_types: {names}. Correct or remove them." in run.error
    assert sandbox.journal.requests == ["GET /admins/activity_log_event_types"]
    assert run.of("STATE") == []


@pytest.fixture
def dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file .env that the SDK reads. It looks for one above its own folder."""
    path = tmp_path / ".env"
    monkeypatch.setattr(_dict_config, "find_dotenv", lambda: str(path))
    with patch.dict(os.environ):  # the SDK sets the variables
        for name in [name for name in os.environ if name.startswith("TAP_INTERCOM_ACCESS_")]:
            del os.environ[name]
        yield path


def write_dotenv(path: Path, **settings: str) -> None:
    settings = {"access_token": TOKEN, **settings}
    lines = [f"TAP_INTERCOM_ACCESS_{name.upper()}={value}\n" for name, value in settings.items()]
    path.write_text("".join(lines), encoding="utf-8")


def test_empty_variables_in_a_dotenv_file_count_as_unset(dotenv: Path) -> None:
    write_dotenv(dotenv, base_url="https://api.eu.intercom.io", **dict.fromkeys(EMPTY, ""))

    config = TapIntercomAccess(parse_env_config=True).config

    assert config["base_url"] == "https://api.eu.intercom.io"
    assert {*EMPTY} & {*config} == set()


def test_variables_in_a_dotenv_file_are_checked_like_others(dotenv: Path) -> None:
    write_dotenv(dotenv, emit_activate_version_messages="enabled", activity_types="a, b")
    with pytest.raises(InputError, match=r"must be true or false \(got 'enabled'\)"):
        TapIntercomAccess(parse_env_config=True)

    write_dotenv(dotenv, emit_activate_version_messages="yes", activity_types="a, b")
    config = TapIntercomAccess(parse_env_config=True).config
    assert config["emit_activate_version_messages"] is True
    assert config["activity_types"] == ["a", "b"]


def test_an_unknown_option_is_refused() -> None:
    assert "--nonsense" in run_tap("--nonsense").error


def test_an_unknown_setting_in_a_file_is_named(sandbox: Sandbox) -> None:
    (warning,) = run_tap(config=config_for(sandbox, baseurl="x")).warnings

    assert "baseurl" in warning


def test_a_misspelled_variable_is_named_with_the_setting(sandbox: Sandbox) -> None:
    run = sync(sandbox, workspaceid="sandbox", stream_map="{}")

    prefix = "Ignoring TAP_INTERCOM_ACCESS_"
    assert sorted(run.warnings) == [
        f"{prefix}STREAM_MAP. Did you mean the setting stream_maps?",
        f"{prefix}WORKSPACEID. Did you mean the setting workspace_id?",
    ]


@pytest.mark.parametrize(
    "name", ["stream_maps_admins_email", "stream_map_config_salt", "faker_config_seed"]
)
def test_a_flattened_variable_of_meltano_is_not_reported(name: str, sandbox: Sandbox) -> None:
    assert sync(sandbox, **{name: "sha256(email)"}).warnings == []


UNREAD = {
    "TAP_INTERCOM_ACCESS_ACTIVITY_TYPES": '["role_change"]',
    "TAP_INTERCOM_ACCESS_FLATTENING_ENABLED": "true",
    "TAP_INTERCOM_ACCESS_REQUEST_TIMEOUT": "abc",
}
OF_OTHERS = {
    "TAP_INTERCOM_ACCESS_LOGLEVEL": "INFO",
    "TAP_INTERCOM_ACCESS_START_DATE": " ",
    "TAP_INTERCOM_ACCESS_WORKSPACE_ID": "sandbox",
    "TAP_INTERCOM_ACCESS__SELECT": '["*.*"]',
    "TAP_INTERCOM_ACCESS__LOAD_SCHEMA": "intercom",
    "TAP_INTERCOM_ACCESS_US_ACCESS_TOKEN": "secret-of-us",
    "TAP_INTERCOM_ACCESS_US__SELECT": "[]",
    "TAP_INTERCOM_ACCESSORIES_ACCESS_TOKEN": "secret-of-another-tap",
}
"""Variables that aren't settings of this job, or that its file contains, too."""


def test_variables_that_are_ignored_because_of_a_file_are_named(sandbox: Sandbox) -> None:
    config = config_for(sandbox, workspace_id="sandbox")

    run = run_tap(config=config, **UNREAD, **OF_OTHERS)

    assert run.error == ""
    (warning,) = run.warnings
    assert f" {', '.join(UNREAD)}. " in warning
    assert {value for value in ("role_change", "abc", "secret") if value in run.stderr} == set()


def test_variables_that_are_read_or_not_needed_cause_no_warning(sandbox: Sandbox) -> None:
    variables = OF_OTHERS | sandbox.settings
    beside = run_tap("--config=ENV", config={"access_token": sandbox.token}, **variables)
    discovery = run_tap("--discover", **UNREAD, **OF_OTHERS)

    assert beside.error == discovery.error == ""
    assert beside.warnings == discovery.warnings == []


@pytest.mark.parametrize("config", [{}, None])
def test_a_token_in_an_ignored_variable_is_named(
    config: dict[str, Any] | None, sandbox: Sandbox
) -> None:
    run = run_tap(config=config, **sandbox.settings)

    assert "access_token is missing" in run.error
    names = "TAP_INTERCOM_ACCESS_ACCESS_TOKEN, TAP_INTERCOM_ACCESS_BASE_URL"
    assert names in run.warnings[0]


def test_the_log_is_ascii_whatever_names_it_contains(sandbox: Sandbox) -> None:
    sandbox.workspace.name = "Café 漢字"
    catalog = catalog_of("admins")
    catalog["streams"].append({"tap_stream_id": "équipes", "schema": {"properties": {}}})

    run = sync(sandbox, catalog=catalog, workspace_id="other")
    sandbox.fail("/admins", faults.refuse(418, "teapot", "é" * 300))
    refusal = sync(sandbox, catalog=catalog)

    assert "(Caf\\xe9 \\u6f22\\u5b57)" in run.error
    assert "\\xe9quipes" in run.stderr
    assert "\\xe9..." in refusal.error
    assert (run.stderr + refusal.stderr).isascii()
