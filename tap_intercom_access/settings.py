"""The settings: schema, normalization, and validation."""

from __future__ import annotations

import contextlib
import difflib
import ipaddress
import json
import math
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import singer_sdk.typing as th
from singer_sdk.plugin_base import JSONSchemaValidator

from tap_intercom_access.intercom.endpoints import REGIONS, US

SETTINGS = th.PropertiesList(
    th.Property(
        "access_token",
        th.StringType(nullable=False),
        required=True,
        secret=True,
        title="Access token",
        description=(
            "Access token of an app in the Intercom workspace (Developer Hub > your app > "
            "Authentication). Leading and trailing whitespace is ignored."
        ),
    ),
    th.Property(
        "base_url",
        th.StringType(nullable=False),
        default=US,
        title="Base URL",
        description=(
            "Base URL of the Intercom API. US: leave unset. EU: `https://api.eu.intercom.io`. "
            "Australia: `https://api.au.intercom.io`. Gateways work if they use HTTPS. Plain HTTP "
            "is accepted only for localhost."
        ),
    ),
    th.Property(
        "api_version",
        th.StringType(nullable=False),
        default="2.16",
        title="API version",
        description=(
            "Version of the Intercom API, sent in the header `Intercom-Version`. 2.16 is the first "
            "version that returns roles of teammates."
        ),
    ),
    th.Property(
        "request_timeout",
        th.NumberType(nullable=False, exclusive_minimum=0, maximum=3600),
        default=60,
        title="Request timeout",
        description=(
            "Connect and read timeout in seconds (greater than 0, at most 3600). A complete "
            "response may take up to ten times as long."
        ),
    ),
    th.Property(
        "workspace_id",
        th.StringType(nullable=False),
        title="Workspace ID",
        description=(
            "ID of the workspace to read (the part after `/apps/` in Intercom's URL). If the token "
            "belongs to another workspace, the sync fails before it reads a list."
        ),
    ),
    th.Property(
        "max_removed_percent",
        th.NumberType(nullable=False, minimum=0, maximum=100),
        default=20,
        title="Maximum removals (%)",
        description=(
            "Largest loss of rows, in percent, that a sync accepts. Each sync compares the number "
            "of teammates, teams, and memberships with the last complete sync. If a list lost "
            "more, the sync fails, and no rows of that list are marked as removed. A loss of ten "
            "rows or fewer is accepted unless no rows are left. If a larger loss is real, set 100 "
            "for one sync."
        ),
    ),
    th.Property(
        "emit_activate_version_messages",
        th.BooleanType(nullable=False),
        default=False,
        title="Emit ACTIVATE_VERSION messages",
        description=(
            "Emit an `ACTIVATE_VERSION` message after each complete stream, so the target can "
            "soft-delete or delete rows that no longer exist. Leave off for `target-singer-jsonl`, "
            "`target-json`, `target-localjson`, and `target-avro`, which fail on that message."
        ),
    ),
    th.Property(
        "start_date",
        th.DateTimeType(nullable=False),
        title="Start date",
        description=(
            "Earliest date or date-time to read `activity_logs` from on the first sync, for "
            "example `2026-01-01`. Default: 90 days ago."
        ),
    ),
    th.Property(
        "activity_types",
        th.ArrayType(th.StringType(nullable=False), nullable=False),
        title="Activity types",
        description=(
            "Event types to read into `activity_logs`; `[]` reads all. Default: types that concern "
            "access, such as `admin_deletion` and `seat_change`."
        ),
    ),
    th.Property(
        "evidence_path",
        th.StringType(nullable=False),
        title="Evidence folder",
        description=(
            "Folder for evidence of the sync: every API response, and a final line of the type "
            "`complete` if the sync succeeded. It contains everything Intercom sent, including "
            "personal data. Each sync replaces the evidence of the previous one. A relative path "
            "starts at the working directory (in Meltano, the project). Default: no evidence."
        ),
    ),
).to_dict()

BOOLEANS = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(
    ("false", "0", "no", "off"), False
)

PATTERNS = {
    "access_token": (
        r"[!-~]+",
        "access_token contains whitespace or another character that isn't allowed in a header",
    ),
    "api_version": (
        r"\d+\.\d+|[A-Z][a-z]+",
        "api_version {value!r} is not a valid Intercom API version. Use, for example, 2.16",
    ),
    "workspace_id": (
        r"[A-Za-z0-9_-]+",
        "workspace_id {value!r} is not a valid ID. Copy the part after /apps/ in Intercom's URL",
    ),
}
"""Patterns of settings, with the error message for values that don't match."""

TYPES = {
    "array": "a list of strings",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a JSON object",
    "string": "a string",
}


