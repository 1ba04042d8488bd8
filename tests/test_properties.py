"""Records of random workspaces, in pages of any size, fit their schemas and can be joined."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from tap_intercom_access.sandbox.history import event
from tap_intercom_access.sandbox.server import Behaviour, Sandbox
from tap_intercom_access.sandbox.workspace import Workspace
from tests.responses import METADATA, NOW
from tests.tap import DEFAULT_STREAMS, STREAMS, Result, catalog_of, sync, sync_here

NUMBERS = st.integers(min_value=1, max_value=30)
NO_NUL = st.characters(codec="utf-8", exclude_characters="\x00")
"""Characters of IDs, without NUL: it is replaced, so that two IDs could become equal."""

IDS = st.one_of(NUMBERS, NUMBERS.map(str), st.integers(), st.text(NO_NUL, min_size=1))
TEXT = st.none() | st.text()
LISTS_OF_IDS = st.none() | st.lists(IDS, max_size=5)
UNKNOWN = st.dictionaries(st.text().map("x_{}".format), st.integers() | st.text(), max_size=2)


def rows(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    row = st.fixed_dictionaries({"id": IDS}, optional=fields)
    return st.lists(st.builds(lambda row, more: more | row, row, UNKNOWN), max_size=12)


ADMINS = rows(
    type=st.just("admin"),
    name=TEXT,
    email=TEXT,
    job_title=TEXT,
    has_inbox_seat=st.none() | st.booleans(),
    away_mode_enabled=st.none() | st.booleans(),
    away_status_reason_id=st.none() | IDS,
    role=st.none() | st.fixed_dictionaries({}, optional={"id": IDS | st.none(), "name": TEXT}),
    team_ids=LISTS_OF_IDS,
    team_priority_level=st.none()
    | st.fixed_dictionaries(
        {}, optional={"primary_team_ids": LISTS_OF_IDS, "secondary_team_ids": LISTS_OF_IDS}
    ),
    avatar=TEXT | st.fixed_dictionaries({}, optional={"image_url": TEXT}),
)
TEAMS = rows(
    name=TEXT,
    admin_ids=LISTS_OF_IDS,
    admin_priority_level=st.none()
    | st.fixed_dictionaries(
        {}, optional={"primary_admin_ids": LISTS_OF_IDS, "secondary_admin_ids": LISTS_OF_IDS}
    ),
    assignment_limit=st.none() | st.integers(-(2**63), 2**63 - 1),
    distribution_method=TEXT,
)


class Rows(Workspace):
    """A workspace whose teammates and teams are already rows of the API."""

    admins: list[Any]
    teams: list[Any]

    @override
    def admin_rows(self, part: slice = slice(None)) -> list[dict[str, Any]]:
        return self.admins[part]

    @override
    def team_rows(self, part: slice = slice(None)) -> list[dict[str, Any]]:
        return self.teams[part]


def sync_all(sandbox: Sandbox) -> Result:
    """Sync the default streams, and accept teams with unknown members."""
    run = sync_here(sandbox, max_removed_percent=100)
    assert run.error == ""
    return run


def keys(run: Result, stream: str, *names: str) -> list[tuple[str, ...]]:
    return [tuple(record[name] for name in names) for record in run.records(stream)]


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(
    admins=ADMINS.filter(bool),
    teams=TEAMS,
    size=st.integers(1, 13),
    form=st.sampled_from(["object", "url", "relative"]),
)
def test_records_of_any_workspace_are_valid_and_can_be_joined(
    admins: list[dict[str, Any]], teams: list[dict[str, Any]], size: int, form: str
) -> None:
    with (
        Sandbox(WORKSPACE) as whole,
        Sandbox(WORKSPACE, Behaviour(page_size=size, next_form=form)) as paged,
    ):
        WORKSPACE.admins, WORKSPACE.teams = admins, teams
        run, again = sync_all(whole), sync_all(paged)

    for stream in DEFAULT_STREAMS:
        assert again.records(stream) == run.records(stream)
        schema = run.schema(stream)["schema"]
        validator = jsonschema.Draft202012Validator(schema)
        for record in run.records(stream):
            validator.validate(record)
            assert record.keys() == schema["properties"].keys()
    assert {*keys(run, "admins", "id")} == {(str(row["id"]),) for row in admins}
    assert {*keys(run, "teams", "id")} == {(str(row["id"]),) for row in teams}
    pairs = keys(run, "team_memberships", "team_id", "admin_id")
    assert len(pairs) == len({*pairs})
    assert {*pairs} == {
        (str(team["id"]), str(admin_id))
        for team in teams
        for admin_id in (team.get("admin_ids") or []) + levels(team)
    }


def levels(team: dict[str, Any]) -> list[Any]:
    level = team.get("admin_priority_level") or {}
    return (level.get("primary_admin_ids") or []) + (level.get("secondary_admin_ids") or [])


WORKSPACE = Rows([], [])


FLAT = {"flattening_enabled": True, "flattening_max_depth": 2}
MAPS = {
    "stream_maps": {
        "*": {"workspace": "'eu'"},
        "admins": {"email": "sha256(email) if email else None", "name": None},
    }
}
CONFIGURATIONS: list[dict[str, Any]] = [
    {},
    MAPS,
    FLAT | MAPS,
    {"stream_maps": {"activity_logs": {"metadata": "json.dumps(metadata) if metadata else None"}}},
    {"flattening_enabled": True, "flattening_max_depth": 0},
]


@pytest.fixture
def with_nulls(sandbox: Sandbox) -> Sandbox:
    """A workspace with 2,000 more rows, half of them with null in every field."""
    rows = sandbox.workspace.admin_rows()
    nulls = dict.fromkeys({key for row in rows for key in row} - {"id", "type"})
    more = [{"id": str(id_)} | (nulls if id_ % 2 else {}) for id_ in range(2000)]
    sandbox.respond("/admins", {"admins": [*rows, *more]})
    bare: dict[str, Any] = {"id": "900", "admin_ids": [], "name": None}
    level = {"primary_admin_ids": None, "secondary_admin_ids": None}
    teams = [bare, {"id": "901", "admin_ids": [], "admin_priority_level": level}]
    sandbox.respond("/teams", {"teams": [*sandbox.workspace.team_rows(), *teams]})
    sandbox.respond("/me", {"id": "1001", "app": {"id_code": "sandbox"}})
    sandbox.workspace.history += [
        event(NOW - 60, "bulk_export", None, "with details", **METADATA),
        {"id": "bare", "created_at": NOW - 50},
        {"id": "nulls", "created_at": NOW - 40, "metadata": None, "performed_by": None},
        {"id": "inner", "created_at": NOW - 30, "performed_by": {"id": None}, "metadata": {}},
    ]
    return sandbox


@pytest.mark.parametrize("config", CONFIGURATIONS, ids=[",".join(c) for c in CONFIGURATIONS])
def test_every_record_fits_its_schema(config: dict[str, Any], with_nulls: Sandbox) -> None:
    result = sync(with_nulls, catalog=catalog_of(*STREAMS), activity_types=[], **config)

    assert result.error == ""
    for stream in STREAMS:
        schema = result.schema(stream)["schema"]
        assert "$schema" not in json.dumps(schema)
        strict = schema | {"additionalProperties": False}
        for validator in (jsonschema.Draft4Validator, jsonschema.Draft7Validator):
            validator.check_schema(schema)
            validate = validator(strict, format_checker=validator.FORMAT_CHECKER).validate
            for record in result.records(stream):
                validate(record)
        if "flattening_enabled" in config:
            columns = {frozenset(record) for record in result.records(stream)}
            assert columns == {frozenset(schema["properties"])}
    assert len(result.records("admins")) > 2000
