"""Rules for each setting, tested as functions; test_config.py goes through the command."""

import copy
import math
from typing import Any

import pytest

from tap_intercom_access.settings import SETTINGS, normalise, problems_of
from tap_intercom_access.tap import TapIntercomAccess

SCHEMA = copy.deepcopy(SETTINGS)
TapIntercomAccess.append_builtin_config(SCHEMA)
DEFAULTS = {n: s["default"] for n, s in SCHEMA["properties"].items() if "default" in s}


def problems(**settings: Any) -> list[str]:
    return problems_of(normalise({"access_token": "token"} | settings, SCHEMA), SCHEMA)


VALID: dict[str, list[object]] = {
    "base_url": [
        "https://api.eu.intercom.io",
        "https://gateway.example:8443/intercom",
        "http://localhost:1",
        "http://127.0.0.1:1",
        "http://127.9.9.9",
        "http://[::1]:8080",
        "",
    ],
    "api_version": ["2.16", "12.0", "Preview"],
    "request_timeout": [1, 0.01, 3600, "30"],
    "max_removed_percent": [0, 100, "12.5"],
    "workspace_id": ["a1-B_2", None],
    "start_date": ["2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00+02:00"],
    "activity_types": [[], ["admin_deletion"], "admin_deletion, bulk_export", "[]"],
    "emit_activate_version_messages": [True, "TRUE", "no", "0"],
    "stream_maps": [{}, '{"admins": {}}'],
    "flattening_max_depth": [1, "2"],
    "metadata_as_text": [False],
}
INVALID: dict[str, list[object]] = {
    "access_token": [
        "a b",
        "Bearer token",
        "token\r\nX-Header: 1",
        "ä",
        "token\x00",
        "token\x7f",
        ["token"],
        12345678901234567890,
    ],
    "base_url": [
        "http://10.0.0.1",
        "http://128.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "api.intercom.io",
        "https:///admins",
        "https://user:word@api.intercom.io",
        "https://@api.intercom.io",
        "https://api.intercom.io/?",
        "https://api.intercom.io#",
        "https://api.intercom.io:99999",
        "https://[",
        "https://ünïcode.example.com",
        "https://api.intercom.io/{access_token}",
        "https://evil\\@api.intercom.io/",
        "https://api.intercom.io/a b",
        "https://api.intercom.io\n.example.com",
        ["https://api.intercom.io"],
    ],
    "api_version": ["2", "2.x", "two", "preview", "2.16\r\nX: 1", 2.16],
    "request_timeout": [0, -1, "0", 3600.1, 1e9, "soon", "nan", "inf", True, [60]],
    "max_removed_percent": [-1, -0.1, 100.1, "half", "nan", math.nan, "inf", True, [20]],
    "workspace_id": ["a/b", "https://app.intercom.com/a/apps/x1/home", "a b", "x1\n2", 7, ["x1"]],
    "start_date": ["yesterday", "2026-13-01", 5],
    "activity_types": [[1], [None], {"a": 1}, '{"a": 1}', "5", "[1]"],
    "emit_activate_version_messages": ["enabled", "ja", 1],
    "stream_maps": ["{", "[]", [1]],
    "flattening_max_depth": ["deep", 1.5],
    "metadata_as_text": [True, "true"],
}


@pytest.mark.parametrize(("name", "value"), [(name, v) for name in VALID for v in VALID[name]])
def test_a_valid_value_is_accepted(name: str, value: object) -> None:
    assert problems(**{name: value}) == []


@pytest.mark.parametrize(("name", "value"), [(name, v) for name in INVALID for v in INVALID[name]])
def test_an_invalid_value_is_one_problem_that_names_its_setting(name: str, value: object) -> None:
    (problem,) = problems(**{name: value})

    assert problem.startswith(name)
    assert "is not of type" not in problem
    assert "is less than" not in problem
    assert "is greater than" not in problem


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("access_token", "a b", "access_token contains whitespace"),
        ("access_token", ["x"], "access_token must be a string"),
        ("access_token", " ", "Set TAP_INTERCOM_ACCESS_ACCESS_TOKEN"),
        ("base_url", "http://api.intercom.io", "encrypted"),
        ("base_url", "ftp://api.intercom.io", "must be an https URL"),
        ("base_url", "https://u@api.intercom.io", "user name or password"),
        ("base_url", "https://api.intercom.io?a=1", "query"),
        ("base_url", "https://api.intercom.io:x", "is not a valid URL"),
        ("base_url", "https://a\\b", "backslash"),
        ("base_url", 5, "base_url must be a string (got 5)"),
        ("api_version", "v2", "api_version 'v2' is not a valid Intercom API version. Use, for"),
        ("request_timeout", 0, "request_timeout must be greater than 0 (got 0)"),
        ("request_timeout", 3600.1, "request_timeout must be at most 3600 (got 3600.1)"),
        ("request_timeout", "abc", "request_timeout must be a number (got 'abc')"),
        ("max_removed_percent", -1, "max_removed_percent must be at least 0 (got -1)"),
        ("max_removed_percent", math.nan, "max_removed_percent must be a number (got nan)"),
        ("workspace_id", "a/b", "workspace_id 'a/b' is not a valid ID. Copy the part after /apps/"),
        ("start_date", "01/02/2026", "start_date '01/02/2026' is not a valid date. Use 2026-01-01"),
        ("emit_activate_version_messages", "ja", "must be true or false (got 'ja')"),
        ("stream_maps", "{", "stream_maps must be a JSON object (got '{')"),
        ("flattening_max_depth", "deep", "flattening_max_depth must be a whole number (got 'deep'"),
        ("metadata_as_text", True, "{metadata: json.dumps(metadata) if metadata else None}"),
    ],
)
def test_a_problem_shows_the_value_and_says_what_to_do(
    name: str, value: object, words: str
) -> None:
    (problem,) = problems(**{name: value})

    assert words in problem


def test_settings_are_stripped_converted_and_filled_with_defaults() -> None:
    config = {
        "access_token": " token\n",
        "base_url": "https://api.intercom.io//",
        "request_timeout": "2.5",
        "max_removed_percent": " 10 ",
        "workspace_id": "  ",
        "api_version": None,
    }

    assert normalise(config, SCHEMA) == DEFAULTS | {
        "access_token": "token",
        "base_url": "https://api.intercom.io",
        "request_timeout": 2.5,
        "max_removed_percent": 10.0,
    }


@pytest.mark.parametrize("name", SCHEMA["properties"])
@pytest.mark.parametrize("value", ["", " ", "\t\n", None])
def test_an_empty_setting_is_unset(name: str, value: object) -> None:
    assert normalise({name: value}, SCHEMA) == DEFAULTS


@pytest.mark.parametrize(
    ("value", "types"),
    [
        ("a, b", ["a", "b"]),
        (" a ,\nb,", ["a", "b"]),
        ('["a", " b "]', ["a", "b"]),
        (["a", " b ", ""], ["a", "b"]),
        ("[]", []),
        ([], []),
        ([""], None),
        ('[""]', None),
        (",", None),
    ],
)
def test_a_list_may_be_separated_by_commas(value: object, types: list[str] | None) -> None:
    assert normalise({"activity_types": value}, SCHEMA).get("activity_types") == types
