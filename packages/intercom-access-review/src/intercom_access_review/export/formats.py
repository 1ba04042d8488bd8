"""The files of governance tools."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

from intercom_access_review import texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from intercom_access_review.export.access import Access, User

FORMATS = ("baton", "vanta", "probo", "hyperproof")
BATON = "baton-file.json"
FILE_NAME_BYTES = 100
NO_ROLE = "No role: may have custom permissions"
NOT_LISTED = "Not in the list of teammates"
TRAITS = {"workspace": "app", "team": "group", "role": "role"}
ENTITLEMENTS = {
    "workspace": {"member": "Member of {}", "inbox_seat": "Inbox seat in {}"},
    "team": {"member": "Member of {}", "primary": "Primary of {}", "secondary": "Secondary of {}"},
    "role": {"assigned": "Role {}"},
}


def files(access: Access, company_domains: set[str]) -> dict[str, tuple[str, str]]:
    """Return the name and the content of each file, by format."""
    company = _file_name(access.workspace.name) or _file_name(access.workspace.id)
    return {
        "baton": (BATON, baton_file(access)),
        "vanta": (f"Access File - {company} - Intercom.csv", vanta_file(access, company_domains)),
        "probo": ("probo.csv", probo_file(access)),
        "hyperproof": ("hyperproof.csv", hyperproof_file(access)),
    }


def baton_file(access: Access) -> str:
    """Return the JSON file of ConductorOne's baton-file."""
    sections = {
        "users": [_baton_user(user) for user in access.users],
        "resources": [
            {"resource_type": kind, "trait": TRAITS[kind], "id": id_, "display_name": name}
            | ({} if kind == "workspace" else {"parent_resource": access.workspace.id})
            for kind, id_, name in access.resources
        ],
        "entitlements": [
            {"resource_id": id_, "entitlement_slug": slug, "display_name": title.format(name)}
            for kind, id_, name in access.resources
            for slug, title in ENTITLEMENTS[kind].items()
        ],
        "direct_user_grants": [
            {"principal_id": user.id, "resource_id": resource.id, "entitlement_slug": slug}
            for user in access.users
            for resource, slug in user.grants
        ],
    }
    return json.dumps(sections, ensure_ascii=False, indent=1) + "\n"


def vanta_file(access: Access, company_domains: set[str]) -> str:
    """Return Vanta's access file; users are external only if company domains are given."""
    names = texts.distinct_names({user.id: user.name for user in access.users if not user.email})
    rows = []
    for user in access.users:
        domain = user.key.rpartition("@")[2]
        is_external = user.email and company_domains and domain not in company_domains
        owner = "External user" if is_external else user.email
        owner = owner if user.is_person else "Not a person"
        roles = _list(user.names("role") + user.names("team"))
        rows.append((user.email or names[user.id], owner, roles, "Active"))
    return _csv("Account name,Account owner,Role,Status", rows)


def probo_file(access: Access) -> str:
    """Return Probo's file; is_admin is empty because Intercom doesn't report it."""
    rows = []
    for user in access.users:
        role = "".join(user.names("role"))
        kind = "" if user.is_person else "SERVICE_ACCOUNT"
        rows.append((user.email, user.name, role, user.job_title, "", "true", user.id, kind))
    header = "email,full_name,role,job_title,is_admin,active,external_id,account_type"
    return _csv(header, rows)


def hyperproof_file(access: Access) -> str:
    """Return Hyperproof's file, in which each user needs a role."""
    names = {user.key: user.name for user in access.users if user.key}
    rows = []
    for user in access.users:
        owner = names.get(texts.comparison_key(user.owner), user.owner) or user.name
        is_listed = bool(user.names("workspace"))
        role = "".join(user.names("role")) or (NO_ROLE if is_listed else NOT_LISTED)
        rows.append((user.email or user.id, owner, role, _list(user.names("team"))))
    return _csv("Email,Owner,Role,Groups", rows)


def _file_name(text: str) -> str:
    """Return as much of a string as fits in a file name on every system."""
    safe = re.sub(r'[\\/:*?"<>|]', "_", texts.HIDDEN.sub("_", text)).strip(" .")
    short = safe.encode()[:FILE_NAME_BYTES].decode(errors="ignore")
    return short.rstrip(" .\N{ZERO WIDTH JOINER}")


def _baton_user(user: User) -> dict[str, Any]:
    role = "".join(user.names("role"))
    seat, kind = user.has_inbox_seat, None if user.is_person else "service"
    profile = _known(job_title=user.job_title, role=role, has_inbox_seat=seat, owner=user.owner)
    row = _known(id=user.id, display_name=user.name, email=user.email, login=user.email)
    return row | _known(type=kind, last_login=user.last_login, profile=profile)


def _known(**values: object) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in ("", None, {})}


def _csv(header: str, rows: Iterable[tuple[str, ...]]) -> str:
    """Return CSV that a spreadsheet program reads without running formulas."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header.split(","))
    writer.writerows([texts.escape_formulas(cell) for cell in row] for row in rows)
    return text.getvalue()


def _list(names: list[str]) -> str:
    """Join names with commas; a comma in a name becomes a semicolon."""
    return ", ".join(name.replace(",", ";") for name in names)
