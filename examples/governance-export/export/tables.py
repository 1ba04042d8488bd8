"""The tables of Vanta, Probo and Hyperproof: a row per user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts import address, display_name
from texts import clean, told_apart

if TYPE_CHECKING:
    from access import Access
    from files import Row


def vanta_rows(access: Access, domains: list[str]) -> list[Row]:
    """Make the rows of Vanta's access file.

    Args:
        access: Who has what.
        domains: Domains of the company's addresses; none where they are not known.
    """
    without = [user for user in access.users if not clean(user.get("email"))]
    names = told_apart({user["id"]: display_name(user) for user in without})
    return [
        {
            "Account name": clean(user.get("email")) or names[user["id"]],
            "Account owner": vanta_owner(access, user, domains),
            "Role": comma_separated([access.role_of(user), *access.teams_of(user)]),
            "Status": "Active",
        }
        for user in access.users
    ]


def vanta_owner(access: Access, user: Row, domains: list[str]) -> str:
    """Give whose account it is; without an address nothing is known."""
    if not access.is_person(user):
        return "Not a person"
    email = clean(user.get("email"))
    domain = address(user).rpartition("@")[2]
    return "External user" if email and domains and domain not in domains else email


def probo_rows(access: Access) -> list[Row]:
    """Make the rows of Probo; is_admin stays empty, because Intercom does not report it."""
    return [
        {
            "email": clean(user.get("email")),
            "full_name": display_name(user),
            "role": access.role_of(user),
            "job_title": clean(user.get("job_title")),
            "is_admin": "",
            "active": "true",
            "external_id": user["id"],
            "account_type": "" if access.is_person(user) else "SERVICE_ACCOUNT",
        }
        for user in access.users
    ]


def hyperproof_rows(access: Access) -> list[Row]:
    """Make the rows of Hyperproof, which needs a role."""
    names = {address(user): display_name(user) for user in access.users if address(user)}
    return [
        {
            "Email": clean(user.get("email")) or user["id"],
            "Owner": names.get(owner, owner)
            if (owner := access.owner_of(user))
            else display_name(user),
            "Role": access.role_of(user) or role_unknown(user),
            "Groups": comma_separated(access.teams_of(user)),
        }
        for user in access.users
    ]


def role_unknown(user: Row) -> str:
    """Give what is known of the permissions of a user without a role."""
    if "unlisted" in user:
        return "Not in the list of teammates"
    return "No role: permissions may be set by hand"


def comma_separated(names: list[str]) -> str:
    """Join names by commas; one within a name becomes a semicolon."""
    return ", ".join(name.replace(",", ";") for name in names if name)
