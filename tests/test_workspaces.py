"""The stream workspaces, and checks that the token belongs to the right workspace."""

from importlib.metadata import version
from typing import Any

import pytest

from tap_intercom_access.intercom.endpoints import HOSTS
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.streams.identity import host_of_region
from tests import faults
from tests.tap import ACTIVATE, Result, catalog_of, sync

RIGHT: dict[str, Any] = {"workspace_id": "sandbox"}
RECORD = {
    "id": "sandbox",
    "name": "Intercom sandbox",
    "region": "US",
    "timezone": "Etc/UTC",
    "created_at": "2022-12-19T15:59:37+00:00",
    "identity_verification": False,
    "token_admin_id": "1001",
    "token_admin_email": "aoife@example.com",
    "token_admin_name": "Aoife Ní Bhriain",
    "token_admin_email_verified": True,
    "token_admin_role": None,
    "api_version": "2.16",
    "read_by": f"tap-intercom-access/{version('tap-intercom-access')}",
}
WORKSPACES_ONLY = catalog_of("workspaces")


def of_workspace(workspace_id: str | None) -> dict[str, Any]:
    """Return a state of a workspace."""
    return {"bookmarks": {"workspaces": {"workspace_id": workspace_id}, "admins": {"rows": 5}}}


def error_before_any_record(sandbox: Sandbox, *arguments: str, **options: Any) -> str:
    """Return the error of a run that sent only the request for the workspace."""
    run = sync(sandbox, *arguments, **options, **ACTIVATE)
    assert {message["type"] for message in run.messages} <= {"SCHEMA"}
    assert {*sandbox.journal.requests} == {"GET /me"}
    return run.error


# The stream


def test_the_workspace_is_one_record(sandbox: Sandbox) -> None:
    run = sync(sandbox, catalog=WORKSPACES_ONLY, **ACTIVATE)

    assert run.error == ""
    assert run.records("workspaces") == [RECORD]
    kinds = ["SCHEMA", "RECORD", "ACTIVATE_VERSION", "STATE"]
    assert [message["type"] for message in run.messages] == kinds
    assert sandbox.journal.requests == ["GET /me"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"type": "admin", "id": "1"}, "missing required field `app`"),
        ({"app": {"name": "Acme"}}, "missing required field `id_code`"),
        ({"app": {"id_code": ""}}, "`$.app.id_code`"),
        ({"app": {"id_code": "x", "created_at": "yesterday"}}, "`$.app.created_at`"),
        ({"app": {"id_code": "x"}, "type": "error.list"}, "an error list"),
    ],
)
def test_a_response_without_workspace_fails(body: object, problem: str, sandbox: Sandbox) -> None:
    sandbox.respond("/me", body)

    error = error_before_any_record(sandbox, catalog=WORKSPACES_ONLY)

    assert error.startswith(
        f"workspaces: GET {sandbox.base_url}/me answered HTTP 200, but the response is not"
    )
    assert problem in error


@pytest.mark.parametrize(
    ("region", "base_url", "host"),
    [
        ("EU", HOSTS["US"], HOSTS["EU"]),
        ("eu ", HOSTS["AU"], HOSTS["EU"]),
        ("EU", HOSTS["EU"], None),
        ("Mars", HOSTS["US"], None),
        (None, HOSTS["US"], None),
        ("EU", "https://gateway.example", None),
    ],
)
def test_the_right_base_url_is_found(region: str | None, base_url: str, host: str | None) -> None:
    assert host_of_region(region, base_url) == host


@pytest.mark.parametrize("role", [{"type": "role", "id": "1", "name": "Owner"}, "Owner"])
def test_the_role_of_the_tokens_owner_is_read_in_both_forms(role: object, sandbox: Sandbox) -> None:
    sandbox.respond("/me", sandbox.workspace.me() | {"role": role})

    run = sync(sandbox, catalog=WORKSPACES_ONLY)

    assert run.column("workspaces", "token_admin_role") == ["Owner"]


# The setting


@pytest.mark.parametrize("streams", [("admins",), ("admins", "workspaces", "activity_logs")])
def test_the_right_workspace_is_requested_once(streams: tuple[str, ...], sandbox: Sandbox) -> None:
    run = sync(sandbox, catalog=catalog_of(*streams), **RIGHT)

    assert run.error == ""
    assert sandbox.journal.requests[0] == "GET /me"
    assert sandbox.journal.requests.count("GET /me") == 1
    assert run.records("workspaces") == [RECORD] * ("workspaces" in streams)


@pytest.mark.parametrize(
    ("arguments", "state"), [((), None), ((), of_workspace("pr0duct1on")), (("--test",), None)]
)
def test_another_workspace_fails_the_sync_before_other_requests(
    arguments: tuple[str, ...], state: dict[str, Any] | None, sandbox: Sandbox
) -> None:
    error = error_before_any_record(sandbox, *arguments, state=state, workspace_id="pr0duct1on")

    assert "'sandbox' (Intercom sandbox)" in error
    assert "workspace_id is 'pr0duct1on'" in error


@pytest.mark.parametrize(
    ("arguments", "options", "advice"),
    [
        ((), RIGHT, "because workspace_id is set"),
        (("--test",), RIGHT, "because workspace_id is set"),
        ((), {"catalog": catalog_of("admins", "workspaces")}, "deselect the 'workspaces' stream"),
    ],
)
@pytest.mark.parametrize("fault", [faults.refuse(401, "unauthorized"), faults.status(403)])
def test_a_refused_workspace_fails_the_sync_with_advice(
    fault: faults.Fault,
    arguments: tuple[str, ...],
    options: dict[str, Any],
    advice: str,
    sandbox: Sandbox,
) -> None:
    sandbox.fail("/me", fault, nth=1)

    error = error_before_any_record(sandbox, *arguments, **options)

    assert f"GET {sandbox.base_url}/me answered HTTP 40" in error
    assert advice in error


# The state


def remembered(run: Result) -> object:
    assert run.error == ""
    return run.bookmark("workspaces").get("workspace_id")


def test_the_state_contains_the_workspace(sandbox: Sandbox) -> None:
    assert remembered(sync(sandbox, **RIGHT)) == "sandbox"
    assert remembered(sync(sandbox, catalog=WORKSPACES_ONLY)) == "sandbox"
    assert remembered(sync(sandbox)) is None


@pytest.mark.parametrize("known_by", [RIGHT, {"catalog": WORKSPACES_ONLY}])
@pytest.mark.parametrize("workspace_id", ["st4g1ng", None])
def test_a_state_of_another_workspace_is_refused(
    workspace_id: str | None, known_by: dict[str, Any], sandbox: Sandbox
) -> None:
    error = error_before_any_record(sandbox, state=of_workspace(workspace_id), **known_by)

    assert "'sandbox' (Intercom sandbox)" in error
    assert repr(workspace_id) in error
    assert "--full-refresh" in error


@pytest.mark.parametrize("state", [of_workspace("sandbox"), {"bookmarks": {"admins": {}}}])
def test_a_state_of_this_or_no_workspace_is_valid(state: dict[str, Any], sandbox: Sandbox) -> None:
    assert remembered(sync(sandbox, state=state, **RIGHT)) == "sandbox"


def test_the_state_keeps_the_workspace_if_it_is_not_read(sandbox: Sandbox) -> None:
    assert remembered(sync(sandbox, state=of_workspace("st4g1ng"))) == "st4g1ng"
