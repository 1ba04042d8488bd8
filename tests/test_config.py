from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests import faults
from tests.tap import catalog_of, run_tap, sync

if TYPE_CHECKING:
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Sandbox
    from tests.tap import Result

pytestmark = pytest.mark.slow

TOKEN = "dG9rOnNlY3JldC1wYXJ0LW9mLXRoZS10b2tlbg=="  # noqa: S105 (opens nothing)
FINE = {"access_token": TOKEN}


def refused(tmp_path: Path, config: object) -> str:
    path = tmp_path / "config.json"
    path.write_text(config if isinstance(config, str) else json.dumps(config), encoding="utf-8")
    run = run_tap("--config", path, TAP_INTERCOM_ACCESS_LOGLEVEL="INFO")
    assert run.stdout == ""
    return run.error


def test_discover_and_about_need_no_configuration_and_no_network() -> None:
    catalog = json.loads(run_tap("--discover").stdout)
    about = run_tap("--about")

    assert len(catalog["streams"]) >= 3
    assert about.code == 0
    assert "access_token" in about.stdout
    assert "failed" not in run_tap("--discover").stderr


@pytest.mark.parametrize("token", ["{}", "  {}  ", "\n{}\n", "\t{}\r\n"])
def test_white_space_around_the_token_is_ignored(token: str, sandbox: Sandbox) -> None:
    variable = token.format(sandbox.token)

    assert sync(sandbox, access_token=variable).code == 0


def test_a_configuration_file_works_like_the_environment(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"access_token": sandbox.token, "base_url": sandbox.base_url}))

    assert run_tap("--config", path).code == 0


def test_empty_variables_count_as_left_out(sandbox: Sandbox) -> None:
    run = sync(sandbox, api_version="", request_timeout=" ")

    assert run.code == 0, run.stderr
    assert {headers["Intercom-Version"] for headers in sandbox.journal.headers} == {"2.16"}


def test_an_empty_base_url_means_the_us(tmp_path: Path) -> None:
    error = refused(tmp_path, {"access_token": "", "base_url": " "})

    assert "access_token is missing" in error
    assert "base_url" not in error


@pytest.mark.parametrize("suffix", ["/", "//", ""])
def test_a_trailing_slash_of_the_base_url_is_fine(suffix: str, sandbox: Sandbox) -> None:
    run = sync(sandbox, base_url=f"{sandbox.base_url}{suffix}")

    assert run.code == 0
    assert sandbox.journal.requests == ["GET /admins", "GET /teams"]


def test_localhost_is_loopback(sandbox: Sandbox) -> None:
    url = sandbox.base_url.replace("127.0.0.1", "localhost")

    assert sync(sandbox, base_url=url).code == 0


def test_a_number_from_the_environment_is_a_number(sandbox: Sandbox) -> None:
    assert sync(sandbox, request_timeout="2.5").code == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://api.intercom.io",
        "https://user:word@api.intercom.io",
        "https://evil\\@api.intercom.io/",
        "https://api.intercom.io\n.example.com",
        5,
        ["https://api.intercom.io"],
    ],
)
def test_a_wrong_base_url_is_refused(url: object, tmp_path: Path) -> None:
    error = refused(tmp_path, FINE | {"base_url": url})

    assert error.startswith("The configuration cannot be used: base_url")
    assert "; " not in error


@pytest.mark.parametrize(
    "token",
    [
        f"Bearer {TOKEN}",
        f"{TOKEN[:9]}\n{TOKEN[9:]}",
        f"{TOKEN[:9]}\r\nX-Header: 1",
        f"{TOKEN}é",
        f"{TOKEN}…",
        f"{TOKEN}\x00",
        f"{TOKEN}\x7f",
        [TOKEN],
        {"token": TOKEN},
        12345678901234567890,
        True,
    ],
)
def test_a_wrong_token_is_refused_and_not_printed(token: object, tmp_path: Path) -> None:
    error = refused(tmp_path, {"access_token": token})

    assert error.startswith("The configuration cannot be used: access_token ")
    assert TOKEN[:6] not in error
    assert "123456" not in error


@pytest.mark.parametrize("token", ["", "  ", "\n", None])
def test_an_empty_token_is_a_missing_token(token: str | None, tmp_path: Path) -> None:
    assert "access_token is missing" in refused(tmp_path, {"access_token": token})


@pytest.mark.parametrize("timeout", [0, "soon"])
def test_a_timeout_that_is_not_positive_is_refused(timeout: object, tmp_path: Path) -> None:
    error = refused(tmp_path, FINE | {"request_timeout": timeout})

    assert error.startswith("The configuration cannot be used: request_timeout: ")


@pytest.mark.parametrize("version", ["2.16\r\nX: 1", 2.16])
def test_a_version_that_is_none_is_refused(version: object, tmp_path: Path) -> None:
    error = refused(tmp_path, FINE | {"api_version": version})

    assert error.startswith("The configuration cannot be used: api_version")


