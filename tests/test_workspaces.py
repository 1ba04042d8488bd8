"""Which workspace is it, whose token reads it, and is it the right one?"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from tests import faults
from tests.tap import ACTIVATE, Result, catalog_of, run_tap, sync
from tests.targets import load

if TYPE_CHECKING:
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Fault, Sandbox
    from tests.targets import Postgres

RIGHT = {"workspace_id": "sandbox"}
OTHER = {"workspace_id": "pr0duct1on"}
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
ALWAYS = {name: RECORD[name] for name in ("api_version", "read_by")}


WORKSPACES_ONLY = catalog_of("workspaces")


def of_workspace(workspace_id: str, **more: object) -> dict[str, Any]:
    """Return a state that remembers a workspace."""
    return {"bookmarks": {"workspaces": {"workspace_id": workspace_id}} | more}


def nothing_read(run: Result) -> str:
    """The error of a run that wrote nothing but SCHEMA at most."""
    assert {message["type"] for message in run.messages} <= {"SCHEMA"}
    return run.error


# The stream


def test_the_workspace_is_one_record(sandbox: Sandbox) -> None:
    run = sync(sandbox, catalog=WORKSPACES_ONLY, **ACTIVATE)

    assert run.code == 0, run.stderr
    assert run.records("workspaces") == [RECORD]
    assert [message["type"] for message in run.messages] == [
        "SCHEMA",
        "RECORD",
        "ACTIVATE_VERSION",
        "STATE",
    ]
    assert sandbox.journal.requests == ["GET /me"]


def test_a_default_sync_does_not_ask_for_it(sandbox: Sandbox) -> None:
    run = sync(sandbox)

    assert run.of("SCHEMA", "workspaces") == []
    assert "GET /me" not in sandbox.journal.requests


def test_what_intercom_leaves_out_is_null(sandbox: Sandbox) -> None:
    sandbox.respond("/me", {"id": 7, "app": {"id_code": "x"}})

    (record,) = sync(sandbox, catalog=WORKSPACES_ONLY).records("workspaces")

    assert record == dict.fromkeys(RECORD) | {"id": "x", "token_admin_id": "7"} | ALWAYS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"type": "admin", "id": "1", "app": None}, "`$.app`"),
        ({"type": "admin", "id": "1"}, "missing required field `app`"),
        ({"app": {"name": "Acme"}}, "missing required field `id_code`"),
        ({"app": {"id_code": None}}, "`$.app.id_code`"),
        ({"app": {"id_code": ""}}, "`$.app.id_code`"),
        ({"app": {"id_code": "x", "created_at": "yesterday"}}, "`$.app.created_at`"),
        ({"app": {"id_code": "x"}, "type": "error.list"}, "an error list"),
    ],
)
def test_a_workspace_that_is_none_is_an_error(body: object, problem: str, sandbox: Sandbox) -> None:
    sandbox.respond("/me", body)

    error = nothing_read(sync(sandbox, catalog=WORKSPACES_ONLY, **ACTIVATE))

    assert error.startswith(
        f"workspaces: GET {sandbox.base_url}/me answered HTTP 200, but it is not"
    )
    assert problem in error


@pytest.mark.parametrize("fault", [faults.refuse(401, "unauthorized"), faults.status(403)])
def test_a_refusal_names_the_endpoint_and_how_to_do_without(fault: Fault, sandbox: Sandbox) -> None:
    sandbox.fail("/me", fault, nth=1)

    error = nothing_read(sync(sandbox, catalog=catalog_of("admins", "workspaces"), **ACTIVATE))

    assert f"GET {sandbox.base_url}/me answered HTTP 40" in error
    assert "leave the stream 'workspaces' out" in error


def test_the_test_mode_does_not_insist_on_it(sandbox: Sandbox) -> None:
    sandbox.respond("/admins/activity_logs/search", {"activity_logs": []})
    sandbox.fail("/me", faults.refuse(403, "forbidden"))

    run = sync(sandbox, "--test")

    assert run.code == 0, run.stderr
    assert "workspaces: not read: GET" in run.stderr
    assert len(run.records("admins")) == 1


@pytest.mark.targets
def test_it_arrives_in_postgres(sandbox: Sandbox, postgres: Postgres) -> None:
    for name in ("Acme", "Acme & Sons"):
        sandbox.workspace.name = name
        assert load(
            sandbox, "target-postgres", postgres.config(), catalog=WORKSPACES_ONLY, **ACTIVATE
        ) == (0, 0)

    (row,) = postgres.query("select * from workspaces where _sdc_deleted_at is null")
    assert (row["id"], row["name"]) == ("sandbox", "Acme & Sons")
    assert row["created_at"].timestamp() == 1671465577


# The setting


def test_the_right_workspace_is_asked_for_once_and_first(sandbox: Sandbox) -> None:
    run = sync(sandbox, **RIGHT)
    assert run.code == 0, run.stderr
    assert sandbox.journal.requests == ["GET /me", "GET /admins", "GET /teams"]

    sandbox.journal.entries.clear()
    everything = catalog_of("admins", "workspaces", "activity_logs")
    run = sync(sandbox, catalog=everything, **RIGHT)
    assert run.code == 0, run.stderr
    assert sandbox.journal.requests[0] == "GET /me"
    assert sandbox.journal.requests.count("GET /me") == 1
    assert run.records("workspaces") == [RECORD]


def test_another_workspace_ends_the_sync_before_anything(sandbox: Sandbox) -> None:
    state = of_workspace("pr0duct1on", admins={"rows": 5})

    for options in ({}, {"state": state}):
        error = nothing_read(sync(sandbox, **options, **OTHER, **ACTIVATE))

        assert "'sandbox' (Intercom sandbox)" in error
        assert "workspace_id is 'pr0duct1on'" in error
    assert set(sandbox.journal.requests) == {"GET /me"}


@pytest.mark.parametrize("options", [(), ("--test",)])
@pytest.mark.parametrize("fault", [faults.refuse(401, "unauthorized"), faults.status(200, b"{}")])
def test_no_answer_ends_the_sync_before_anything(
    fault: Fault, options: tuple[str, ...], sandbox: Sandbox
) -> None:
    sandbox.fail("/me", fault, nth=1)

    error = nothing_read(sync(sandbox, *options, **RIGHT, **ACTIVATE))

    assert f"GET {sandbox.base_url}/me answered HTTP" in error
    assert "because workspace_id is set" in error
    assert len(sandbox.journal.requests) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "value", ["https://app.intercom.com/a/apps/x1/home", "two words", "x1\n2", 7, ["x1"], True]
)
def test_an_id_that_is_none_is_refused(value: object, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"access_token": "x", "workspace_id": value}))

    error = run_tap("--config", path).error

    assert error.startswith("The configuration cannot be used: workspace_id")


def test_an_empty_id_is_left_out(sandbox: Sandbox) -> None:
    assert sync(sandbox, workspace_id=" ").code == 0
    assert "GET /me" not in sandbox.journal.requests


# The state


def remembered(run: Result) -> Any:  # noqa: ANN401 (JSON)
    assert run.code == 0, run.stderr
    return run.of("STATE")[-1]["value"]["bookmarks"].get("workspaces", {}).get("workspace_id")


def test_the_state_remembers_the_workspace(sandbox: Sandbox) -> None:
    assert remembered(sync(sandbox, **RIGHT)) == "sandbox"
    assert remembered(sync(sandbox, catalog=WORKSPACES_ONLY)) == "sandbox"
    assert remembered(sync(sandbox)) is None


@pytest.mark.parametrize("known_by", ["the setting", "the stream"])
def test_a_state_of_another_workspace_is_refused(known_by: str, sandbox: Sandbox) -> None:
    options = {"catalog": WORKSPACES_ONLY} if known_by == "the stream" else {}
    settings = RIGHT if known_by == "the setting" else {}
    state = of_workspace("st4g1ng")

    error = nothing_read(sync(sandbox, state=state, **options, **settings, **ACTIVATE))

    assert "'sandbox' (Intercom sandbox)" in error
    assert "'st4g1ng'" in error
    assert "--full-refresh" in error


def test_a_state_of_this_workspace_is_fine_and_one_of_none_too(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    assert remembered(sync(sandbox, state=of_workspace("sandbox"), **RIGHT)) == "sandbox"
    path = tmp_path / "older.json"
    path.write_text('{"bookmarks": {"admins": {}}}')
    assert remembered(sync(sandbox, state=path, **RIGHT)) == "sandbox"


def test_without_a_question_the_state_keeps_what_it_knows(sandbox: Sandbox) -> None:
    assert remembered(sync(sandbox, state=of_workspace("st4g1ng"))) == "st4g1ng"
