"""Emails to the reviewers, in outbox/. They are not sent."""

from __future__ import annotations

from datetime import datetime, timezone
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING

import click

from intercom_access_review.archive import Archived, due_day
from intercom_access_review.files import make_folder, replacing
from intercom_access_review.page import render
from intercom_access_review.project import OUTBOX
from intercom_access_review.settings import ADDRESS
from intercom_access_review.worksheets import file_name, plain

if TYPE_CHECKING:
    from pathlib import Path

    from intercom_access_review.state import State

TYPES = {
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
LONGEST = 80
"""Characters of a name in a header."""


def short(name: object) -> str:
    """Return a name as one line that fits in a header."""
    text = plain(name)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def worksheet_of(review: Archived, reviewer: str) -> Path:
    """Return the worksheet to attach: the last one that was imported, or else the empty one."""
    own = [
        d.file for key, d in review.decisions.items() if review.rows[key]["reviewer"] == reviewer
    ]
    path = review.folder / "imports" / own[-1] if own else review.folder
    return path if path.is_file() else review.folder / "worksheets" / f"{file_name(reviewer)}.xlsx"


def email_to(reviewer: str, name: str, review: Archived, state: State) -> EmailMessage:
    """Return the email to a reviewer whose rows are not all decided.

    Args:
        reviewer: The address.
        name: The name, if it is known.
        review: The review.
        state: The last sync.
    """
    rows = [
        row
        for key, row in review.rows.items()
        if row["reviewer"] == reviewer and key not in review.decisions
    ]
    workspace, due = review.record.sync.workspace, sorted({due_day(row) for row in rows} - {""})
    text = render(
        "email.txt.j2",
        (),
        due=[(day, sum(due_day(row) == day for row in rows)) for day in due],
        name=short(name),
        review=review,
        reviewer=reviewer,
        rows=rows,
        today=state.sync.as_of[:10],
        workspace=short(workspace["name"] or workspace["id"]),
    )
    message, sender = EmailMessage(policy=SMTP), state.settings.mail_from
    message["Subject"], _, body = text.strip().partition("\n")
    message["To"] = Address(display_name=short(name), addr_spec=reviewer)
    message["Date"] = format_datetime(datetime.now(timezone.utc))
    if sender:
        message["From"] = Address(addr_spec=sender)
        message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message.set_content(body.lstrip(), cte="quoted-printable")
    path = worksheet_of(review, reviewer)
    maintype, _, subtype = TYPES[path.suffix].partition("/")
    message.add_attachment(path.read_bytes(), maintype, subtype, filename=path.name)
    return message


def write_emails(state: State) -> None:
    """Write an email to each reviewer of the newest review who has rows to decide.

    Emails that are not needed any more are removed.
    """
    for old in OUTBOX.glob("*/*.eml"):
        old.unlink()
    newest = state.reviews[-1] if state.reviews else None
    if newest is None or newest.completion:
        return
    names = {row["email"]: row["name"] for row in state.table("accounts")}
    folder, count = OUTBOX / newest.name, 0
    make_folder(folder)
    open_rows = (row for key, row in newest.rows.items() if key not in newest.decisions)
    for reviewer in sorted({row["reviewer"] for row in open_rows} - {""}):
        if not ADDRESS.fullmatch(reviewer):
            path = worksheet_of(newest, reviewer)
            click.echo(f"{reviewer} is not an email address. Hand over {path}.", err=True)
            continue
        message = email_to(reviewer, names.get(reviewer) or "", newest, state)
        with replacing(folder / f"{file_name(reviewer)}.eml") as file:
            file.write(message.as_bytes())
        count += 1
    click.echo(f"{folder}: {count} {'email' if count == 1 else 'emails'} to send")
