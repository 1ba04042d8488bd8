"""Reads seeds/settings.ini: the deadlines, what is an alert, and who sends the mails."""

from __future__ import annotations

import configparser
import os
import re
import sys
from datetime import date, timedelta

from folders import MOST_DAYS, SEEDS, Row, write_seed

PATH = SEEDS / "settings.ini"
SECTION = "review"
DEADLINES = (
    "decide_within_days",
    "remove_within_days",
    "privileged_decide_within_days",
    "privileged_remove_within_days",
    "leaver_remove_within_days",
)
ALERTS = {  # what a word of fail_on stands for; the name of any finding stands for itself
    "leaver": ("leaver", "leaver_overdue", "service_left"),
    "overdue": ("removal_overdue", "leaver_overdue", "decision_overdue"),
    "privileged": (
        "privileged_new",
        "no_role",
        "privileged_quiet",
        "role_edited",
        "role_change_unclear",
    ),
}
OTHERS = (
    "teammates_export_column",
    "signing_key",
    "allowed_signers",
    "timestamp_url",
    "timestamp_ca",
    "require",
)
REQUIRABLE = ("dated", "signed")
ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
ADDRESS = re.compile(rf"{ATOM}(\.{ATOM})*@[a-z0-9-]+(\.[a-z0-9-]+)*", re.IGNORECASE | re.ASCII)


def _values() -> dict[str, str]:
    if not PATH.exists():
        return {}
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(PATH.read_text(encoding="utf-8-sig"), source=str(PATH))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        sys.exit(f"{PATH} cannot be read: {' '.join(str(error).split())}")
    others = [name for name in parser.sections() if name != SECTION]
    if others or parser.defaults() or not parser.has_section(SECTION):
        sys.exit(f"{PATH}: all settings stand below one line with [{SECTION}]")
    values = {name: " ".join(value.split()) for name, value in parser[SECTION].items()}
    known = (*DEADLINES, "fail_on", "mail_from", *OTHERS)
    if unknown := sorted(values.keys() - set(known)):
        sys.exit(f"{PATH}: {', '.join(unknown)} is no setting; there are: {', '.join(known)}")
    return {name: value for name, value in values.items() if value}


def deadlines() -> dict[str, int]:
    """Give the deadlines that are set, in days; privileged access has the general ones, too."""
    days = {}
    for name, value in _values().items():
        if name in DEADLINES:
            if not re.fullmatch(r"[0-9]{1,4}", value) or int(value) > MOST_DAYS:
                sys.exit(f"{PATH}: {name} is {value!r}, not a number of days from 0 to {MOST_DAYS}")
            days[name] = int(value)
    for name in ("decide_within_days", "remove_within_days"):
        if name in days:
            days.setdefault(f"privileged_{name}", days[name])
    return days


def alerts(known: set[str]) -> set[str]:
    """Give the findings that end a nightly run with 1 when they are new.

    Args:
        known: The names of all findings.
    """
    words = {word.strip().lower() for word in _values().get("fail_on", "").split(",")} - {""}
    if wrong := sorted(words - ALERTS.keys() - known):
        sys.exit(
            f"{PATH}: fail_on names {', '.join(wrong)}; there are: {', '.join(sorted(ALERTS))}, "
            f"and the names of findings: {', '.join(sorted(known))}"
        )
    return {finding for word in words for finding in ALERTS.get(word, (word,))}


def mail_from() -> str:
    """Give the address that the mails are from, or nothing."""
    value = _values().get("mail_from", "")
    if value and not ADDRESS.fullmatch(value):
        sys.exit(f"{PATH}: mail_from is {value!r}, not an address such as reviews@example.com")
    return value


def value(name: str) -> str:
    """Give a setting of OTHERS: that of its variable REVIEW_NAME, or of the file, or nothing."""
    return os.environ.get(f"REVIEW_{name.upper()}") or _values().get(name, "")


def required() -> set[str]:
    """Give what a review has to be: "signed", "dated", both or nothing."""
    words = {word.strip().lower() for word in value("require").split(",")} - {""}
    if words - set(REQUIRABLE):
        sys.exit(f"{PATH}: require is {value('require')!r}; there are: {', '.join(REQUIRABLE)}")
    return words


def due(begin: date, days: dict[str, int], what: str, *, is_privileged: bool) -> str:
    """Give the last day on which something is in time, or nothing where no deadline is set.

    Args:
        begin: The day from which the deadline counts.
        days: The deadlines.
        what: "decide" or "remove".
        is_privileged: Whether it is about privileged access.
    """
    within = days.get(f"{'privileged_' if is_privileged else ''}{what}_within_days")
    return "" if within is None else str(begin + timedelta(days=within))


def check(known: set[str]) -> None:
    """Check all settings, and only then write the deadlines for dbt."""
    days: Row = {**deadlines()}
    alerts(known)
    mail_from()
    required()
    write_seed("deadlines", list(DEADLINES), [days])
