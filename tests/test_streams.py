"""The records of each stream, and the requests of a sync."""

import json
from dataclasses import replace
from typing import Annotated

import msgspec
import pytest

from tap_intercom_access.intercom import (
    Id,
    Intercom,
    IntercomError,
    Row,
    list_of,
)
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.streams.schema import AS_DATE_TIME, column, record_of, schema_of
from tests import faults
from tests.tap import DEFAULT_STREAMS, catalog_of, run_tap, sync, sync_here


def test_a_full_sync_takes_two_requests_and_one_schema_per_stream(sandbox: Sandbox) -> None:
    run = sync(sandbox)

    assert run.error == ""
    assert sandbox.journal.requests == ["GET /admins", "GET /teams"]
    assert [message["stream"] for message in run.of("SCHEMA")] == list(DEFAULT_STREAMS)
    counts = {stream: len(run.records(stream)) for stream in DEFAULT_STREAMS}
    assert counts == {"admins": 13, "teams": 4, "team_memberships": 13}


def test_admins_have_the_values_that_intercom_sends_and_string_ids(sandbox: Sandbox) -> None:
    admins = {record["id"]: record for record in sync(sandbox).records("admins")}

    assert admins["1003"] == {
        "id": "1003",
        "type": "admin",
        "name": "陈伟",
        "email": "chen.wei@example.com",
        "job_title": "Support agent",
        "has_inbox_seat": True,
        "away_mode_enabled": False,
        "away_mode_reassign": False,
        "away_status_reason_id": None,
        "role": {"id": "3", "name": "Support agent"},
        "team_ids": ["501", "503"],
        "team_priority_level": {"primary_team_ids": [], "secondary_team_ids": ["503"]},
        "avatar_url": "https://static.example.com/avatars/1003.png",
    }
    assert admins["1005"]["away_status_reason_id"] == "77"
    assert admins["1007"]["role"] is None
    assert admins["1007"]["job_title"] is None
    assert admins["1007"]["team_priority_level"] is None


def test_an_avatar_object_becomes_its_url(sandbox: Sandbox) -> None:
    avatar = {"type": "avatar", "image_url": "https://static.example.com/a.png"}
    row = {"type": "admin", "id": 7, "avatar": avatar}
    sandbox.respond("/admins", {"type": "admin.list", "admins": [row, {"id": 8, "avatar": {}}]})

    assert sync(sandbox).column("admins", "avatar_url") == [avatar["image_url"], None]


def test_teams_have_the_values_that_intercom_sends_and_string_ids(sandbox: Sandbox) -> None:
    teams = {record["id"]: record for record in sync(sandbox).records("teams")}

    assert teams["502"] == {
        "id": "502",
        "name": "Escalations ⚡",
        "admin_ids": ["1001", "1002", "1004", "1010"],
        "admin_priority_level": {
            "primary_admin_ids": ["1001", "1002"],
            "secondary_admin_ids": ["1004", "1010"],
        },
        "assignment_limit": 10,
        "distribution_method": "load_balanced",
    }
    assert teams["504"]["admin_ids"] == []
    assert teams["504"]["admin_priority_level"] is None


def test_each_membership_is_one_record_and_primary_wins(sandbox: Sandbox) -> None:
    team = {
        "id": "9",
        "admin_ids": [1, 2, 2, 3],
        "admin_priority_level": {"primary_admin_ids": [1, 4], "secondary_admin_ids": [1, 2, 5]},
    }
    sandbox.respond("/teams", {"type": "team.list", "teams": [team, {"id": "10"}]})

    run = sync(sandbox)

    levels = {"1": "primary", "2": "secondary", "3": None, "4": "primary", "5": "secondary"}
    records = run.records("team_memberships")
    assert {record["admin_id"]: record["priority_level"] for record in records} == levels
    assert len(records) == len(levels)


