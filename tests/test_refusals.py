"""Refused requests: the message says why, where, and what to do."""

import pytest

from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.server import Sandbox
from tests import faults
from tests.responses import HTML
from tests.tap import failed, sync

REGIONS = ("https://api.intercom.io", "https://api.eu.intercom.io", "https://api.au.intercom.io")


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (401, "unauthorized", ["copy it again", "Read admins", *REGIONS]),
        (401, "token_revoked", ["copy it again", "Read admins", *REGIONS]),
        (403, "token_revoked", ["copy it again", *REGIONS]),
        (403, "token_expired", ["copy it again", *REGIONS]),
        (403, "token_not_found", ["copy it again", *REGIONS]),
        (403, "forbidden", ["Give the app the permission 'Read admins'"]),
        (403, "api_plan_restricted", ["plan"]),
        (404, "not_found", ["base_url isn't Intercom's API", *REGIONS]),
        (400, "parameter_invalid", ["Check base_url and api_version."]),
        (402, "payment_required", ["Check base_url and api_version."]),
        (418, "teapot", ["Check base_url and api_version."]),
        (401, "token_blocked", ["Intercom has blocked", "Contact Intercom support"]),
        (403, "token_blocked", ["Intercom has blocked", "Contact Intercom support"]),
    ],
)
def test_a_refusal_is_not_retried_and_says_what_to_do(
    status: int, code: str, advice: list[str], paged: Sandbox
) -> None:
    error = failed(paged, faults.refuse(status, code, "Something is not right"), nth=2)

    assert error.startswith(f"admins: GET {paged.base_url}/admins answered HTTP {status}, {code}: ")
    assert "Something is not right" in error
    assert "request ID " in error
    assert [words for words in advice if words not in error] == []
    assert len(paged.journal.requests) == 2


def test_a_refusal_of_the_teams_names_the_stream_that_asked(sandbox: Sandbox) -> None:
    sandbox.fail("/teams", faults.refuse(403, "forbidden"))

    assert sync(sandbox).error.startswith(f"team_memberships: GET {sandbox.base_url}/teams ")


@pytest.mark.slow
@pytest.mark.parametrize("body", [b"", HTML, b"[]", b'{"errors": 5}', b'{"errors": ["x", {}]}'])
def test_a_refusal_in_any_form_is_one_sentence(body: bytes, paged: Sandbox) -> None:
    assert "answered HTTP 401" in failed(paged, faults.status(401, body))


def test_the_request_id_may_come_as_a_header(paged: Sandbox) -> None:
    fault = faults.status(403, b"{}", {"X-Request-Id": "abc-123"})

    assert "request ID abc-123" in failed(paged, fault)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_and_the_token_stays_here(status: int, paged: Sandbox) -> None:
    with Sandbox(demo()) as elsewhere:
        fault = faults.status(status, b"", {"Location": f"{elsewhere.base_url}/admins"})
        error = failed(paged, fault, nth=2)

    assert f"redirects to {elsewhere.base_url}/admins" in error
    assert elsewhere.journal.requests == []


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    "message",
    [
        "Your IP address is not on the allowlist for API access",
        "Your IP (203.0.113.9) is not in the allow list",
        "IP not whitelisted",
    ],
)
def test_an_address_missing_from_the_allowlist_is_not_about_permissions(
    message: str, status: int, paged: Sandbox
) -> None:
    error = failed(paged, faults.refuse(status, "forbidden", message))

    assert message in error
    assert "REST API allowlist" in error
    assert "Read admins" not in error


@pytest.mark.parametrize("body", [HTML, b"", b"[]", b"{}", b"denied"])
def test_a_403_that_is_not_an_error_list_does_not_come_from_intercom(
    body: bytes, paged: Sandbox
) -> None:
    error = failed(paged, faults.status(403, body))

    assert "This error doesn't come from Intercom. A proxy, firewall, or gateway" in error
    assert "Read admins" not in error


@pytest.mark.parametrize("status", [300, 301, 304, 305])
def test_a_redirect_that_points_nowhere_is_another_status(status: int, paged: Sandbox) -> None:
    error = failed(paged, faults.status(status))

    assert f"answered HTTP {status}. The tap accepts only HTTP 200" in error
    assert "redirects" not in error