def test_all_faults_are_listed_at_once(tmp_path: Path) -> None:
    config = {"base_url": "http://example.com", "request_timeout": -1, "flattening_enabled": "x"}

    error = refused(tmp_path, config)

    assert all(name in error for name in ("access_token", "flattening_enabled", *config))


@pytest.mark.parametrize("config", ["", "{", "[]", "5", "null", '"text"', "{'a': 1}"])
def test_a_configuration_that_is_no_json_object_is_refused(config: str, tmp_path: Path) -> None:
    error = refused(tmp_path, config)

    assert error.startswith(f"The configuration file {tmp_path / 'config.json'} is ")


def test_a_configuration_file_that_is_missing_or_not_text_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary.json"
    binary.write_bytes(b'{"access_token": "\xff\xfe"}')

    assert "nowhere.json" in run_tap("--config", tmp_path / "nowhere.json").error
    assert str(binary) in run_tap("--config", binary).error
    assert str(tmp_path) in run_tap("--config", tmp_path).error


def test_a_variable_that_cannot_be_parsed_is_refused(sandbox: Sandbox) -> None:
    assert "FLATTENING_MAX_DEPTH" in sync(sandbox, flattening_max_depth="deep").error
    assert "STREAM_MAPS" in sync(sandbox, stream_maps="{").error
    assert sandbox.journal.requests == []


def test_an_unknown_setting_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    config = {"access_token": sandbox.token, "base_url": sandbox.base_url, "baseurl": "x"}
    path.write_text(json.dumps(config))

    run = run_tap("--config", path)

    assert run.code == 0
    assert "WARNING" in run.stderr
    assert "baseurl" in run.stderr


def test_an_unknown_option_is_refused() -> None:
    assert "--nonsense" in run_tap("--nonsense").error


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


def warnings_of(run: Result) -> list[str]:
    return [line for line in run.stderr.splitlines() if "| WARNING" in line]


@pytest.mark.parametrize("value", ["nope", "true ", "ja"])
def test_a_variable_that_is_neither_true_nor_false_is_refused(
    value: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    evidence = {
        "TAP_INTERCOM_ACCESS_EVIDENCE_PATH": str(tmp_path / "evidence"),
        "TAP_INTERCOM_ACCESS_EVIDENCE_BODIES": value,
    }

    run = sync(sandbox, **evidence)

    assert run.code == 1
    assert f"evidence_bodies is {value!r}: set it to true or false" in run.error
    assert not (tmp_path / "evidence").exists()


def test_variables_that_a_configuration_file_keeps_from_being_read_are_named(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    config = {"access_token": sandbox.token, "base_url": sandbox.base_url}
    config["workspace_id"] = "sandbox"
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))

    run = run_tap("--config", path, **UNREAD, **OF_OTHERS)

    assert run.code == 0, run.stderr
    (warning,) = warnings_of(run)
    assert f"does not hold their settings: {', '.join(UNREAD)}. " in warning
    for value in ("role_change", "abc", "secret"):
        assert value not in run.stderr


def test_variables_that_are_read_beside_a_file_are_not_warned_of(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"access_token": sandbox.token}))
    variables = OF_OTHERS | {"TAP_INTERCOM_ACCESS_BASE_URL": sandbox.base_url}

    beside = run_tap("--config", path, "--config=ENV", **variables)
    discovery = run_tap("--discover", **UNREAD, **OF_OTHERS)

    assert beside.code == discovery.code == 0
    assert warnings_of(beside) == warnings_of(discovery) == []


def test_variables_that_no_setting_has_the_name_of_are_named(sandbox: Sandbox) -> None:
    run = sync(
        sandbox,
        workspaceid="sandbox",
        faker_config_seed="1",
    )

    (warning,) = warnings_of(run)
    assert warning.endswith(
        "ignored: TAP_INTERCOM_ACCESS_FAKER_CONFIG_SEED, TAP_INTERCOM_ACCESS_WORKSPACEID"
    )


def test_a_token_in_a_variable_beside_a_file_is_not_called_missing_without_a_word(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "config.json"
    path.write_text("{}")

    for arguments in (("--config", path), ()):
        run = run_tap(*arguments, **sandbox.settings)

        assert "access_token is missing" in run.error
        assert (
            "TAP_INTERCOM_ACCESS_ACCESS_TOKEN, TAP_INTERCOM_ACCESS_BASE_URL. "
            in warnings_of(run)[0]
        )


def test_the_log_is_ascii_whatever_names_it_holds(sandbox: Sandbox) -> None:
    sandbox.workspace.name = "Café 漢字"
    catalog = catalog_of("admins")
    catalog["streams"].append({"tap_stream_id": "équipes", "schema": {"properties": {}}})

    run = sync(sandbox, catalog=catalog, workspace_id="other")
    sandbox.fail("/admins", faults.status(418, "é" * 300))
    refusal = sync(sandbox, catalog=catalog)

    assert "(Caf\\xe9 \\u6f22\\u5b57)" in run.error
    assert "\\xe9quipes" in run.stderr
    assert "\\xe9..." in refusal.error
    for text in (run.stderr, refusal.stderr):
        assert text.isascii(), text
