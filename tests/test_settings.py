"""Settings in their final form, and their faults: a table, without running the tap."""

from __future__ import annotations

from typing import Any

import pytest

from tap_intercom_access.settings import SETTINGS, normalise
from tap_intercom_access.settings import faults as faults_of

GOOD = {"access_token": "token"}


def faults(**settings: Any) -> list[str]:  # noqa: ANN401 (as users set them)
    return faults_of(normalise(GOOD | settings), SETTINGS)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"base_url": "https://api.eu.intercom.io"},
        {"base_url": "https://gateway.example:8443/intercom"},
        {"base_url": "http://localhost:1"},
        {"base_url": "http://127.0.0.1:1"},
        {"base_url": "http://127.9.9.9"},
        {"base_url": "http://[::1]:8080"},
        {"base_url": ""},
        {"api_version": "2.16"},
        {"api_version": "12.0"},
        {"api_version": "Preview"},
        {"request_timeout": 1},
        {"request_timeout": 0.01},
        {"request_timeout": 3600},
        {"request_timeout": "30"},
        {"max_removed_percent": 0},
        {"max_removed_percent": 100},
        {"max_removed_percent": "12.5"},
        {"workspace_id": "a1-B_2"},
        {"workspace_id": None},
        {"start_date": "2026-01-01"},
        {"start_date": "2026-01-01T00:00:00Z"},
        {"start_date": "2026-01-01T00:00:00+02:00"},
        {"activity_types": []},
        {"activity_types": ["admin_deletion"]},
        {"emit_activate_version_messages": True},
    ],
)
def test_what_can_be_set(settings: dict[str, Any]) -> None:
    assert faults(**settings) == []


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        (
            "base_url",
            "http://api.intercom.io",
            "must be https, so that the token travels encrypted",
        ),
        ("base_url", "http://128.0.0.1", "must be https, so that"),
        ("base_url", "http://zebra.example", "must be https, so that"),
        ("base_url", "ftp://api.intercom.io", "must be an https URL"),
        ("base_url", "https://", "must be an https URL"),
        ("base_url", "api.intercom.io", "must be an https URL"),
        ("base_url", "https://u@api.intercom.io", "must not hold a user name or password"),
        ("base_url", "https://api.intercom.io?a=1", "must not hold a query or a fragment"),
        ("base_url", "https://api.intercom.io#a", "must not hold a query or a fragment"),
        ("base_url", "https://api.intercom.io:x", "is not a URL"),
        ("base_url", "https://[", "is not a URL"),
        ("base_url", "https://api.intercom.io/a b", "holds white space, a backslash"),
        ("base_url", "https://a\\b", "holds white space, a backslash"),
        ("access_token", "a b", "holds white space, a line break"),
        ("access_token", "ä", "holds white space, a line break"),
        ("access_token", ["x"], "must be a text in quotes"),
        ("api_version", "2", "is not a version of Intercom's API"),
        ("api_version", "2.x", "is not a version of Intercom's API"),
        ("api_version", "preview", "is not a version of Intercom's API"),
        ("request_timeout", 0, "0 is less than or equal to"),
        ("request_timeout", 3600.1, "3600.1 is greater than"),
        ("request_timeout", "soon", "'soon' is not of type"),
        ("request_timeout", "nan", "nan is not a number"),
        ("max_removed_percent", -0.1, "-0.1 is less than"),
        ("max_removed_percent", 100.1, "100.1 is greater than"),
        ("max_removed_percent", float("nan"), "nan is not a number"),
        ("workspace_id", "a/b", "is not the id of a workspace"),
        ("start_date", "yesterday", "is not a date"),
        ("activity_types", "x", "is not of type"),
        ("activity_types", [1], "is not of type"),
        ("activity_types", [None], "is not of type"),
    ],
)
def test_what_cannot_be_set(name: str, value: object, fault: str) -> None:
    (problem,) = faults(**{name: value})

    assert problem.startswith(name)
    assert fault in problem


def test_a_missing_token_is_named_with_where_to_get_it() -> None:
    (problem,) = faults_of({}, SETTINGS)

    assert problem.startswith("access_token is missing: set TAP_INTERCOM_ACCESS_ACCESS_TOKEN")


def test_the_final_form() -> None:
    config = {
        "access_token": " token\n",
        "base_url": "https://api.intercom.io//",
        "request_timeout": "2.5",
        "max_removed_percent": " 10 ",
        "workspace_id": "  ",
        "api_version": None,
    }

    final = normalise(config)

    assert faults_of(final, SETTINGS) == []
    assert final == {
        "access_token": "token",
        "base_url": "https://api.intercom.io",
        "request_timeout": 2.5,
        "max_removed_percent": 10.0,
        # what is left out has its default
        "api_version": "2.16",
        "emit_activate_version_messages": False,
        "metadata_as_text": False,
        "evidence_bodies": False,
    }


@pytest.mark.parametrize(
    "url",
    [
        "http://api.intercom.io",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "ftp://api.intercom.io",
        "api.intercom.io",
        "https://",
        "https:///admins",
        "https://user@api.intercom.io",
        "https://user:word@api.intercom.io",
        "https://@api.intercom.io",
        "https://api.intercom.io?x=1",
        "https://api.intercom.io/?",
        "https://api.intercom.io/#part",
        "https://api.intercom.io#",
        "https://evil\\@api.intercom.io/",
        "https://api.intercom.io/a b",
        "https://api.intercom.io\n.example.com",
        "https://api.intercom.io/{access_token}",
        "https://api.intercom.io:port",
        "https://api.intercom.io:99999",
        "https://[::1",
        "https://ünïcode.example.com",
        5,
        ["https://api.intercom.io"],
    ],
)
def test_a_wrong_base_url_is_one_fault(url: object) -> None:
    (fault,) = faults(base_url=url)

    assert fault.startswith("base_url")


@pytest.mark.parametrize("timeout", [0, -1, "0", "soon", True, 1e9, [60]])
def test_a_wrong_timeout_is_one_fault(timeout: object) -> None:
    (fault,) = faults(request_timeout=timeout)

    assert fault.startswith("request_timeout: ")


@pytest.mark.parametrize("version", ["two", "2.16\r\nX: 1", "2", 2.16])
def test_a_wrong_version_is_one_fault(version: object) -> None:
    (fault,) = faults(api_version=version)

    assert fault.startswith("api_version")
