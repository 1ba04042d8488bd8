"""Write emails and chat messages to reviewers into outbox/. The package doesn't send them."""

import json
from collections import Counter
from datetime import datetime, timezone
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path
from urllib.parse import quote

import click

from intercom_access_review.archive import Archived, due_day
from intercom_access_review.decisions import Refusal, check_inbox
from intercom_access_review.files import make_folder, replacing, write_text
from intercom_access_review.inputs import Inputs, mailbox
from intercom_access_review.page import render
from intercom_access_review.project import OUTBOX, now
from intercom_access_review.settings import ADDRESS
from intercom_access_review.state import State
from intercom_access_review.texts import reveal_hidden
from intercom_access_review.worksheets import DECIDED, as_read, file_name, plain, write_worksheet

MESSAGES = OUTBOX / "messages.json"
"""Messages for a chat, one per line."""
WRITTEN = (MESSAGES.name, "*/*.csv", "*/*.eml", "*/*.xlsx")
"""The files in outbox/ that are replaced each time."""
TEXT = "text/csv"
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST = 80
"""Characters of a name in a header."""


def write_worksheet_of(review: Archived, reviewer: str, folder: Path) -> Path:
    """Write a worksheet with all rows of a reviewer, and return the path of the spreadsheet.

    Imported decisions are filled in. The attestation is not, because it is for the open rows, too.
    """
    rows = []
    for key, row in review.rows.items():
        if row["reviewer"] == reviewer:
            one = review.decisions.get(key)
            values = {name: getattr(one, name.replace(" ", "_"), "") for name in DECIDED}
            rows.append(row | {name: as_read(value) for name, value in values.items()})
    write_worksheet(folder, review.name, reviewer, rows)
    return folder / f"{file_name(reviewer)}.xlsx"


def text_to(
    reviewer: str, name: str, review: Archived, refusal: Refusal | None, state: State
) -> tuple[str, str]:
    """Return the subject and the text of an email.

    Args:
        reviewer: The address.
        name: The name, if it is known.
        review: The newest review.
        refusal: The reviewer's worksheet that was not imported, if there is one.
        state: The last sync.
    """
    rows = [
        row
        for key, row in review.rows.items()
        if row["reviewer"] == reviewer and key not in review.decisions
    ]
    given = (review.reassigned.get(row["row"]) for row in rows)
    workspace, due = review.record.sync.workspace, Counter(filter(None, map(due_day, rows)))
    text = render(
        "email.txt.j2",
        due=sorted(due.items()),
        name=plain(name, LONGEST),
        problems=refusal and refusal.message.rpartition("was not imported:\n")[2],
        reassigned=Counter((one.sender, one.reason) for one in given if one),
        review=review,
        reviewer=reviewer,
        rows=rows,
        today=state.sync.as_of[:10],
        workspace=plain(workspace["name"] or workspace["id"], LONGEST),
    )
    subject, _, body = text.strip().partition("\n")
    return subject, body.lstrip()


def email_to(
    reviewer: str, name: str, sender: str, text: tuple[str, str], path: Path
) -> EmailMessage:
    """Return an email with a worksheet."""
    message = EmailMessage(policy=SMTP)
    message["Subject"], body = text
    message["To"] = Address(display_name=plain(name, LONGEST), addr_spec=reviewer)
    message["Date"] = format_datetime(datetime.now(timezone.utc))
    if sender:
        message["From"] = Address(addr_spec=sender)
        message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message.set_content(body, cte="quoted-printable")
    maintype, _, subtype = (SPREADSHEET if path.suffix.lower() == ".xlsx" else TEXT).partition("/")
    message.add_attachment(path.read_bytes(), maintype, subtype, filename=plain(path.name))
    return message


def link_to(path: Path, review: Archived, pattern: str) -> str:
    """Return the link to a worksheet by the setting worksheet_link, or else its path."""
    link = pattern.replace("{review}", review.name).replace("{file}", quote(path.name))
    return link or path.as_posix()


def write_emails(state: State, inputs: Inputs) -> None:
    """Write an email and a chat message to each reviewer with rows to decide or to correct.

    Earlier emails and worksheets in outbox/ are removed.

    Args:
        state: The last sync.
        inputs: The inputs, with names and last days of work.
    """
    for old in [path for pattern in WRITTEN for path in OUTBOX.glob(pattern)]:
        old.unlink()
    for empty in (path for path in OUTBOX.glob("*") if path.is_dir() and not any(path.iterdir())):
        empty.rmdir()
    newest = state.reviews[-1] if state.reviews else None
    if newest is None or newest.completion:
        return
    refusals = {
        next(iter(one.reviewers)): one
        for one in check_inbox(state.reviews, inputs.last_days, now())[1]
        if len(one.reviewers) == 1
    }
    people = [*inputs.employees, *state.table("accounts")]
    names = {row["email"]: row["name"] for row in people if row["name"]}
    folder, messages, count, today = OUTBOX / newest.name, [], 0, now()[:10]
    open_rows = (row for key, row in newest.rows.items() if key not in newest.decisions)
    for reviewer in sorted(({row["reviewer"] for row in open_rows} | refusals.keys()) - {""}):
        if inputs.last_days.get(mailbox(reviewer), today) < today:
            click.echo(f"{reviewer} has left. Reassign the open rows.", err=True)
            continue
        name, refusal = names.get(reviewer, ""), refusals.get(reviewer)
        path = refusal.path if refusal else write_worksheet_of(newest, reviewer, folder)
        text = text_to(reviewer, name, newest, refusal, state)
        shown = reveal_hidden(path.as_posix())
        link = shown if refusal else link_to(path, newest, state.settings.worksheet_link)
        messages.append({"to": reviewer, "name": name, "text": text[0], "link": link})
        if not ADDRESS.fullmatch(reviewer):
            click.echo(f"{reviewer} is not an email address. Deliver {shown} yourself.", err=True)
            continue
        make_folder(folder)
        message = email_to(reviewer, name, state.settings.mail_from, text, path)
        with replacing(folder / f"{file_name(reviewer)}.eml") as file:
            file.write(message.as_bytes())
        count += 1
    lines = ",\n".join(json.dumps(message, ensure_ascii=False) for message in messages)
    if messages:
        make_folder(OUTBOX)
        write_text(MESSAGES, f"[\n{lines}\n]\n")
    click.echo(f"{folder}: {count} {'email' if count == 1 else 'emails'} to send")
