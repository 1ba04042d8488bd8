"""After a review, and whenever decisions came back: ready mails to the reviewers, in outbox/.

Nothing is sent. `outbox/<review>/` holds the mail to each reviewer with their list, and
`outbox/<review>/reminders/` one to each who has not decided everything.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from contextlib import suppress
from datetime import datetime, timezone
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING

import settings
from folders import (
    FOLDER,
    HOME,
    LIST_ENDS,
    NEW,
    Review,
    is_as_written,
    read_sync,
    reviews,
)
from lists import due_on, lists_of
from safe import make_folder, replacing
from tables import Texts, plain
from warehouse import query

if TYPE_CHECKING:
    from pathlib import Path

OUTBOX = HOME / "outbox"
REMINDERS = "reminders"
TYPES = {
    ".csv": ("text", "csv"),
    ".xlsx": ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
LONGEST = 80  # characters of a name in a header
BODY = """\
{hello}

this is about the review of {review}{pretended} of who has access to the Intercom workspace
{workspace}. You are asked to decide:

{todo}

They are in the attached list, one row for each thing that somebody has: access to the workspace,
a role, an inbox seat, or a team. Please fill in for each row:

- decision: keep, remove or exception
- decided by: {reviewer}
- decided on: the day of your decision, in the form {day}
- for an exception only: its reason, and in "until" the day on which it ends

Change nothing else, not even the name of the file, and send it back as an answer to this mail.
Rows that you leave empty are not decided; you can fill them in later, in the same file. What you
have decided already stays as it is.
"""


def short(name: object) -> str:
    """Give a name as one line that fits a header."""
    text = plain(name)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def rows_in_words(count: int) -> str:
    """Give how many rows, in words."""
    return f"{count} row{'' if count == 1 else 's'}"


def body(review: Review, person: str, rows: list[Texts], today: str) -> str:
    """Give the text of a mail: what is to be decided, until when, and how.

    Args:
        review: The review.
        person: The name of who decides, if it is known.
        rows: The rows that are not decided yet.
        today: The day of the last sync.
    """
    days = Counter(str(due_on(row) or "") for row in rows)
    todo = [
        f"- {rows_in_words(count)}"
        + (f" until {day}{' (overdue)' if day < today else ''}" if day else "")
        for day, count in sorted(days.items())
    ]
    if any(days):
        todo.append("The last day is in time to its end, in UTC.")
    return BODY.format(
        hello=f"Hello {person}," if person else "Hello,",
        review=review.name,
        pretended=" (a pretended time)" if review.evidence.get("as_of_is_pretended") else "",
        workspace=workspace_of(review),
        todo="\n".join(todo),
        reviewer=rows[0]["reviewer"],
        day=review.name[:10],
    )


def workspace_of(review: Review) -> str:
    """Give the name of the workspace."""
    workspace = review.evidence["workspace"]
    return short(workspace.get("name") or workspace.get("workspace_id"))


def attached(review: Review, name: str) -> Path | None:
    """Give the list to attach: what came back, if anything did, or else the one of the review."""
    for end in LIST_ENDS:
        known = review.taken_lists.get(f"signed/{name}{end}")
        if known:
            path = review.folder / "signed" / f"{name}{end}"
            return path if is_as_written(path, known) else None
    return review.folder / "lists" / f"{name}.xlsx"


def mail(  # noqa: PLR0913
    review: Review, name: str, person: str, rows: list[Texts], today: str, *, is_reminder: bool
) -> EmailMessage | None:
    """Give the mail to a reviewer, or nothing, with a message, where none can be made.

    Args:
        review: The review.
        name: The name of the reviewer's list.
        person: The name of the reviewer, if it is known.
        rows: The rows that are not decided yet.
        today: The day of the last sync.
        is_reminder: Whether they had a mail before.
    """
    reviewer = rows[0]["reviewer"]
    path = attached(review, name)
    if path is None:
        print(
            f"No mail to {reviewer}: their list in signed/ is not what was taken over",
            file=sys.stderr,
        )
        return None
    if not settings.ADDRESS.fullmatch(reviewer):
        print(f"No mail to {reviewer}, which is no address: hand out {path}", file=sys.stderr)
        return None
    due = min((str(day) for row in rows if (day := due_on(row))), default="")
    message = EmailMessage(policy=SMTP)
    message["To"] = Address(display_name=short(person), addr_spec=reviewer)
    if sender := settings.mail_from():
        message["From"] = Address(addr_spec=sender)
        message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Date"] = format_datetime(datetime.now(timezone.utc))
    message["Subject"] = (
        f"{'Reminder: access' if is_reminder else 'Access'} review of {workspace_of(review)}: "
        f"please decide {rows_in_words(len(rows))}{f' until {due}' if due else ''}"
    )
    text = body(review, short(person), rows, today)
    message.set_content(text, cte="quoted-printable")
    kind, subtype = TYPES[path.suffix]
    message.add_attachment(path.read_bytes(), kind, subtype, filename=path.name)
    return message


def write_mails(folder: Path, mails: dict[str, EmailMessage]) -> None:
    """Write mails into a folder, and take away those in it that are not asked for any more."""
    make_folder(folder)
    for name, message in mails.items():
        with replacing(folder / f"{name}.eml") as new:
            new.write_bytes(message.as_bytes())
    clear(folder, {f"{name}.eml" for name in mails})


def clear(folder: Path, keep: set[str]) -> None:
    """Take away the mails in a folder but for some."""
    for path in folder.glob("*.eml"):
        if path.name not in keep:
            path.unlink()


def clear_older(newest: Review | None) -> None:
    """Take away the mails of the reviews before the newest one: nobody is to answer these."""
    for folder in OUTBOX.iterdir() if OUTBOX.exists() else ():
        if FOLDER.fullmatch(folder.name) and (newest is None or folder.name != newest.name):
            for path in (folder / REMINDERS, folder):
                clear(path, set())
                with suppress(OSError):  # somebody else's files are in it
                    path.rmdir()


def main() -> None:
    """Write the mails of the newest review."""
    newest = next(iter(reviews()[::-1]), None)
    clear_older(newest)
    if newest is None or not newest.list_names:
        print("There is no review with a list for each reviewer, and nobody to write to")
        return
    decided = {decision["access_key"] for decision in newest.decisions}
    rows_of = {
        name: [row for row in rows if row["row"] not in decided]
        for name, rows in lists_of(newest).items()
    }
    has_answered = {
        name for name, rows in lists_of(newest).items() if len(rows_of[name]) < len(rows)
    }
    persons = {row["email"]: row["name"] for row in query("select * from people where is_there")}
    folder, today = OUTBOX / newest.name, str(read_sync()["as_of"])[:10]
    is_reminder = folder.exists()
    mails = {
        name: message
        for name, rows in rows_of.items()
        if rows
        and (
            message := mail(
                newest,
                name,
                persons.get(rows[0]["reviewer"]) or "",
                rows,
                today,
                is_reminder=is_reminder,
            )
        )
    }
    if is_reminder:
        clear(folder, {f"{name}.eml" for name in mails.keys() - has_answered})
        write_mails(folder / REMINDERS, mails)
    else:
        make_folder(OUTBOX)
        new = OUTBOX / NEW
        if new.exists():
            shutil.rmtree(new)  # of a run that was stopped
        write_mails(new, mails)
        new.rename(folder)
    what = "reminders" if is_reminder else "mails"
    where = folder / REMINDERS if is_reminder else folder
    print(f"{where}: {len(mails)} {what}, which nobody has sent yet")


if __name__ == "__main__":
    main()
