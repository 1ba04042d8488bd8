"""Settings of the command, in files and environment variables."""

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
from tap_intercom_access.tap import TapIntercomAccess
from tests.tap import STREAMS, TAP, catalog_of, run_command, run_tap, sync, write

EMPTY = ("activity_types", "stream_maps", "stream_map_config", "faker_config")
TOKEN = "dG9rOnNlY3JldC1wYXJ0LW9mLXRoZS10b2tlbg=="  # noqa: S105 (not a real token)


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


def test_variables_are_stripped_and_converted_and_ignored_if_empty(sandbox: Sandbox) -> None:
    empty = dict.fromkeys([*EMPTY, "flattening_max_depth", "flattening_enabled"], "")

    run = sync(
        sandbox,
        access_token=f"\t{sandbox.token}\r\n",
        base_url=f"{sandbox.base_url}//",
        api_version="",
        request_timeout="2.5",
        workspace_id=" ",
        **empty,
    )

    assert run.error == ""
    assert run.warnings == []
    assert sandbox.journal.requests == ["GET /admins", "GET /teams"]
    assert {headers["Intercom-Version"] for headers in sandbox.journal.headers} == {"2.16"}


def test_all_problems_are_listed_at_once() -> None:
    config = {"base_url": "http://example.com", "request_timeout": -1, "flattening_enabled": "x"}

    error = run_tap(config=config).error

    assert {name for name in ("access_token", *config) if name not in error} == set()


def test_a_variable_that_cannot_be_parsed_is_refused(sandbox: Sandbox) -> None:
    error = sync(sandbox, flattening_max_depth="deep", stream_maps="{").error

    assert "flattening_max_depth must be a whole number (got 'deep')" in error
    assert "stream_maps must be a JSON object (got '{')" in error
    assert sandbox.journal.requests == []


@pytest.fixture
def dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file .env that the SDK reads. The SDK looks for it in its own and higher folders."""
    path = tmp_path / ".env"
    monkeypatch.setattr(_dict_config, "find_dotenv", lambda: str(path))
    with patch.dict(os.environ):  # the SDK sets environment variables
        for name in [name for name in os.environ if name.startswith("TAP_INTERCOM_ACCESS_")]:
            del os.environ[name]
        yield path


def write_dotenv(path: Path, **settings: str) -> None:
    settings = {"access_token": TOKEN, **settings}
    lines = [f"TAP_INTERCOM_ACCESS_{name.upper()}={value}\n" for name, value in settings.items()]
    path.write_text("".join(lines), encoding="utf-8")


def test_variables_in_a_dotenv_file_are_parsed_like_others(dotenv: Path) -> None:
    write_dotenv(dotenv, emit_activate_version_messages="yes", **dict.fromkeys(EMPTY, ""))

    config = TapIntercomAccess(parse_env_config=True).config

    assert config["emit_activate_version_messages"] is True
    assert {*EMPTY} & {*config} == set()


def test_variables_in_a_dotenv_file_are_checked_like_others(dotenv: Path) -> None:
    write_dotenv(dotenv, emit_activate_version_messages="enabled")

    with pytest.raises(InputError, match=r"must be true or false \(got 'enabled'\)"):
        TapIntercomAccess(parse_env_config=True)


def test_an_unknown_option_is_refused() -> None:
    assert "--nonsense" in run_tap("--nonsense").error


def test_a_warning_names_unknown_settings(sandbox: Sandbox) -> None:
    (warning,) = run_tap(config=config_for(sandbox, baseurl="x")).warnings

    assert "baseurl" in warning


def test_a_warning_suggests_the_setting_for_a_misspelled_variable(sandbox: Sandbox) -> None:
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
"""Variables that aren't settings of this sync, or that are also in its file."""


def test_a_warning_names_variables_that_are_ignored_because_of_a_file(sandbox: Sandbox) -> None:
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
def test_a_warning_names_an_ignored_variable_with_a_token(
    config: dict[str, Any] | None, sandbox: Sandbox
) -> None:
    run = run_tap(config=config, **sandbox.settings)

    assert "access_token is missing" in run.error
    names = "TAP_INTERCOM_ACCESS_ACCESS_TOKEN, TAP_INTERCOM_ACCESS_BASE_URL"
    assert names in run.warnings[0]


def test_the_log_is_ascii_even_if_names_are_not(sandbox: Sandbox) -> None:
    sandbox.workspace.name = "Café 漢字"
    catalog = catalog_of("admins")
    catalog["streams"].append({"tap_stream_id": "équipes", "schema": {"properties": {}}})

    run = sync(sandbox, catalog=catalog, workspace_id="other")

    assert "(Caf\\xe9 \\u6f22\\u5b57)" in run.error
    assert "\\xe9quipes" in run.stderr
    assert run.stderr.isascii()


@pytest.mark.parametrize("variable", ["TAP_INTERCOM_ACCESS_LOGLEVEL", "LOGLEVEL"])
@pytest.mark.parametrize("value", ["loud", "Level 10"])
def test_the_error_names_an_unknown_log_level(variable: str, value: str) -> None:
    error = run_tap("--about", **{variable: value}).error

    assert error.startswith("Can't set up logging (")
    assert value.upper() in error
    assert "Correct TAP_INTERCOM_ACCESS_LOGLEVEL (DEBUG, INFO, WARNING, ERROR)" in error


@pytest.mark.parametrize(
    "text", ["x", "version: 7", "version: 1\nhandlers: {a: {class: nowhere.A}}", "{"]
)
def test_an_unusable_log_configuration_is_one_error(text: str, tmp_path: Path) -> None:
    path = write(tmp_path / "logging.yml", text)

    error = run_tap("--about", SINGER_SDK_LOG_CONFIG=path).error

    assert error.startswith("Can't set up logging (")
    assert "SINGER_SDK_LOG_CONFIG" in error


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--about", "--format=json"], ["--discover"]])
def test_the_locale_does_not_matter(options: list[str]) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    run = run_command(TAP, *options, **ascii_only)

    assert run.error == ""
    assert json.loads(run.stdout)
