"""The command `export`, which writes the access list for governance tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from intercom_access_review import texts
from intercom_access_review.export import formats
from intercom_access_review.export.access import read_access, read_service_accounts
from intercom_access_review.files import make_folder, write_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from intercom_access_review.export.access import Resource, User

PATH = click.Path(path_type=Path)


@click.command
@click.argument("tap_output", type=PATH)
@click.option("--format", "tool", type=click.Choice([*formats.FORMATS, "all"]), default="all")
@click.option("--output", type=PATH, default="governance-export", help="Folder to write to.")
@click.option("--company-domain", "domains", multiple=True, help="Domain of your addresses.")
@click.option("--service-accounts", "services", type=PATH, help="CSV file with email and owner.")
def export(
    tap_output: Path, tool: str, output: Path, domains: tuple[str, ...], services: Path | None
) -> None:
    """Write the access list in the formats of governance tools, or in one of them.

    TAP_OUTPUT is a file with the output of a complete run of tap-intercom-access that read admins,
    teams, team_memberships, workspaces, and, for the last login of users, activity_logs.

    With --company-domain, which you can repeat, people with addresses of other domains are external
    users for Vanta. The accounts in the file of --service-accounts are not people.
    """
    company_domains = {texts.comparison_key(domain).removeprefix("@") for domain in domains}
    try:
        owners = read_service_accounts(services) if services else {}
        access = read_access(tap_output, owners)
        _check_workspace(output / formats.BATON, access.workspace)
    except OSError as error:
        problem = f"Cannot read {error.filename}: {error.strerror}."
        raise click.ClickException(f"{problem} No file was written.") from error
    except click.ClickException as error:
        raise click.ClickException(f"{error.message} No file was written.") from error
    files = formats.files(access, company_domains)
    contents = dict(files[name] for name in formats.FORMATS if tool in (name, "all"))
    make_folder(output)
    write_texts(output, contents)
    for name in contents:
        click.echo(f"Wrote {output / name} (users: {len(access.users)})")
    for path in sorted(output.iterdir()):
        if path.name not in contents:
            click.echo(f"Not updated: {path}")
    for remark in _remarks(access.users, company_domains, owners):
        click.echo(remark)


def _check_workspace(path: Path, workspace: Resource) -> None:
    """Raise an error if a file is not an earlier export of the workspace."""
    if path.exists() and f'"{workspace.id}"' not in path.read_text("utf-8", "replace"):
        raise click.ClickException(f"{path} is of another workspace. Use another --output.")


def _remarks(users: list[User], domains: set[str], owners: dict[str, str]) -> Iterator[str]:
    """Yield what readers of the files need to know."""
    if services := [user for user in users if not user.is_person]:
        yield f"Service accounts and bots: {_labels(services)}"
    if ignored := [user for user in users if not user.email]:
        yield f"Users without an email address, whom Probo ignores: {_labels(ignored)}"
    for key in sorted(owners.keys() - {user.key for user in users}):
        yield f"Warning: no account has the address {key} of --service-accounts."
    for domain in sorted(domains - {user.key.rpartition("@")[2] for user in users}):
        yield f"Warning: no account has an address of --company-domain {domain}."


def _labels(users: list[User]) -> str:
    return ", ".join(f"{user.id} ({user.name})" for user in users)
