"""Events of a workspace, as Intercom's activity logs contain them."""

from __future__ import annotations

import uuid

from tap_intercom_access.sandbox.models import Admin, Event


def event(
    time: int, type_: str, admin: Admin | None, description: str, **metadata: object
) -> Event:
    """Return a row of the activity logs. Its ID depends on time, type, and description."""
    by = {"type": "admin", "id": str(admin.id), "email": admin.email} if admin else {}
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{time}/{type_}/{description}")),
        "performed_by": by | {"ip": f"203.0.113.{admin.id % 250}"} if admin else None,
        "metadata": metadata,
        "created_at": time,
        "activity_type": type_,
        "activity_description": description,
    }


def sign_in(time: int, admin: Admin) -> Event:
    """Return the event of a sign-in."""
    description = f"{admin.name} signed in"
    return event(time, "admin_login_success", admin, description, sign_in_method="email_password")


def generate_events(count: int, start: int, stop: int) -> list[Event]:
    """Return evenly distributed events from `start` until before `stop`."""
    return [
        {
            "id": f"event-{number}",
            "performed_by": {"type": "admin", "id": "1", "email": "one@example.com", "ip": "::1"},
            "metadata": {"sign_in_method": "google"},
            "created_at": start + (stop - start) * number // count,
            "activity_type": "admin_login_success",
            "activity_description": f"One signed in for the {number}th time",
        }
        for number in range(count)
    ]
