"""Check exported files: fail where a governance tool would reject or ignore a value."""

import csv
import io
import json
import re
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Any

Row = dict[str, Any]
FIELDS = {  # required fields, and optional ones
    "users": (
        "id display_name",
        "email status type last_login login mfa_enabled sso_enabled status_details profile",
    ),
    "resources": (
        "resource_type trait id display_name",
        "description parent_resource profile",
    ),
    "entitlements": ("resource_id entitlement_slug", "display_name description"),
    "direct_user_grants": ("principal_id resource_id entitlement_slug", ""),
}
HEADERS = {
    "Access File - *.csv": "Account name,Account owner,Role,Status",
    "probo.csv": "email,full_name,role,job_title,is_admin,active,external_id,account_type",
    "hyperproof.csv": "Email,Owner,Role,Groups",
}
VALUES = {
    "Account owner": r".+@.+|External user|No owner|Not a person|",
    "Status": "Active|Deactivated",
    "is_admin": "true|false|",
    "active": "true|false",
    "account_type": "SERVICE_ACCOUNT|",
} | dict.fromkeys(("email", "role", "job_title", "Role", "Groups"), ".*")


def check_baton(folder: Path) -> dict[str, list[Row]]:
    """Return the sections of a file that baton-file accepts."""
    file: dict[str, list[Row]] = json.loads((folder / "baton-file.json").read_text("utf-8"))
    assert file.keys() == FIELDS.keys()
    for section, (required, optional) in FIELDS.items():
        for row in file[section]:
            assert {*required.split()} <= row.keys() <= {*f"{required} {optional}".split()}, row
            assert all(isinstance(row[name], str) and row[name] for name in required.split()), row
    users, resources = ([row["id"] for row in file[name]] for name in ("users", "resources"))
    entitlements = [(row["resource_id"], row["entitlement_slug"]) for row in file["entitlements"]]
    grants = [tuple(row.values()) for row in file["direct_user_grants"]]
    for unique in (users + resources, entitlements, grants):
        assert len(unique) == len(set(unique))
    assert {resource for resource, _ in entitlements} <= set(resources)
    assert {user for user, _, _ in grants} <= set(users)
    assert {grant[1:] for grant in grants} <= set(entitlements)
    assert {row["trait"] for row in file["resources"]} <= {"group", "role", "app", "secret", "user"}
    parents = [(row["id"], row.get("parent_resource")) for row in file["resources"]]
    assert {parent for _, parent in parents} <= {None, *resources}
    assert all(one != parent for one, parent in parents)
    for row in file["users"]:
        assert row.get("type") in {None, "human", "service"}
        assert datetime.fromisoformat(row.get("last_login", "2026-01-01"))
    return file


def check_csv(folder: Path, pattern: str) -> list[Row]:
    """Return the rows of a CSV file. Fail for formulas, outer spaces, and control characters."""
    (path,) = folder.glob(pattern)
    text = path.read_bytes().decode()
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows = list(reader)
    assert ",".join(reader.fieldnames or ()) == HEADERS[pattern]
    cells = text.replace('"', "").split(";")  # programs ignore quotes in the middle of a cell
    for delimiter in ",;":
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        cells += [cell for line in lines for cell in line]
    for cell in cells:
        shown = "".join(c for c in cell if unicodedata.category(c) not in {"Cc", "Cf", "Mn"})
        assert unicodedata.normalize("NFKC", shown.strip())[:1] not in tuple("=+-@\u2212"), cell
    for row in rows:
        for name, value in row.items():
            assert re.fullmatch(VALUES.get(name, ".+"), value), row
            assert value == " ".join(value.split()), row
            assert not re.search(r"[\x00-\x1f\x7f\u2028\u2029]", value), row
    return rows


def check_all(folder: Path) -> tuple[dict[str, list[Row]], list[Row], list[Row], list[Row]]:
    """Return the contents of the files for baton-file, Vanta, Probo, and Hyperproof."""
    baton = check_baton(folder)
    vanta, probo, hyperproof = (check_csv(folder, pattern) for pattern in HEADERS)
    assert len(baton["users"]) == len(vanta) == len(probo) == len(hyperproof)
    assert all(row["Role"] for row in hyperproof)
    return baton, vanta, probo, hyperproof
