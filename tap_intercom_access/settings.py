"""What a user may set, and what is wrong with what a user has set."""

from __future__ import annotations

import contextlib
import ipaddress
import math
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import singer_sdk.typing as th
from singer_sdk.plugin_base import JSONSchemaValidator

from tap_intercom_access.intercom.endpoints import REGIONS, US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jsonschema import ValidationError

SETTINGS = th.PropertiesList(
    th.Property(
        "access_token",
        th.StringType(nullable=False),
        required=True,
        secret=True,
        title="Access token",
        description=(
            "Access token of an app in the Intercom workspace: Developer Hub > your app > "
            "Authentication. White space around it is ignored."
        ),
    ),
    th.Property(
        "base_url",
        th.StringType(nullable=False),
        default=US,
        title="Base URL",
        description=(
            "Where Intercom's API is. Leave it out for a workspace in the US; "
            "`https://api.eu.intercom.io` for the EU, `https://api.au.intercom.io` for Australia. "
            "A gateway's https URL, with or without a path, works too; plain http only on this "
            "machine."
        ),
    ),
    th.Property(
        "api_version",
        th.StringType(nullable=False),
        default="2.16",
        title="API version",
        description=(
            "Version of Intercom's API, sent as the header `Intercom-Version`. 2.16 is the first "
            "with a teammate's role."
        ),
    ),
    th.Property(
        "request_timeout",
        th.NumberType(nullable=False, exclusive_minimum=0, maximum=3600),
        default=60,
        title="Request timeout",
        description=(
            "Seconds to wait for Intercom to connect and to go on answering, before a try counts "
            "as failed. A whole response may take ten times as long. More than 0, at most 3600."
        ),
    ),
    th.Property(
        "workspace_id",
        th.StringType(nullable=False),
        title="Workspace id",
        description=(
            "Id of the workspace that this job is for, as the address bar of Intercom shows it "
            "(`app.intercom.com/a/apps/ID/…`). With it, a token of another workspace ends the sync "
            "before anything is read."
        ),
    ),
    th.Property(
        "max_removed_percent",
        th.NumberType(nullable=False, minimum=0, maximum=100),
        default=20,
        title="Most rows that may be gone, in percent",
        description=(
            "How much of its rows a list of teammates, teams or memberships may lose from one "
            "complete sync to the next, in percent, before the sync fails instead of telling the "
            "target who left. Losses of ten rows or fewer pass unless none is left; 100 accepts "
            "all."
        ),
    ),
    th.Property(
        "emit_activate_version_messages",
        th.BooleanType(nullable=False),
        default=False,
        title="Tell the target who left",
        description=(
            "Whether to end each stream that was read completely with an `ACTIVATE_VERSION` "
            "message, by which a target marks or removes the rows of teammates, teams and "
            "memberships that are gone. Leave it off for `target-singer-jsonl`, `target-json`, "
            "`target-localjson` and `target-avro`, which end with a traceback at that message."
        ),
    ),
    th.Property(
        "start_date",
        th.DateTimeType(nullable=False),
        title="Start date",
        description=(
            "Date, or date and time, from which to read `activity_logs` in the first sync, such as "
            "`2026-01-01`. Without it: 90 days back, what a quarterly review looks at."
        ),
    ),
    th.Property(
        "activity_types",
        th.ArrayType(th.StringType(nullable=False), nullable=False),
        title="Activity types",
        description=(
            "Types of events to read into `activity_logs`; `[]` reads all. Without it: the types "
            "that concern access, which docs/activity-logs.md lists."
        ),
    ),
    th.Property(
        "metadata_as_text",
        th.BooleanType(nullable=False),
        default=False,
        title="Metadata as text",
        description=(
            "Whether `metadata` of `activity_logs` is a text that holds JSON instead of an object, "
            "for targets that need to know an object's properties, such as those for Avro and "
            "Parquet."
        ),
    ),
    th.Property(
        "evidence_path",
        th.StringType(nullable=False),
        title="Folder for evidence",
        description=(
            "Folder in which to keep evidence of the sync, in place of that of an earlier one: a "
            "line for each response, and a last one only if the sync is complete. Relative to the "
            "working directory, in Meltano to the project. Left out, nothing is kept."
        ),
    ),
    th.Property(
        "evidence_bodies",
        th.BooleanType(nullable=False),
        default=False,
        title="Bodies as evidence",
        description=(
            "Whether to keep the bodies of the responses, too, so that `intercom-sandbox --replay` "
            "runs the sync again without Intercom. They hold all that Intercom sent."
        ),
    ),
).to_dict()

NUMBERS = ("request_timeout", "max_removed_percent")
BOOLEANS = ("true", "1", "yes", "on", "false", "0", "no", "off")


