from __future__ import annotations

import json

import jsonschema

from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.server import Behaviour, Sandbox
from tests.tap import Result, catalog_of, run_tap, sync

STREAMS = ("admins", "team_memberships", "teams")
ON_REQUEST = ("activity_logs", "away_status_reasons", "workspaces")


def check_records(run: Result) -> None:
    """Every record has to fit the schema that was sent before it."""
    assert run.code == 0, run.stderr
    validators = {
        message["stream"]: jsonschema.Draft202012Validator(message["schema"])
        for message in run.of("SCHEMA")
    }
    for message in run.of("RECORD"):
        validators[message["stream"]].validate(message["record"])


def test_a_full_sync_takes_two_requests_and_one_schema_per_stream(sandbox: Sandbox) -> None:
    run = sync(sandbox)

    check_records(run)
    assert sandbox.journal.requests == ["GET /admins", "GET /teams"]
    assert sorted(message["stream"] for message in run.of("SCHEMA")) == sorted(STREAMS)
    assert {stream: len(run.records(stream)) for stream in STREAMS} == {
        "admins": 13,
        "teams": 4,
        "team_memberships": 13,
    }


def test_admins_are_as_intercom_lists_them_with_ids_as_strings(sandbox: Sandbox) -> None:
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


def test_an_avatar_in_its_object_form_gives_its_url(sandbox: Sandbox) -> None:
    avatar = {"type": "avatar", "image_url": "https://static.example.com/a.png"}
    row = {"type": "admin", "id": 7, "avatar": avatar}
    sandbox.respond("/admins", {"type": "admin.list", "admins": [row, {"id": 8, "avatar": {}}]})

    records = sync(sandbox).records("admins")

    assert [record["avatar_url"] for record in records] == [avatar["image_url"], None]


def test_teams_are_as_intercom_lists_them_with_ids_as_strings(sandbox: Sandbox) -> None:
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


def test_memberships_are_one_record_a_pair_and_primary_wins(sandbox: Sandbox) -> None:
    team = {
        "id": "9",
        "admin_ids": [1, 2, 2, 3],
        "admin_priority_level": {"primary_admin_ids": [1, 4], "secondary_admin_ids": [1, 2, 5]},
    }
    sandbox.respond("/teams", {"type": "team.list", "teams": [team, {"id": "10"}]})

    run = sync(sandbox)

    check_records(run)
    levels = {
        record["admin_id"]: record["priority_level"] for record in run.records("team_memberships")
    }
    expected = {"1": "primary", "2": "secondary", "3": None, "4": "primary", "5": "secondary"}
    assert levels == expected
    assert len(run.records("team_memberships")) == len(expected)


def test_null_and_missing_lists_are_null(sandbox: Sandbox) -> None:
    rows = [
        {"id": "1", "admin_ids": None, "admin_priority_level": None},
        {"id": "2", "admin_priority_level": {"primary_admin_ids": None}},
    ]
    sandbox.respond("/teams", {"type": "team.list", "teams": rows})

    run = sync(sandbox)

    check_records(run)
    assert [record["admin_ids"] for record in run.records("teams")] == [None, None]
    assert run.records("team_memberships") == []


def test_memberships_alone_take_one_request(sandbox: Sandbox) -> None:
    run = sync(sandbox, catalog=catalog_of("team_memberships"))

    assert sandbox.journal.requests == ["GET /teams"]
    assert len(run.records("team_memberships")) == 13
    assert {message["stream"] for message in run.of("SCHEMA")} == {"team_memberships"}


def test_teams_alone_take_one_request(sandbox: Sandbox) -> None:
    run = sync(sandbox, catalog=catalog_of("teams"))

    assert sandbox.journal.requests == ["GET /teams"]
    assert len(run.records("teams")) == 4


def test_deselected_columns_are_left_out(sandbox: Sandbox) -> None:
    run = sync(sandbox, catalog=catalog_of("admins", without=("admins.email",)))

    check_records(run)
    assert not any("email" in record for record in run.records("admins"))


def test_requests_carry_token_version_and_the_taps_name(sandbox: Sandbox) -> None:
    sync(sandbox, api_version="2.14")

    assert {headers["Intercom-Version"] for headers in sandbox.journal.headers} == {"2.14"}
    assert {headers["Authorization"] for headers in sandbox.journal.headers} == {
        f"Bearer {sandbox.token}"
    }
    assert all(
        headers["User-Agent"].startswith("tap-intercom-access/")
        for headers in sandbox.journal.headers
    )


def test_every_stream_and_column_is_described() -> None:
    catalog = json.loads(run_tap("--discover").stdout)

    assert [entry["tap_stream_id"] for entry in catalog["streams"]] == sorted(ON_REQUEST + STREAMS)
    for entry in catalog["streams"]:
        assert entry["schema"]["description"]
        columns = list(entry["schema"]["properties"].values())
        while columns:
            column = columns.pop()
            assert column["description"]
            columns += column.get("properties", {}).values()


def test_the_test_mode_reads_one_record_of_each_stream(sandbox: Sandbox) -> None:
    run = sync(sandbox, "--test")

    assert run.code == 0, run.stderr
    streams = ON_REQUEST + STREAMS
    assert {stream: len(run.records(stream)) for stream in streams} == dict.fromkeys(streams, 1)


def test_flattening_makes_columns_of_objects(sandbox: Sandbox) -> None:
    run = sync(
        sandbox,
        flattening_enabled="true",
        flattening_max_depth="2",
    )

    check_records(run)
    assert run.records("admins")[0]["role__name"] == "Workspace admin"


def test_a_stream_map_can_hash_addresses(sandbox: Sandbox) -> None:
    run = sync(sandbox, stream_maps=json.dumps({"admins": {"email": "md5(email)"}}))

    check_records(run)
    assert all(len(record["email"]) == 32 for record in run.records("admins"))


def test_a_generated_workspace_is_read_whole() -> None:
    workspace = demo()
    with Sandbox(workspace, Behaviour(page_size=5)) as sandbox:
        run = sync(sandbox)

    check_records(run)
    assert {record["id"] for record in run.records("admins")} == {
        str(admin.id) for admin in workspace.admins
    }
