"""Normalization and validation of settings, as functions. See test_config.py for the command."""

import copy
import math
import re
from typing import Any

import pytest

from tap_intercom_access.settings import SETTINGS, normalize, problems_of
from tap_intercom_access.tap import TapIntercomAccess

SCHEMA = copy.deepcopy(SETTINGS)
TapIntercomAccess.append_builtin_config(SCHEMA)
DEFAULTS = {n: s["default"] for n, s in SCHEMA["properties"].items() if "default" in s}


def problems(**settings: Any) -> list[str]:
    return problems_of(normalize({"access_token": "token"} | settings, SCHEMA), SCHEMA)


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
    "access_token contains whitespace or another character": [
        "Bearer token",
        "token\r\nX-Header: 1",
        "ä",
        "token\x7f",
    ],
    "access_token must be a string": [["token"], 12345678901234567890],
    "access_token is missing. Set TAP_INTERCOM_ACCESS_ACCESS_TOKEN": [" "],
    "base_url must be https, so that the token is encrypted": [
        "http://10.0.0.1",
        "http://128.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
    ],
    "base_url must be an https URL": ["api.intercom.io", "ftp://a.example", "https:///admins"],
    "base_url must not contain a user name": ["https://u:word@a.example", "https://@a.example"],
    "base_url must not contain a query": ["https://a.example/?", "https://a.example#"],
    "base_url is not a valid URL": ["https://a.example:99999", "https://a.example:x", "https://["],
    "base_url contains whitespace, a backslash, or": [
        "https://ünïcode.example",
        "https://a.example/{access_token}",
        "https://evil\\@a.example/",
        "https://api.intercom.io\n.example.com",
    ],
    "base_url must be a string (got 5)": [5],
    "api_version … is not a valid Intercom API version. Use, for": ["2", "2.x", "2.16\r\nX: 1"],
    "api_version must be a string": [2.16],
    "request_timeout must be greater than 0 (got": [0, -1, "0"],
    "request_timeout must be at most 3600 (got": [3600.1, 1e9],
    "request_timeout must be a number (got": ["soon", "nan", "inf", True, [60]],
    "max_removed_percent must be at least 0 (got": [-1, -0.1],
    "max_removed_percent must be at most 100 (got": [100.1],
    "max_removed_percent must be a number (got": ["half", "nan", math.nan, "inf", True, [20]],
    "workspace_id … is not a valid ID. Copy the part after /apps/": ["a/b", "a b", "x\n2"],
    "workspace_id must be a string (got": [7, ["x1"]],
    "start_date … is not a valid date. Use 2026-01-01": ["yesterday", "01/02/2026", "2026-13-01"],
    "start_date must be a string (got": [5],
    "activity_types.0 must be a string (got": [[1], [None], "[1]"],
    "activity_types must be a list of strings (got": [{"a": 1}, '{"a": 1}', "5"],
    "emit_activate_version_messages must be true or false (got": ["enabled", "ja", 1],
    "stream_maps must be a JSON object (got": ["{", "[]", [1]],
    "flattening_max_depth must be a whole number (got": ["deep", 1.5],
    "metadata_as_text was removed. Use the stream map": [True, "true"],
}
"""Invalid values of a setting by the beginning of the error message."""


@pytest.mark.parametrize(("name", "value"), [(name, v) for name in VALID for v in VALID[name]])
def test_a_valid_value_is_accepted(name: str, value: object) -> None:
    assert problems(**{name: value}) == []


@pytest.mark.parametrize(
    ("words", "value"), [(words, value) for words in INVALID for value in INVALID[words]]
)
def test_an_invalid_value_causes_one_message_with_advice(words: str, value: object) -> None:
    name = re.split(r"\W", words)[0]
    start, _, rest = words.partition("…")

    (problem,) = problems(**{name: value})

    assert problem.startswith(start)
    assert rest in problem


def test_settings_are_stripped_converted_and_filled_with_defaults() -> None:
    config = {
        "access_token": " token\n",
        "base_url": "https://api.intercom.io//",
        "request_timeout": "2.5",
        "max_removed_percent": " 10 ",
        "workspace_id": "  ",
        "api_version": None,
    }

    assert normalize(config, SCHEMA) == DEFAULTS | {
        "access_token": "token",
        "base_url": "https://api.intercom.io",
        "request_timeout": 2.5,
        "max_removed_percent": 10.0,
    }


@pytest.mark.parametrize("name", SCHEMA["properties"])
@pytest.mark.parametrize("value", ["", " ", "\t\n", None])
def test_an_empty_setting_is_unset(name: str, value: object) -> None:
    assert normalize({name: value}, SCHEMA) == DEFAULTS


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
    assert normalize({"activity_types": value}, SCHEMA).get("activity_types") == types