def normalise(config: Mapping[str, Any]) -> dict[str, Any]:
    """Give a configuration in its final form, defaults included; what is no number stays a text.

    Empty settings count as left out: that is how unset variables arrive.
    """
    result = dict(config)
    for name in SETTINGS["properties"]:
        if isinstance(value := result.get(name), str):
            result[name] = value.strip()
        if result.get(name) in ("", None):
            result.pop(name, None)
    if isinstance(url := result.get("base_url"), str):
        result["base_url"] = url.rstrip("/")
    for name in NUMBERS:
        if isinstance(number := result.get(name), str):  # from the environment
            with contextlib.suppress(ValueError):
                result[name] = float(number)
    defaults = {n: s["default"] for n, s in SETTINGS["properties"].items() if "default" in s}
    return defaults | result


def faults(config: Mapping[str, Any], schema: dict[str, Any]) -> list[str]:
    """List all faults of a configuration in its final form; none quotes the access token.

    Args:
        config: The settings, as `normalise` gives them.
        schema: JSON schema of all settings, the SDK's own included.

    Returns:
        One sentence per fault, none where the configuration can be used.
    """
    problems = {
        str(error.path[0]) if error.path else str(error.message): _in_words(error)
        for error in JSONSchemaValidator(schema).iter_errors({**config})
    }
    rules = {
        "access_token": _token,
        "base_url": _base_url,
        "api_version": _version,
        "start_date": _date,
        "workspace_id": _workspace,
    }
    for name, rule in rules.items():
        if isinstance(config.get(name), str) and (problem := rule(config[name])):
            problems[name] = f"{name} {problem}"
    if config.get("evidence_bodies") is True and "evidence_path" not in config:
        problems["evidence_bodies"] = "evidence_bodies keeps nothing without evidence_path"
    for name in NUMBERS:
        if isinstance(number := config.get(name), float) and not math.isfinite(number):
            problems[name] = f"{name}: {number} is not a number"
    return list(problems.values())


def is_on_this_machine(url: str) -> bool:
    """Tell whether a base URL that can be used leads to this machine."""
    return _base_url(url) is None and _is_loopback(urlsplit(url).hostname or "")


def variables_of_settings(variables: Mapping[str, str], prefix: str) -> dict[str, str]:
    """List the variables of the environment that are meant for this tap, by setting.

    Left out are empty ones, the level of the log, what Meltano adds (`PREFIX__SELECT`), and the
    settings of an extractor that inherits from this one (`PREFIX_US_ACCESS_TOKEN`).

    Args:
        variables: The environment.
        prefix: What the names of all settings begin with.
    """
    known = tuple(f"_{name.upper()}" for name in SETTINGS["properties"])
    return {
        name.lower(): variable
        for variable, value in variables.items()
        if value.strip()
        and (name := variable.removeprefix(prefix)) != variable
        and not name.startswith("_")
        and not name.endswith((*known, "LOGLEVEL"))
        and "__" not in name
    }


def boolean_faults(variables: Mapping[str, str], schema: dict[str, Any]) -> list[str]:
    """List the variables that are neither true nor false: the SDK takes any other text for false.

    Args:
        variables: The variables of the environment, by setting.
        schema: JSON schema of all settings, the SDK's own included.
    """
    return [
        f"{name} is {value!r}: set it to true or false"
        for name, value in variables.items()
        if "boolean" in schema["properties"].get(name, {}).get("type", ())
        and value.lower() not in BOOLEANS
    ]


def _in_words(error: ValidationError) -> str:
    if error.validator == "required" and not error.path:
        return (
            "access_token is missing: set TAP_INTERCOM_ACCESS_ACCESS_TOKEN or access_token in the "
            "configuration (Intercom's Developer Hub > your app > Authentication)"
        )
    name = ".".join(str(part) for part in error.path)
    if name == "access_token":
        return "access_token must be a text in quotes"
    return f"{name}: {error.message}"


def _token(token: str) -> str | None:
    if re.fullmatch(r"[!-~]+", token):
        return None
    return (
        "holds white space, a line break or a character that no HTTP header carries: copy the "
        "token alone, without 'Bearer' and without line breaks"
    )


def _version(version: str) -> str | None:
    if re.fullmatch(r"\d+\.\d+|[A-Z][a-z]+", version):
        return None
    return "is not a version of Intercom's API, such as 2.16"


def _workspace(id_: str) -> str | None:
    if re.fullmatch(r"[A-Za-z0-9_-]+", id_):
        return None
    return "is not the id of a workspace: copy the part after /apps/ from Intercom's address bar"


def _date(date: str) -> str | None:
    try:
        datetime.fromisoformat(date.replace("Z", "+00:00"))
    except ValueError:
        return "is not a date such as 2026-01-01 or 2026-01-01T00:00:00Z"
    return None


def _base_url(url: str) -> str | None:
    if not re.fullmatch(r"[!-~]+", url) or re.search(r"[\\{}<>\"^`|]", url):
        return "holds white space, a backslash or another character that no URL has"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if "@" in parts.netloc:
        return "must not hold a user name or password"
    if "?" in url or "#" in url:
        return "must not hold a query or a fragment"
    if not host or parts.scheme not in ("http", "https"):
        return f"must be an https URL: leave it out or use {REGIONS}"
    if parts.scheme == "http" and not _is_loopback(host):
        return f"must be https, so that the token travels encrypted: {REGIONS}"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
