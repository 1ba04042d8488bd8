"""Find log entries about access by the names in them. Their sentences are not interpreted."""

import re
from datetime import datetime

from intercom_access_review.project import Row
from intercom_access_review.texts import comparison_key
from intercom_access_review.warehouse import Warehouse

ACCESS_EVENTS = """
    admin_invite_creation admin_provisioned app_admin_join admin_deletion admin_deprovisioned
    role_change admin_permission_change seat_change seat_revoke
    app_team_membership_modification app_team_creation app_team_deletion
"""
"""The types of entries about access."""


class AccessLog:
    """The log entries about access, and the names of all teammates."""

    def __init__(self, warehouse: Warehouse) -> None:
        """Read the log entries and the names from the warehouse."""
        types = ", ".join(f"'{name}'" for name in ACCESS_EVENTS.split())
        self._entries = warehouse.query(
            f"""
            select event_id, happened_at as at, performed_by_id as author_id, activity_type,
                coalesce(performed_by_email, performed_by_id) as author,
                coalesce(sentence, '') as text
            from stg_activity_logs where activity_type in ({types}) order by happened_at, event_id
            """  # noqa: S608
        )
        for entry in self._entries:
            entry["key"] = comparison_key(entry["text"])
        self._logs_to = {
            row["as_of"]: row["logs_read_to"] or row["as_of"]
            for row in warehouse.query("select * from syncs")
        }
        self._names: dict[str, set[str]] = {}
        for row in warehouse.query("select admin_id, name, email from admin_history"):
            keys = {comparison_key(row["name"]), comparison_key(row["email"])} - {""}
            self._names.setdefault(row["admin_id"], set()).update(keys)
        self._roles = warehouse.query(
            "select thing_id, label, name_key from things where kind = 'role'"
        )

    def naming(self, admin_id: str, after: datetime | None, until: datetime | None) -> list[Row]:
        """Return the entries between two syncs that name a teammate, the oldest first.

        Args:
            admin_id: The teammate.
            after: The sync before; None: from the beginning.
            until: The sync after; None: to the end.
        """
        # The logs are read before the lists, so an entry can be a little older than the sync.
        begin = after and min(after, self._logs_to.get(after, after))
        return [
            entry
            for entry in self._entries
            if (begin is None or entry["at"] > begin)
            and (until is None or entry["at"] <= until)
            and is_in(self._names.get(admin_id, set()), entry["key"])
        ]

    def about_roles(self, after: datetime) -> list[Row]:
        """Return the entries about roles that name no teammate beside their author.

        Names of teammates that are part of the name of a role don't count.
        """
        begin, entries = min(after, self._logs_to.get(after, after)), []
        for entry in self._entries:
            if entry["activity_type"] == "role_change" and entry["at"] > begin:
                others = {
                    name
                    for id_, names in self._names.items()
                    for name in names
                    if id_ != entry["author_id"] and not self._is_in_role(name)
                }
                if not is_in(others, entry["key"]):
                    roles = [
                        role for role in self._roles if is_in({role["name_key"]}, entry["key"])
                    ]
                    entries.append(entry | {"roles": roles})
        return entries

    def _is_in_role(self, name: str) -> bool:
        return any(is_in({name}, role["name_key"]) for role in self._roles)


def is_in(names: set[str], text: str) -> bool:
    """Return whether a text contains one of the names as whole words."""
    return any(
        name in text and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in names
    )
