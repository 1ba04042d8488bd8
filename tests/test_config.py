"""Settings through the command: from files and from variables, right and wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from tap_intercom_access.sandbox.server import Sandbox
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
    assert "flattening_max_depth" in sync(sandbox, flattening_max_depth="deep").error
    assert "stream_maps" in sync(sandbox, stream_maps="{").error
    assert sandbox.journal.requests == []


@pytest.mark.parametrize("value", ["nope", "ja", "2"])
def test_a_variable_that_is_neither_true_nor_false_is_refused(value: str, sandbox: Sandbox) -> None:
    error = sync(sandbox, emit_activate_version_messages=value).error

    assert "emit_activate_version_messages must be true or false" in error
    assert sandbox.journal.requests == []


def test_an_unknown_option_is_refused() -> None:
    assert "--nonsense" in run_tap("--nonsense").error


def test_an_unknown_setting_in_a_file_is_named(sandbox: Sandbox) -> None:
    (warning,) = run_tap(config=config_for(sandbox, baseurl="x")).warnings

    assert "baseurl" in warning


def test_a_misspelled_setting_in_a_variable_is_named(sandbox: Sandbox) -> None:
    (warning,) = sync(sandbox, workspaceid="sandbox", faker_config_seed="1").warnings

    assert warning.startswith("Ignoring TAP_INTERCOM_ACCESS_WORKSPACEID.")


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
