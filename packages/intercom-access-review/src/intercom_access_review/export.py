"""Write the access list in the file formats of governance tools."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from intercom_access_review import texts
from intercom_access_review.access_list import AccessList, User, read_access
from intercom_access_review.files import make_folder, write_texts
from intercom_access_review.inputs import read_owners
from intercom_access_review.spreadsheets import csv_text

FORMATS = ("baton", "vanta", "probo", "hyperproof")
PATH = click.Path(path_type=Path)
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


@click.command
@click.argument("evidence", type=PATH)
@click.option("--format", "tool", type=click.Choice([*FORMATS, "all"]), default="all")
@click.option("--output", type=PATH, default="governance-export", help="Folder to write to.")
@click.option("--company-domain", "domains", multiple=True, help="Domain of your addresses.")
@click.option("--service-accounts", "services", type=PATH, help="CSV file with email and owner.")
def export(
    evidence: Path, tool: str, output: Path, domains: tuple[str, ...], services: Path | None
) -> None:
    """Write the access list in the formats of governance tools, or in one of them.

    EVIDENCE is the folder in the tap's setting evidence_path, or the folder intercom of a review.
    The last login of a user comes from its activity logs.

    With --company-domain, which you can repeat, people with addresses of other domains are external
    users for Vanta. The accounts in the file of --service-accounts are not people.
    """
    company_domains = {texts.comparison_key(domain).removeprefix("@") for domain in domains}
    owners = read_owners(services) if services else {}
    access = read_access(evidence, owners)
    check_workspace(output / BATON, access)
    named = files(access, company_domains)
    contents = dict(named[name] for name in FORMATS if tool in (name, "all"))
    make_folder(output)
    write_texts(output, contents)
    for name in contents:
        click.echo(f"Wrote {output / name} (users: {len(access.users)})")
    for path in sorted(output.iterdir()):
        if path.name not in contents:
            click.echo(f"Not updated: {path}")
    for remark in remarks(access.users, company_domains, owners):
        click.echo(remark)


def check_workspace(path: Path, access: AccessList) -> None:
    """Raise an error if a file is not an earlier export of the workspace."""
    if path.exists() and f'"{access.workspace.id}"' not in path.read_text("utf-8", "replace"):
        raise click.ClickException(f"{path} belongs to another workspace. Use another --output.")


def remarks(users: list[User], domains: set[str], owners: dict[str, str]) -> Iterator[str]:
    """Yield remarks and warnings for the user of the files."""
    if services := [user for user in users if not user.is_person]:
        yield f"Service accounts and bots: {labels(services)}"
    if ignored := [user for user in users if not user.email]:
        yield f"Users without an email address, whom Probo ignores: {labels(ignored)}"
    for key in sorted(owners.keys() - {user.email for user in users}):
        yield f"Warning: no account has the address {key} of --service-accounts."
    for domain in sorted(domains - {user.email.rpartition("@")[2] for user in users}):
        yield f"Warning: no account has an address of --company-domain {domain}."


def labels(users: list[User]) -> str:
    """Return the IDs and names of users as one string."""
    return ", ".join(f"{user.id} ({user.name})" for user in users)


def files(access: AccessList, company_domains: set[str]) -> dict[str, tuple[str, str]]:
    """Return the name and the content of each file, by format."""
    company = file_name(access.workspace.name) or file_name(access.workspace.id)
    return {
        "baton": (BATON, baton_file(access)),
        "vanta": (f"Access File - {company} - Intercom.csv", vanta_file(access, company_domains)),
        "probo": ("probo.csv", probo_file(access)),
        "hyperproof": ("hyperproof.csv", hyperproof_file(access)),
    }


def baton_file(access: AccessList) -> str:
    """Return the JSON file of ConductorOne's baton-file."""
    sections = {
        "users": [baton_user(user) for user in access.users],
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


def vanta_file(access: AccessList, company_domains: set[str]) -> str:
    """Return Vanta's access file; users are external only if company domains are given."""
    names = texts.distinct_names({user.id: user.name for user in access.users if not user.email})
    rows = []
    for user in access.users:
        domain = user.email.rpartition("@")[2]
        is_external = user.email and company_domains and domain not in company_domains
        owner = "External user" if is_external else user.email
        owner = owner if user.is_person else "Not a person"
        roles = joined(user.names("role") + user.names("team"))
        rows.append((user.email or names[user.id], owner, roles, "Active"))
    return csv_text(["Account name", "Account owner", "Role", "Status"], rows)


def probo_file(access: AccessList) -> str:
    """Return Probo's file. is_admin is empty, because Intercom doesn't report it."""
    rows = []
    for user in access.users:
        role = "".join(user.names("role"))
        kind = "" if user.is_person else "SERVICE_ACCOUNT"
        rows.append((user.email, user.name, role, user.job_title, "", "true", user.id, kind))
    header = "email,full_name,role,job_title,is_admin,active,external_id,account_type"
    return csv_text(header.split(","), rows)


def hyperproof_file(access: AccessList) -> str:
    """Return Hyperproof's file, in which each user needs a role."""
    names = {user.email: user.name for user in access.users if user.email}
    rows = []
    for user in access.users:
        owner = names.get(user.owner, user.owner) or user.name
        is_listed = bool(user.names("workspace"))
        role = "".join(user.names("role")) or (NO_ROLE if is_listed else NOT_LISTED)
        rows.append((user.email or user.id, owner, role, joined(user.names("team"))))
    return csv_text(["Email", "Owner", "Role", "Groups"], rows)


def file_name(text: str) -> str:
    """Return a string shortened to a valid file name on every system."""
    safe = re.sub(r'[\\/:*?"<>|]', "_", texts.HIDDEN.sub("_", text)).strip(" .")
    short = safe.encode()[:FILE_NAME_BYTES].decode(errors="ignore")
    return short.rstrip(" .\N{ZERO WIDTH JOINER}")


def baton_user(user: User) -> dict[str, Any]:
    """Return a user for baton-file, without unknown values."""
    role = "".join(user.names("role"))
    seat, kind = user.has_inbox_seat, None if user.is_person else "service"
    profile = known(job_title=user.job_title, role=role, has_inbox_seat=seat, owner=user.owner)
    row = known(id=user.id, display_name=user.name, email=user.email, login=user.email)
    return row | known(type=kind, last_login=user.last_login, profile=profile)


def known(**values: object) -> dict[str, Any]:
    """Return the values that are known."""
    return {name: value for name, value in values.items() if value not in ("", None, {})}


def joined(names: list[str]) -> str:
    """Join names with commas; a comma in a name becomes a semicolon."""
    return ", ".join(name.replace(",", ";") for name in names)