def test_null_and_missing_lists_are_null(sandbox: Sandbox) -> None:
    rows = [
        {"id": "1", "admin_ids": None, "admin_priority_level": None},
        {"id": "2", "admin_priority_level": {"primary_admin_ids": None}},
    ]
    sandbox.respond("/teams", {"type": "team.list", "teams": rows})

    run = sync(sandbox)

    assert run.column("teams", "admin_ids") == [None, None]
    assert run.records("team_memberships") == []


def test_rows_of_type_team_are_not_teammates_and_others_keep_their_type(sandbox: Sandbox) -> None:
    team = {"type": "team", "id": "501", "name": "Support", "team_ids": [504]}
    others = [{"type": "nobody_admin", "id": "9"}, {"id": "10"}]
    sandbox.respond("/admins", {"admins": [*sandbox.workspace.admin_rows(), team, *others]})

    run = sync(sandbox)

    assert run.column("admins", "type") == [*["admin"] * 13, "nobody_admin", None]
    assert run.column("admins", "id")[13:] == ["9", "10"]
    assert run.bookmark("admins")["rows"] == 15
    assert run.warnings == []
    sandbox.respond("/admins", {"admins": [team]})
    assert "listed no teammates" in sync(sandbox).error


def test_away_status_reasons_can_be_joined_with_teammates(sandbox: Sandbox) -> None:
    run = sync(sandbox, catalog=catalog_of("admins", "away_status_reasons"))

    reasons = {record["id"]: record for record in run.records("away_status_reasons")}
    away = [r["away_status_reason_id"] for r in run.records("admins") if r["away_mode_enabled"]]
    assert [reasons[id_]["label"] for id_ in away] == ["On holiday"]
    assert reasons["77"]["created_at"] == "2023-11-14T22:13:21+00:00"
    assert reasons["78"]["emoji"] is None
    assert reasons["79"]["deleted"] is True


@pytest.mark.parametrize(
    ("stream", "request_line"),
    [("team_memberships", "GET /teams"), ("teams", "GET /teams"), ("workspaces", "GET /me")],
)
def test_one_stream_takes_one_request(stream: str, request_line: str, sandbox: Sandbox) -> None:
    run = sync(sandbox, catalog=catalog_of(stream))

    assert sandbox.journal.requests == [request_line]
    assert run.records(stream)
    assert [message["stream"] for message in run.of("SCHEMA")] == [stream]


def test_requests_contain_token_version_and_the_taps_name(sandbox: Sandbox) -> None:
    sync(sandbox, api_version="2.14")

    for headers in sandbox.journal.headers:
        assert headers["Intercom-Version"] == "2.14"
        assert headers["Authorization"] == f"Bearer {sandbox.token}"
        assert headers["User-Agent"].startswith("tap-intercom-access/")
        assert headers["Cache-Control"] == "no-cache"


def test_every_column_is_described_and_keys_are_required_and_never_null() -> None:
    for entry in json.loads(run_tap("--discover").stdout)["streams"]:
        schema = entry["schema"]
        assert {*entry["key_properties"]} <= {*schema["required"]}
        for key in entry["key_properties"]:
            assert "null" not in schema["properties"][key]["type"], entry["tap_stream_id"]
        columns = [schema]
        while columns:
            column = columns.pop()
            assert column["description"]
            columns += column.get("properties", {}).values()


@pytest.mark.parametrize(("configured", "sent"), [("2.14", "2.18"), ("2.20", "2.20")])
def test_roles_are_read_with_the_first_api_version_that_has_them(
    configured: str, sent: str, sandbox: Sandbox
) -> None:
    run = sync(sandbox, catalog=catalog_of("admins", "roles"), api_version=configured)

    versions = [headers["Intercom-Version"] for headers in sandbox.journal.headers]
    assert sandbox.journal.requests == ["GET /admins", "GET /roles"]
    assert versions == [configured, sent]
    records = run.records("roles")
    assert {(*record,) for record in records} == {("id", "name", "description")}
    assert {record["role"]["id"] for record in run.records("admins") if record["role"]} <= {
        record["id"] for record in records
    }


