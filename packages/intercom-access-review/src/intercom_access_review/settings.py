"""The settings of a project, from settings.yml."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import click
import msgspec
import yaml
from msgspec import Meta

PATH = Path("settings.yml")
ALERTS = {
    "terminated": ("terminated", "terminated_overdue", "service_left"),
    "overdue": ("revocation_overdue", "terminated_overdue", "decisions_overdue"),
    "privileged": ("privileged_new", "no_role", "privileged_inactive", "role_log_entry"),
}
"""Groups of items for fail_on."""
FROM_ENVIRONMENT = ("signing_key", "allowed_signers", "timestamp_url", "timestamp_ca")
ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
ADDRESS = re.compile(rf"(?ai:{ATOM}(\.{ATOM})*@[a-z0-9-]+(\.[a-z0-9-]+)*)")

Days = Annotated[int, Meta(ge=0, le=3650)]
EXPECTED = {
    "warehouse": "duckdb or postgres",
    "fail_on": "a list such as [overdue]",
    "mail_from": "an address such as a@example.com",
    "require": "a list of signature, timestamp, or both",
}
DAYS = "a number of days from 0 to 3650"


class Settings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The settings in settings.yml. None means that there is no deadline."""

    warehouse: Literal["duckdb", "postgres"] = "duckdb"
    decide_within_days: Days | None = None
    remove_within_days: Days | None = None
    privileged_decide_within_days: Days | None = None
    privileged_remove_within_days: Days | None = None
    terminated_remove_within_days: Days | None = None
    fail_on: list[str] = []
    mail_from: Annotated[str, Meta(pattern=rf"^{ADDRESS.pattern}\Z")] = ""
    worksheet_link: str = ""
    teammates_export_column: str = ""
    signing_key: str = ""
    allowed_signers: str = "inputs/allowed_signers"
    timestamp_url: str = ""
    timestamp_ca: str = ""
    require: list[Literal["signature", "timestamp"]] = []

    @property
    def deadlines(self) -> dict[str, int]:
        """The deadlines in days. For privileged access, the general ones are the default."""
        days = {n: v for n, v in msgspec.structs.asdict(self).items() if n.endswith("_days")}
        for name in ("decide_within_days", "remove_within_days"):
            if days[f"privileged_{name}"] is None:
                days[f"privileged_{name}"] = days[name]
        return {name: value for name, value in days.items() if value is not None}

    @property
    def alerts(self) -> set[str]:
        """The kinds of items that end a sync with exit code 1 when an item is new."""
        return {item for word in self.fail_on for item in ALERTS.get(word, (word,))}


def load_settings(items: Iterable[str]) -> Settings:
    """Read the settings of the project in this folder.

    Args:
        items: The names of all items, which fail_on can list.

    Raises:
        click.ClickException: A setting is unknown, or has an invalid value.
    """
    try:
        values: Any = yaml.safe_load(PATH.read_text(encoding="utf-8-sig")) or {}
        values = {name: value for name, value in values.items() if value is not None}
        settings = msgspec.convert(values, Settings)
    except OSError as error:
        raise click.ClickException(
            f"Cannot read {PATH}: {error.strerror}. Run this command in the folder of a project "
            "that 'intercom-access-review init' created."
        ) from error
    except msgspec.ValidationError as error:
        raise click.ClickException(explain(str(error), values)) from error
    except (ValueError, AttributeError, yaml.YAMLError) as error:
        raise click.ClickException(f"{PATH} is not valid YAML such as 'fail_on: []'.") from error
    known = dict.fromkeys([*ALERTS, *items])
    if unknown := sorted({*settings.fail_on} - {*known}):
        text = f"fail_on lists {', '.join(unknown)}. Use: {', '.join(known)}."
        raise click.ClickException(f"{PATH}: {text}")
    overrides = {name: os.environ.get(f"REVIEW_{name.upper()}") for name in FROM_ENVIRONMENT}
    given = {name: value for name, value in overrides.items() if value}
    return msgspec.structs.replace(settings, **given)


def explain(error: str, values: dict[str, Any]) -> str:
    """Return a message about an invalid setting."""
    names = Settings.__struct_fields__
    if unknown := [str(name) for name in values if name not in names]:
        known = ", ".join(names)
        return f"{PATH} sets {', '.join(unknown)}, which is unknown. The settings are: {known}."
    match = re.search(r"\$\.(\w+)", error)
    name = match.group(1) if match else ""
    expected = DAYS if name.endswith("_days") else EXPECTED.get(name, "a string")
    return f"{PATH}: {name} is {values.get(name)!r}. Use {expected}."


def deadline(begin: date, deadlines: dict[str, int], what: str, privileged: str) -> str:
    """Return a due date, or an empty string if there is no deadline.

    Args:
        begin: The day from which the deadline counts.
        deadlines: The deadlines of the review.
        what: "decide" or "remove".
        privileged: The column of the worksheet: empty for access that is not privileged.
    """
    within = deadlines.get(f"{'privileged_' if privileged else ''}{what}_within_days")
    return "" if within is None else str(begin + min(timedelta(within), date.max - begin))
