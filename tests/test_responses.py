"""Responses other than the complete, current list that was requested, and their messages."""

import time
from email.utils import formatdate
from typing import Any

import pytest

from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.tap import TapIntercomAccess
from tests import faults
from tests.responses import HTML, SEARCH
from tests.tap import ACTIVATE, STREAMS, Result, catalog_of, failed, sync_here

PATHS = {
    stream.name: stream.endpoint.path
    for stream in TapIntercomAccess(config={"access_token": "x"}).discover_streams()
}
"""Path of the endpoint of each stream."""
CUT_OFF = b'{"type": "admin.list", "admins": [{"id": "1", "name": "Secret Name"}'
NEWEST = {"api_version": "2.18"}


def sync_one(sandbox: Sandbox, stream: str, **settings: object) -> Result:
    """Sync one stream."""
    return sync_here(sandbox, catalog=catalog_of(stream), **(NEWEST | ACTIVATE | settings))


# Other content


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "description"),
    [
        (b"", "found 0 bytes of "),
        (HTML, " bytes of text/html; charset=utf-8."),
        (b")]}'\n" + b'{"admins": [{"name": "Secret Name"}]}', "JSON is malformed"),
        (CUT_OFF, "Input data was truncated"),
        (CUT_OFF.decode().encode("utf-16"), "JSON is malformed"),
        (b"\xef\xbb\xbf" + CUT_OFF, "JSON is malformed"),
        (b"null", "found 4 bytes of "),
        (b'["Secret Name"]', "found 15 bytes of "),
        (b"{}", "a JSON object with no keys"),
        (b'{"type": "admin.list", "data": ["Secret Name"]}', "a JSON object with type, data"),
        (b'{"admins": {"1": {"id": "1", "name": "Secret Name"}}}', "`$.admins`"),
        (b'{"admins": [], "total_count": "many"}', "`$.total_count`"),
    ],
)
def test_errors_never_quote_other_content(body: bytes, description: str, paged: Sandbox) -> None:
    error = failed(paged, faults.status(200, body), nth=2)

    assert f"GET {paged.base_url}/admins answered HTTP 200" in error
    assert "the response is not a list of admins" in error
    assert description in error
    assert "ecret" not in error.replace("?", "")
    assert len(paged.journal.requests) == 2


@pytest.mark.slow
@pytest.mark.parametrize("status", [400, 401, 403, 500])
@pytest.mark.parametrize(
    "body",
    [
        *(HTML, b"", b"[]", b"{}", b")]}'\n[]", b"Secret Name", b'["Secret Name"]'),
        *(b'{"errors": 5}', b'{"errors": ["x", {}]}'),
    ],
)
def test_errors_quote_only_error_lists(body: bytes, status: int, sandbox: Sandbox) -> None:
    sandbox.fail("/admins", faults.status(status, body), nth=1)

    result = sync_here(sandbox)

    assert f"answered HTTP {status}" in result.stderr
    assert "ecret" not in result.stderr
    assert "Welcome" not in result.stderr
    is_from_others = "This error doesn't come from Intercom. A proxy, firewall, or gateway"
    assert (is_from_others in result.stderr) == (status == 403)
    assert status != 403 or "Read admins" not in result.stderr


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"errors": [{"code": "x", "message": "No"}], "request_id": "7"}, "x: No, request ID 7"),
        ({"errors": [{"code": "x"}], "admins": [{"id": "1"}]}, "x"),
    ],
)
def test_an_error_list_is_refused(body: dict[str, Any], error: str, sandbox: Sandbox) -> None:
    sandbox.respond("/admins", {"type": "error.list"} | body)

    assert f"an error list, {error}" in sync_here(sandbox).error


@pytest.mark.parametrize("status", [201, 202, 203, 204, 206, 207, 300, 301, 304, 305])
def test_only_status_200_is_accepted(status: int, paged: Sandbox) -> None:
    paged.fail("/admins", faults.status(status, b'{"admins": [{"id": "1"}]}'), nth=2)

    error = sync_here(paged).error

    assert f"answered HTTP {status}" in error
    assert "The tap accepts only HTTP 200." in error
    assert "redirects" not in error
    assert len(paged.journal.requests) == 2


def test_a_workspace_without_teams_is_accepted(sandbox: Sandbox) -> None:
    for admin in sandbox.workspace.admin_rows():
        admin["team_ids"] = []
    sandbox.workspace.teams = []

    assert sync_here(sandbox).error == ""