def normalize(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with parsed values and defaults, without empty settings.

    Args:
        config: The settings. Strings from the environment are parsed.
        schema: JSON schema of all settings, including the SDK's.
    """
    result = dict(config)
    for name, setting in schema["properties"].items():
        value = result.get(name)
        if isinstance(value, str):
            value = _parse(value.strip(), setting.get("type", ()))
        if isinstance(value, list) and value:
            value = [one.strip() if isinstance(one, str) else one for one in value]
            value = [one for one in value if one != ""] or None
        result[name] = setting.get("default") if value in ("", None) else value
    if isinstance(url := result["base_url"], str):
        result["base_url"] = url.rstrip("/")
    return {name: value for name, value in result.items() if value is not None}


def _parse(value: str, types: Collection[str]) -> Any:  # noqa: ANN401 (JSON)
    """Parse a string into the type of its setting. Return it unchanged if that fails."""
    if "string" in types or not value:
        return value
    if "boolean" in types:
        return BOOLEANS.get(value.lower(), value)
    with contextlib.suppress(ValueError):
        return json.loads(value)
    return value.split(",") if "array" in types else value


def problems_of(config: Mapping[str, Any], schema: dict[str, Any]) -> list[str]:
    """Return a message for each problem of a configuration, without the access token.

    Args:
        config: The settings, as `normalize` returns them.
        schema: JSON schema of all settings, including the SDK's.
    """
    problems = {
        str(error.path[0]) if error.path else str(error.message): _describe(error)
        for error in JSONSchemaValidator(schema).iter_errors({**config})
    }
    for name, (pattern, problem) in PATTERNS.items():
        if isinstance(value := config.get(name), str) and not re.fullmatch(pattern, value):
            problems[name] = problem.format(value=value)
    if isinstance(url := config.get("base_url"), str) and (reason := _base_url(url)):
        problems["base_url"] = f"base_url {reason}"
    if isinstance(date := config.get("start_date"), str) and not _is_date(date):
        problems["start_date"] = (
            f"start_date {date!r} is not a valid date. Use 2026-01-01 or 2026-01-01T00:00:00Z"
        )
    for name, value in config.items():
        if isinstance(value, float) and not math.isfinite(value):
            problems[name] = f"{name} must be a number (got {value})"
    if config.get("metadata_as_text") in (True, "true"):
        problems["metadata_as_text"] = (
            "metadata_as_text was removed. Use the stream map activity_logs: "
            "{metadata: json.dumps(metadata) if metadata else None}"
        )
    return list(problems.values())


def variables_by_setting(variables: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Return the names of non-empty environment variables by the setting in their name."""
    return {
        name.removeprefix(prefix).lower(): name
        for name, value in variables.items()
        if name.startswith(prefix) and value.strip()
    }


def suggest_settings(names: Collection[str], schema: Mapping[str, Any]) -> dict[str, str]:
    """Return the similar setting for each misspelled name. Inherited extractors add a prefix."""
    known = tuple(schema["properties"])
    unknown = [name for name in names if not name.endswith(known)]
    matches = {name: difflib.get_close_matches(name, known, 1, 0.9) for name in unknown}
    return {name: found[0] for name, found in matches.items() if found}


def _describe(error: Any) -> str:  # noqa: ANN401 (jsonschema's ValidationError)
    """Return the message for an error of the schema. jsonschema's would quote the access token."""
    if error.validator == "required" and not error.path:
        return (
            "access_token is missing. Set TAP_INTERCOM_ACCESS_ACCESS_TOKEN, or access_token in the "
            "configuration (Intercom's Developer Hub > your app > Authentication)"
        )
    name = ".".join(str(part) for part in error.path)
    if name == "access_token":
        return "access_token must be a string"
    limits = {
        "exclusiveMinimum": f"greater than {error.validator_value}",
        "minimum": f"at least {error.validator_value}",
        "maximum": f"at most {error.validator_value}",
        "type": next((TYPES[one] for one in TYPES if one in str(error.validator_value)), ""),
    }
    if error.validator not in limits:
        return f"{name}: {error.message}"
    return f"{name} must be {limits[error.validator]} (got {error.instance!r})"


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return False
    return True


def _base_url(url: str) -> str | None:
    """Return the problem of a base URL, None if it is valid."""
    if not re.fullmatch(r"[!-~]+", url) or re.search(r"[\\{}<>\"^`|]", url):
        return "contains whitespace, a backslash, or another character that isn't allowed in a URL"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a valid URL"
    if "@" in parts.netloc:
        return "must not contain a user name or password"
    if "?" in url or "#" in url:
        return "must not contain a query or a fragment"
    if not host or parts.scheme not in ("http", "https"):
        return f"must be an https URL. Leave it unset, or use {REGIONS}"
    if parts.scheme == "http" and not _is_loopback(host):
        return f"must be https, so that the token is encrypted in transit: {REGIONS}"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
