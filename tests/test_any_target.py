"""What leaves the tap fits the schema that it announced, whatever a target makes of it."""

import json
from typing import Any

import jsonschema
import pytest

from tap_intercom_access.sandbox.history import event
from tap_intercom_access.sandbox.server import Sandbox
from tests.responses import METADATA, NOW
from tests.tap import STREAMS, catalog_of, sync

FLAT = {"flattening_enabled": True, "flattening_max_depth": 2}
MAPS = {
    "stream_maps": {
        "*": {"workspace": "'eu'"},
        "admins": {"email": "sha256(email) if email else None", "name": None},
    }
}
CONFIGURATIONS: list[dict[str, Any]] = [
    {},
    FLAT,
    MAPS,
    FLAT | MAPS,
    {"stream_maps": {"activity_logs": {"metadata": "json.dumps(metadata) if metadata else None"}}},
    {"flattening_enabled": True, "flattening_max_depth": 0},
]


@pytest.fixture
def nullable(sandbox: Sandbox) -> Sandbox:
    """A workspace with 2,000 rows, of which many leave everything out, and others nothing."""
    rows = sandbox.workspace.admin_rows()
    nulls = dict.fromkeys({key for row in rows for key in row} - {"id", "type"})
    more = [{"id": str(id_)} | (nulls if id_ % 2 else {}) for id_ in range(2000)]
    sandbox.respond("/admins", {"admins": [*rows, *more]})
    bare: dict[str, Any] = {
        "id": "900",
        "admin_ids": [],
        "admin_priority_level": None,
        "name": None,
    }
    level = {"primary_admin_ids": None, "secondary_admin_ids": None}
    teams = [bare, bare | {"id": "901", "admin_priority_level": level}]
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
def test_every_record_fits_its_schema(config: dict[str, Any], nullable: Sandbox) -> None:
    result = sync(nullable, catalog=catalog_of(*STREAMS), activity_types=[], **config)

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
