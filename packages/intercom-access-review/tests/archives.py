"""A small review in the archive, written without Intercom and a warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from intercom_access_review.archive import Archived, read_review
from intercom_access_review.cli import main
from intercom_access_review.decisions import import_worksheets
from intercom_access_review.evidence import totals_of
from intercom_access_review.files import write_text
from intercom_access_review.manifest import new_step
from intercom_access_review.new_review import write_worksheets
from intercom_access_review.project import INBOX, PAGE, REVIEWS
from intercom_access_review.records import Review, StreamTotals, Sync, write_record
from intercom_access_review.settings import Settings
from intercom_access_review.worksheets import SHOWN, Texts, reviewed_keys
from projects import day, make_writable, read_rows, write_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ADA, BEN = "ada@example.com", "ben@example.com"
NAME = str(day(10))
SETTINGS = Settings()


def row(key: str, person: str, reviewer: str, name: str, **more: str) -> Texts:
    kind = key.split("/")[1]
    texts = dict.fromkeys(SHOWN, "") | {"row": key, "person": person, "kind": kind}
    texts |= {"access": "workspace" if kind == "workspace" else more.pop("access", "inbox")}
    return texts | {"reviewer": reviewer, "review": f"review of {name}"} | more


def rows_of(name: str) -> list[Texts]:
    return [
        row("1/workspace", "Cy", ADA, name, privileged="yes"),
        row("1/role/7", "Cy", ADA, name, access="Manager", privileged="yes"),
        row("2/workspace", "=Dee", ADA, name),
        row("2/team/9", "=Dee", BEN, name, access="Support"),
        row("2/seat", "=Dee", "", name),
    ]


def write_review(name: str = NAME, settings: Settings = SETTINGS) -> Archived:
    """Write a review of five rows, of which Ada reviews three and Ben one."""
    rows = rows_of(name)
    keys = reviewed_keys({one["row"]: one for one in rows})
    totals = {
        stream: StreamTotals(
            sent=totals_of(found), loaded=totals_of(found), reviewed=totals_of(found)
        )
        for stream, found in keys.items()
    }
    sync = Sync(
        as_of=f"{name}T12:00:00+00:00",
        is_simulated=False,
        source_hosts=["api.intercom.io"],
        workspace={"id": "w", "name": "Corp", "region": "US"},
        token_owner={"id": "1", "name": "Cy", "email": "cy@example.com"},
        api_version="2.16",
        tap_version="1",
        read_at={"admins": f"{name}T12:00:00+00:00"},
        logs_from=None,
        logs_to=None,
        totals=totals,
        complete={},
        files={},
        reconciliation=None,
        operator={},
        code={},
    )
    record = Review(
        review=name,
        rows=len(rows),
        deadlines={"remove_within_days": 14, "privileged_remove_within_days": 3},
        sync=sync,
        tests={},
        scope_limitations=[],
    )
    with new_step("review", name, REVIEWS / name, sync.source_hosts, settings) as new:
        write_text(new / PAGE.name, "page")
        write_worksheets(new / "worksheets", name, rows)
        write_record(new / "review.json", record)
    return read_review(REVIEWS / name)


def complete(
    reviewer: str,
    change: Callable[[list[Texts]], object] = bool,
    name: str = NAME,
    file: str | None = None,
    folder: str = "worksheets",
) -> Path:
    """Put a completed worksheet into the inbox, after a change."""
    rows = read_rows(REVIEWS / name / folder / f"{reviewer}.csv")
    for one in rows:
        one |= {"decided by": one["reviewer"], "decided on": str(day(9))}
        if not one["row"].startswith("attestation/"):
            one["decision"] = "approve"
    change(rows)
    INBOX.mkdir(exist_ok=True)
    path = INBOX / (file or f"{reviewer}.csv")
    write_rows(path, rows)
    return path


def first_row_only(rows: list[Texts]) -> None:
    """Remove the decisions about all rows but the first one."""
    for one in rows[1:]:
        one.update(dict.fromkeys(("decision", "decided by", "decided on"), ""))


def imported(*reviews: Archived, left: dict[str, str] | None = None) -> tuple[int, list[str]]:
    return import_worksheets(list(reviews), left or {}, SETTINGS)


def changed(path: Path, content: str) -> None:
    """Change a file of the archive, as someone with access to it does."""
    make_writable(path.parent)
    path.write_text(content, encoding="utf-8")


def integrity() -> int:
    """The exit code of the integrity check."""
    return CliRunner().invoke(main, ["verify"]).exit_code