# Old responses


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({"Age": "61"}, "comes from a cache and is 61 seconds old"),
        ({"Age": "0, 86400"}, "comes from a cache and is 86400 seconds old"),
        ({"Intercom_Version": "2.9"}, "API version 2.9 answered instead of 2.18"),
        ({"Intercom_Version": "2"}, "API version 2 answered instead of 2.18"),
    ],
)
def test_an_outdated_response_is_refused(
    headers: dict[str, str], problem: str, stream: str, sandbox: Sandbox
) -> None:
    sandbox.fail(PATHS[stream], faults.add_headers(**headers))

    result = sync_one(sandbox, stream)

    assert problem in result.error
    assert result.of("RECORD") == []
    assert result.activated == []


@pytest.mark.parametrize("stream", STREAMS)
def test_an_old_date_causes_a_warning(stream: str, sandbox: Sandbox) -> None:
    date = formatdate(time.time() - 30 * DAY, usegmt=True)
    sandbox.fail(PATHS[stream], faults.add_headers(Date=date))

    result = sync_one(sandbox, stream)

    assert result.error == ""
    (warning,) = [line for line in result.warnings if "clock" in line]
    assert warning.startswith("Intercom's clock is 30 days, 0:00:0")
    assert "whether a proxy returns old responses" in warning


@pytest.mark.parametrize(
    ("requested", "answered"),
    [("2.16", "2.16"), ("2.16", "2.17"), ("2.16", "3.0"), ("2.16", "Preview"), ("Preview", "2.16")],
)
def test_newer_api_versions_are_accepted(requested: str, answered: str, sandbox: Sandbox) -> None:
    sandbox.behaviour.answers_version = answered
    sandbox.fail("/admins", faults.add_headers(Age="60"))  # as are responses of the last minute

    assert sync_one(sandbox, "admins", api_version=requested).error == ""


# Signs of further pages


MORE: list[dict[str, Any]] = [
    {"has_more": True},
    {"hasMore": "true"},
    {"more": True},
    {"next_cursor": "x"},
    {"nextPageToken": "x"},
    {"next": "/admins?page=2"},
    {"cursor": "x"},
    {"cursors": {"after": "x"}},
    {"starting_after": "x"},
    {"pagination": {"next_page": 2}},
    {"links": {"self": "/admins", "next": "/admins?page=2"}},
    {"meta": {"pagination": {"has_next_page": True}}},
    {"pages": {"type": "pages", "next": None, "has_more": True}},
    {"links": [{"rel": "prev", "href": "/"}, {"rel": "next", "href": "/admins?page=2"}]},
    {"truncated": True},
    {"isLast": False},
    {"is_last_page": "false"},
    {"links": {"rel": "NEXT nofollow"}},
]
NO_MORE: list[dict[str, Any]] = [
    {"has_more": False, "next_cursor": None, "next": "", "cursor": {}},
    {"prev_cursor": "x", "previous": "/admins?page=0"},
    {"pagination": {"next_page": None, "prev_page": 3}},
    {"links": [{"rel": "prev", "href": "/admins?page=0"}], "is_last_page": True},
    {"links": {"self": "/admins", "first": "/admins", "prev": "/admins?page=0"}},
    {"pages": {"type": "pages", "next": None, "page": 1, "per_page": 50, "total_pages": 1}},
]


@pytest.mark.parametrize("sign", MORE, ids=str)
@pytest.mark.parametrize("stream", ["admins", "activity_logs", "roles", "teams"])
def test_an_unknown_sign_of_further_pages_is_an_error(
    stream: str, sign: dict[str, Any], sandbox: Sandbox
) -> None:
    key = PATHS[stream].strip("/").replace("admins/activity_logs/search", "activity_logs")
    sandbox.respond(PATHS[stream], {key: [{"id": "1", "created_at": 1}], **sign})

    result = sync_one(sandbox, stream)

    assert "more pages are announced in an unknown way (" in result.error
    assert result.activated == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"admins": [{"id": "1", "name": "\\ud83d"}], "has_more": true}',
        b'{"admins": [{"id": "1"}], "note": "\\ud83d", "has_more": true}',
        b'{"admins": [{"id": "1"}], "note": "\xff", "has_more": true}',
        b'{"admins": [{"id": "1"}], "note": 1e999, "has_more": true}',
        b'\xef\xbb\xbf{"admins": [{"id": "1"}], "has_more": true}',
        b'{"admins": [{"id": "1", "name": "\t"}], "has_more": true}',
    ],
)
def test_malformed_values_hide_no_sign_of_more_pages(body: bytes, sandbox: Sandbox) -> None:
    sandbox.fail("/admins", faults.status(200, body))

    assert "announced in an unknown way (has_more)" in sync_one(sandbox, "admins").error