ROLES = [{"id": 1, "name": "data"}]


@pytest.mark.parametrize("body", [{"data": ROLES}, {"roles": ROLES}, {"data": ROLES, "roles": []}])
def test_roles_are_read_from_either_key(body: dict[str, object], sandbox: Sandbox) -> None:
    sandbox.respond("/roles", {"type": "list"} | body)

    run = sync_here(sandbox, catalog=catalog_of("roles"))

    assert run.records("roles") == [{"id": "1", "name": "data", "description": None}]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_the_error_about_roles_names_version_and_permission(status: int, sandbox: Sandbox) -> None:
    sandbox.fail("/roles", faults.refuse(status, "not_found"))

    error = sync_here(sandbox, catalog=catalog_of("roles")).error

    assert error.startswith(f"roles: GET {sandbox.base_url}/roles answered HTTP {status}")
    assert "may not offer API version 2.18" in error
    assert "lacks a permission" in error
    assert "deselect this stream" in error


@pytest.mark.parametrize("workspace", [None, "sandbox"])
def test_a_run_logs_its_source_and_record_counts(workspace: str | None, sandbox: Sandbox) -> None:
    run = sync(sandbox, workspace_id=workspace or "")

    lines = [line for line in run.logged("INFO") if line.startswith(("Reading", "Sync complete"))]
    requests = 3 if workspace else 2
    name = ", workspace 'sandbox' (Intercom sandbox)" if workspace else ""
    assert lines == [
        f"Reading {sandbox.base_url}, API version 2.16{name}",
        f"Sync complete: admins 13, team_memberships 13, teams 4; {requests} requests",
    ]
    assert run.stderr.endswith(f"{lines[-1]}\n")
    assert run.stderr.index(lines[0]) < run.stderr.index("Beginning sync")


# Streams that will be added


class Shift(msgspec.Struct):
    id: Annotated[Id, column("Id.")]
    begins_at: Annotated[int | None, AS_DATE_TIME, column("When it begins.")] = None
    ends_at: Annotated[int | None, AS_DATE_TIME, column("When it ends.")] = msgspec.field(
        name="end", default=None
    )


class Nested(msgspec.Struct):
    id: Annotated[Id, column("Id.")]
    shift: Annotated[Shift | None, column("Shift.")] = None


def test_times_and_renamed_fields_become_columns_without_more_code() -> None:
    shift = msgspec.convert({"id": "1", "begins_at": 5, "end": 0}, Shift)

    assert record_of(shift) == {
        "id": "1",
        "begins_at": "1970-01-01T00:00:05+00:00",
        "ends_at": "1970-01-01T00:00:00+00:00",
    }
    assert record_of(msgspec.convert({"id": "1"}, Shift))["ends_at"] is None


def test_a_time_in_an_object_is_refused() -> None:
    with pytest.raises(TypeError, match="Shift has a field"):
        schema_of(Nested, "Nested.")


def test_an_array_response_is_checked_like_other_lists(sandbox: Sandbox) -> None:
    endpoint = replace(list_of("rows", Row, "/admins", name="admins"), is_array=True)
    intercom = Intercom(sandbox.token, sandbox.base_url)

    def read(body: object) -> list[str]:
        sandbox.respond("/admins", body)
        return [row.id for row in intercom.rows(endpoint)]

    assert read([{"id": 1}, {"id": "2"}, {"id": "1"}]) == ["1", "2"]
    with pytest.raises(IntercomError, match=r"\[1\].id"):
        read([{"id": 1}, {"id": None}])
    bodies: tuple[object, ...] = ({}, {"admins": []}, "x")
    for body in bodies:
        with pytest.raises(IntercomError, match="is not a list of admins"):
            read(body)
