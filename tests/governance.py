"""What governance tools accept: each check raises where they would refuse or drop something."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.tap import environment

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, Any]
FIELDS = {
    "users": (
        {"id", "display_name"},
        {"email", "status", "type", "last_login", "login", "mfa_enabled", "sso_enabled"}
        | {"status_details", "profile"},
    ),
    "resources": (
        {"resource_type", "trait", "id", "display_name"},
        {"description", "parent_resource", "profile"},
    ),
    "entitlements": ({"resource_id", "entitlement_slug"}, {"display_name", "description"}),
    "direct_user_grants": ({"principal_id", "resource_id", "entitlement_slug"}, set()),
}
TRAITS = {"group", "role", "app", "secret", "user"}


def check_baton(path: Path) -> dict[str, list[Row]]:
    """The sections of a file that baton-file takes."""
    file: dict[str, list[Row]] = json.loads(path.read_text(encoding="utf-8"))
    assert file.keys() == FIELDS.keys()
    for section, (required, optional) in FIELDS.items():
        for row in file[section]:
            assert required <= row.keys() <= required | optional, row
            assert all(isinstance(row[name], str) and row[name] for name in required), row
    ids = [row["id"] for section in ("users", "resources") for row in file[section]]
    assert len(ids) == len(set(ids))
    resources = {row["id"] for row in file["resources"]}
    entitlements = [(row["resource_id"], row["entitlement_slug"]) for row in file["entitlements"]]
    assert len(entitlements) == len(set(entitlements))
    assert {resource for resource, _ in entitlements} <= resources
    for row in file["resources"]:
        assert row["trait"] in TRAITS
        assert row.get("parent_resource") in resources | {None}
    grants = [tuple(row.values()) for row in file["direct_user_grants"]]
    assert len(grants) == len(set(grants))
    users = {row["id"] for row in file["users"]}
    defined = set(entitlements)
    assert all(user in users and (a, b) in defined for user, a, b in grants)
    for row in file["users"]:
        if "last_login" in row:
            datetime.fromisoformat(row["last_login"])
    return file


HOME = {"id": "w", "name": "W"}
PERSON: dict[str, Any] = {
    "id": "1",
    "name": "A",
    "email": "a@x",
    "has_inbox_seat": True,
    "team_ids": [],
    "role": None,
}
TEAM = {"id": "7", "name": "T"}
MEMBER = {"team_id": "7", "admin_id": "1", "priority_level": None}


def write_rows(example: Path, **files: list[dict[str, Any]]) -> None:
    """Begin a run and write its rows, by stream, as target-jsonl does."""
    assert step(example, "begin").returncode == 0
    for stream, rows in files.items():
        with (example / "run" / f"{stream}.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)


def sign_in_of(admin_id: str, day: int) -> Row:
    """A row of the activity logs: somebody signs in on a day of January."""
    return {
        "activity_type": "admin_login_success",
        "created_at": f"2026-01-{day:02}T00:00:00+00:00",
        "performed_by": {"id": admin_id},
    }


def written(example: Path, umask: int = -1, /, **variables: str) -> str:
    """What the last step prints when all goes well."""
    done = step(example, "write", umask, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


def cells(text: str, delimiter: str) -> list[str]:
    """The cells that a spreadsheet program sees, which does not trust quotes in a cell's middle."""
    return [cell for row in csv.reader(io.StringIO(text), delimiter=delimiter) for cell in row]


def check_csv(path: Path, header: list[str], required: set[str]) -> list[Row]:
    """The rows of a CSV file without formulas, blanks around values or odd characters."""
    text = path.read_bytes().decode()
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows = list(reader)
    assert reader.fieldnames == header
    for cell in cells(text, ",") + cells(text, ";") + text.replace('"', "").split(";"):
        shown = "".join(c for c in cell if unicodedata.category(c) not in {"Cc", "Cf", "Mn"})
        assert unicodedata.normalize("NFKC", shown.strip())[:1] not in tuple("=+-@\u2212"), cell
    for row in rows:
        for name, value in row.items():
            assert value == value.strip(), (name, value)
            assert not re.search(r"[\x00-\x1f\x7f\u2028\u2029]", value), value
        assert all(row[name] for name in required), row
    return rows


def check_vanta(folder: Path) -> list[Row]:
    """The rows of Vanta's access file."""
    (path,) = folder.glob("Access File - * - Intercom.csv")
    header = ["Account name", "Account owner", "Role", "Status"]
    rows = check_csv(path, header, {"Account name", "Status"})
    for row in rows:
        assert row["Status"] in ("Active", "Deactivated")
        owner = row["Account owner"]
        assert "@" in owner or owner in ("External user", "No owner", "Not a person", "")
    return rows


def check_probo(folder: Path) -> list[Row]:
    """The rows of Probo's file."""
    header = ["email", "full_name", "role", "job_title", "is_admin", "active"]
    header += ["external_id", "account_type"]
    rows = check_csv(folder / "probo.csv", header, {"full_name", "external_id", "active"})
    for row in rows:
        assert row["is_admin"] in ("true", "false", "")
        assert row["active"] in ("true", "false")
        assert row["account_type"] in ("SERVICE_ACCOUNT", "")
    return rows


def check_hyperproof(folder: Path) -> list[Row]:
    """The rows of Hyperproof's file."""
    header = ["Email", "Owner", "Role", "Groups"]
    return check_csv(folder / "hyperproof.csv", header, {"Email", "Owner", "Role"})


def step(
    example: Path, command: str, umask: int = -1, /, **variables: str
) -> subprocess.CompletedProcess[str]:
    """A finished command of the example."""
    return subprocess.run(
        [sys.executable, f"export/{command}.py"],
        capture_output=True,
        check=False,
        cwd=example,
        encoding="utf-8",
        env=environment(PYTHONIOENCODING="utf-8", **variables),
        umask=umask,
    )
