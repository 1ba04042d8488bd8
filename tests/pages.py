"""Pages of a list, as Intercom sends them, and what comes instead."""

from __future__ import annotations

from typing import Any

HTML = b"<html><head><title>Sign in</title></head>\n<body>Welcome</body></html>"


def page(*ids: int, **more: object) -> dict[str, Any]:
    """A page of admins."""
    return {"type": "admin.list", "admins": [{"id": str(id_)} for id_ in ids], **more}


def pointing(next_page: object) -> dict[str, Any]:
    """What makes a page point to another one."""
    return {"pages": {"type": "pages", "next": next_page}}


def after(cursor: str) -> dict[str, Any]:
    """What makes a page point to another one by a cursor."""
    return pointing({"starting_after": cursor})