@pytest.mark.parametrize(
    ("more", "headers"),
    [
        ({"total": 5}, {}),
        ({"total_count": 5.0}, {}),
        ({"total_records": 5}, {}),
        ({}, {"X-Total-Entries": "5"}),
        ({"pages": {"total_count": 5}}, {}),
        ({"totalResults": "5"}, {}),
        ({"meta": {"total_count": 5}}, {}),
        ({}, {"X_Total_Count": "5"}),
    ],
)
def test_fewer_rows_than_announced_are_an_error(
    more: dict[str, Any], headers: dict[str, str], sandbox: Sandbox
) -> None:
    sandbox.respond("/admins", {"admins": [{"id": "1"}, {"id": "2"}], **more})
    sandbox.fail("/admins", faults.add_headers(**headers))

    assert (
        "announced 5 rows and sent 2: the list is incomplete" in sync_one(sandbox, "admins").error
    )


@pytest.mark.parametrize("relation", ['rel="next"', "rel='next'", 'rel = "last next"', "REL=Next"])
@pytest.mark.parametrize("stream", STREAMS)
def test_a_link_header_to_a_next_page_is_an_error(
    stream: str, relation: str, sandbox: Sandbox
) -> None:
    link = f'<{sandbox.base_url}/admins?page=1>; rel="prev", </admins?page=3>; {relation}'
    sandbox.fail(PATHS[stream], faults.add_headers(Link=link))

    result = sync_one(sandbox, stream)

    if stream == "workspaces":  # it isn't a list
        assert result.error == ""
    else:
        assert "announced in an unknown way (the header Link)" in result.error
        assert result.activated == []


@pytest.mark.parametrize("sign", NO_MORE, ids=str)
def test_an_empty_sign_of_further_pages_is_accepted(sign: dict[str, Any], sandbox: Sandbox) -> None:
    sandbox.respond("/admins", {"admins": [{"id": "1"}], **sign})
    sandbox.fail("/admins", faults.add_headers(Link='</admins?page=1>; rel="prev"'))
    sandbox.respond(SEARCH, {"activity_logs": [], **sign})

    assert sync_one(sandbox, "admins").error == ""
    assert sync_one(sandbox, "activity_logs").error == ""


def test_signs_of_further_pages_are_accepted_with_a_next_link(sandbox: Sandbox) -> None:
    first = {"admins": [{"id": "1"}], "pages": {"next": "/admins?page=2"}, "has_more": True}
    sandbox.respond("/admins", first, {"admins": [{"id": "2"}], "has_more": False})

    assert sync_one(sandbox, "admins").column("admins", "id") == ["1", "2"]


# Refused requests


REGIONS = ("https://api.intercom.io", "https://api.eu.intercom.io", "https://api.au.intercom.io")


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (401, "unauthorized", ["copy it again", "Read admins", *REGIONS]),
        (403, "token_revoked", ["copy it again", *REGIONS]),
        (403, "token_expired", ["copy it again", *REGIONS]),
        (403, "token_not_found", ["copy it again", *REGIONS]),
        (403, "forbidden", ["Give the app the permission 'Read admins'"]),
        (403, "api_plan_restricted", ["plan"]),
        (404, "not_found", ["base_url isn't Intercom's API", *REGIONS]),
        (400, "parameter_invalid", ["Check base_url and api_version."]),
        (418, "teapot", ["Check base_url and api_version."]),
        (401, "token_blocked", ["Intercom has blocked", "Contact Intercom support"]),
        (403, "token_blocked", ["Intercom has blocked", "Contact Intercom support"]),
    ],
)
def test_a_refused_request_is_not_retried_and_the_error_has_advice(
    status: int, code: str, advice: list[str], paged: Sandbox
) -> None:
    error = failed(paged, faults.refuse(status, code, "Something is not right"), nth=2)

    assert error.startswith(f"admins: GET {paged.base_url}/admins answered HTTP {status}, {code}: ")
    assert "Something is not right" in error
    assert "request ID " in error
    assert [words for words in advice if words not in error] == []
    assert len(paged.journal.requests) == 2


def test_the_request_id_may_be_in_a_header(paged: Sandbox) -> None:
    fault = faults.status(403, b"{}", {"X-Request-Id": "abc-123"})

    assert "request ID abc-123" in failed(paged, fault)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_and_is_not_followed(status: int, paged: Sandbox) -> None:
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
def test_the_error_about_the_allowlist_does_not_mention_permissions(
    message: str, status: int, paged: Sandbox
) -> None:
    error = failed(paged, faults.refuse(status, "forbidden", message))

    assert message in error
    assert "REST API allowlist" in error
    assert "Read admins" not in error
