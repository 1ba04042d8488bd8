"""Where everything is, and what a review leaves in its folder."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

from safe import keep_private, make_folder, replacing, write_text

HOME = Path(os.environ.get("REVIEW_HOME", "."))
SEEDS = HOME / "seeds"  # what the company knows: who is employed, who reviews what
REVIEWS = HOME / "reviews"  # the archive: a folder for each review, never written again
OUTPUT = HOME / "output"
LOADED = OUTPUT / "load"  # the rows of the last sync, where DuckDB reads them
FOR_DBT = OUTPUT / "seeds"
SYNC = OUTPUT / "sync.json"  # what the last complete sync read
BUILT = OUTPUT / "built.json"  # of which sync and decisions the warehouse is, if it is whole
NEW = ".new"  # a review that is being written

TEXT = (str, type(None))
# What is read of our own files: `...` stands for any key, and a tuple for one of several shapes.
EVIDENCE = {
    "as_of": str,
    "earlier_reviews": {...: {...: str}},
    "files": {...: str},
    "lists": {name: {"row_count": int} for name in ("admins", "teams", "team_memberships")},
    "rows_to_decide": int,
    "token_owner": {"id": TEXT, "email": TEXT},
    "workspace": {"workspace_id": str, "name": TEXT, "region": TEXT},
    "written_at": str,
}
ACCEPTANCE = {"by": str, "in": str, "on": str, "reason": str, "until": str}
CLOSING_REPORT = {
    "closed_at": str,
    "decisions": [{"access_key": str}],
    "files": {...: str},
    "removals": [{"access_key": str, "accepted": (ACCEPTANCE, type(None))}],
    "review": str,
    "reviews": {...: {...: str}},
}
DECISIONS = {
    "decisions": [
        dict.fromkeys(
            ("access_key", "admin_id", "decided_by", "decided_on", "decision", "kind", "thing"), str
        )
        | dict.fromkeys(("email", "list", "person", "reason", "thing_id", "until"), TEXT)
    ],
    "file": str,
    "lists": ({...: str}, type(None)),
    "sha256": str,
    "taken_over_at": str,
}
LAST_SYNC = {
    "as_of": str,
    "began_at": str,
    "code": {"tap": dict},
    "control_totals": {...: {"loaded": dict, "sent": dict}},
    "evidence": {"complete": {"streams": dict}, "files": {...: str}},
    "is_pretended": bool,
    "reads": {name: {"row_count": int, "read_at": str} for name in ("admins", "teams")},
}
FOLDER = re.compile(r"(\d{4}-\d\d-\d\d)(-([2-9]|[1-9]\d+))?")
RECORD = re.compile(r"decided-([1-9]\d*)\.json")
MOST_DAYS = 3650  # of a deadline
LIST_ENDS = (".csv", ".xlsx")
LIST_FILE = re.compile(r"lists/([^/]+)\.csv")
SIGNED = ("decisions.csv", "decisions.xlsx")
CLOSED = "closed"  # the folder of a closing report
CLOSING = f"{CLOSED}/closing.json"
ACCEPTED = "accepted.csv"  # removals that cannot be done, with who accepts that, and until when
SEAL_ENDS = (".sig", ".tsr")  # of a signature, and of a timestamp
SEAL = "<!-- SHA-256 of what stands above: "
LEFT_BEHIND = re.compile(r"\..+\.new")  # by a run that was stopped; the next one replaces it

Row = dict[str, Any]

keep_private()


def sha256(path: Path) -> str:
    """Give the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def is_as_written(path: Path, known: str) -> bool:
    """Tell whether a file is there, itself and no link, and has the SHA-256 that it had."""
    try:
        return path.is_file() and not path.is_symlink() and sha256(path) == known
    except OSError as error:
        sys.exit(f"{path} cannot be read, so nobody can tell what is in it: {error.strerror}")


def now() -> str:
    """Give the time of this machine in UTC, as it stands in the evidence."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def day(text: str) -> date | None:
    """Give a date such as 2026-08-26, or nothing."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None


def timestamp(time: str) -> str:
    """Give a time in UTC in the form that a database takes."""
    return time.removesuffix("+00:00").replace("T", " ")


def moment(time: str) -> datetime:
    """Give a time as the warehouse does: in UTC, without saying so."""
    return datetime.fromisoformat(time).astimezone(timezone.utc).replace(tzinfo=None)


def is_time(text: object) -> bool:
    """Tell whether a text is a time of ours."""
    try:
        return isinstance(text, str) and text.isascii() and moment(text) is not None
    except (ValueError, OverflowError):
        return False


def has_shape(value: object, shape: Any) -> bool:  # noqa: ANN401 (a type, or shapes in each other)
    """Tell whether a value of a JSON file has a shape, such as `EVIDENCE`."""
    if isinstance(shape, tuple):
        return any(has_shape(value, one) for one in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(has_shape(item, shape[0]) for item in value)
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(
            all(has_shape(item, inner) for item in value.values())
            if key is ...
            else has_shape(value.get(key), inner)
            for key, inner in shape.items()
        )
    return isinstance(value, shape)


def read_sync() -> Row:
    """Give what the last complete sync read; it ends here if there is none, or it was broken."""
    if not SYNC.exists():
        sys.exit("The last sync did not end well: run 'meltano run access-sync' first")
    sync = read_json(SYNC)
    if not has_shape(sync, LAST_SYNC) or not is_time(sync["as_of"]):
        sys.exit(f"{SYNC} is not as the last sync left it: run 'meltano run access-sync' first")
    return sync


def read_json(path: Path) -> Row:
    """Give the object in a file of ours; it ends here if somebody broke it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(content, ensure_ascii=False).encode()  # no text that cannot be written again
    except (OSError, ValueError, RecursionError) as error:
        sys.exit(f"{path} cannot be read: {error}")
    if not isinstance(content, dict):
        sys.exit(f"{path} was changed: it holds no object")
    return content


def write_json(path: Path, value: object, *, sealed: bool = False) -> None:
    """Write a file that people can read, too."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    write_text(path, f"{text}\n", sealed=sealed)


def sealed_page(page: str) -> str:
    """Give a page with its own fingerprint at its end."""
    return f"{page}{SEAL}{hashlib.sha256(page.encode()).hexdigest()} -->\n"


def is_sealed_page(path: Path) -> bool:
    """Tell whether a page is as it was written."""
    text = path.read_bytes().decode(errors="replace")
    return not path.is_symlink() and text == sealed_page(text.rpartition(SEAL)[0])


def write_seed(name: str, columns: list[str], rows: list[Row]) -> None:
    """Write rows as a seed of dbt."""
    make_folder(FOR_DBT)
    with (
        replacing(FOR_DBT / f"{name}.csv") as new,
        new.open("w", encoding="utf-8", newline="") as file,
    ):
        # With a quote in the head, DuckDB takes no other sign of a text for its quotes.
        writer = csv.DictWriter(file, columns, extrasaction="ignore", quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)


@dataclass
class Review:
    """A folder of the archive."""

    folder: Path

    @cached_property
    def evidence(self) -> Row:
        """What stands in evidence.json."""
        path = self.folder / "evidence.json"
        evidence = read_json(path)
        if not has_shape(evidence, EVIDENCE) or not is_time(evidence["as_of"]):
            sys.exit(f"{path} was changed: it is no evidence of a review any more")
        return evidence

    @property
    def name(self) -> str:
        """The name of the folder: the date of the review."""
        return self.folder.name

    @property
    def is_in_place(self) -> bool:
        """Whether the name of the folder and the time of the review agree."""
        match = FOLDER.fullmatch(self.name)
        return match is not None and str(self.evidence["as_of"])[:10] == match.group(1)

    @property
    def taken_over(self) -> list[Path]:
        """What was taken over of the decisions, each file with all that was decided by then."""
        records = [path for path in self.folder.iterdir() if RECORD.fullmatch(path.name)]
        return sorted(records, key=lambda path: int(path.stem[8:]))

    @property
    def last_taken_over(self) -> Row:
        """What was taken over last, with the name and the SHA-256 of the signed file."""
        return read_record(self.taken_over[-1])

    @property
    def sealed(self) -> list[Path]:
        """The files that vouch for all others."""
        return [self.folder / "evidence.json", *self.taken_over]

    @property
    def closing(self) -> Row | None:
        """What stands in the closing report, if the review was closed."""
        path = self.folder / CLOSING
        if not path.exists():
            return None
        closing = read_json(path)
        if not has_shape(closing, CLOSING_REPORT):
            sys.exit(f"{path} was changed: it is no closing report any more")
        return closing

    @property
    def vouching(self) -> list[Path]:
        """The files that vouch for all others, the closing report included."""
        return [*self.sealed, *([self.folder / CLOSING] if self.closing else [])]

    @property
    def fingerprints(self) -> dict[str, str]:
        """The SHA-256 of the files that vouch for all others, and of their signatures."""
        paths = [
            path.with_name(f"{path.name}{end}")
            for path in self.vouching
            for end in ("", *SEAL_ENDS)
        ]
        return {
            path.relative_to(self.folder).as_posix(): sha256(path)
            for path in paths
            if path.is_file()
        }

    @property
    def decisions(self) -> list[Row]:
        """The decisions that were taken over."""
        if not self.taken_over:
            return []
        decisions: list[Row] = self.last_taken_over["decisions"]
        return decisions

    @property
    def followed(self) -> list[Row]:
        """The decisions, with the removals that the closing report accepts as exceptions."""
        accepted = {
            row.get("access_key"): row["accepted"]
            for row in (self.closing or {"removals": ()})["removals"]
            if (row.get("accepted") or {}).get("in") == ACCEPTED
        }
        rows = []
        for row in self.decisions:
            known = accepted.get(row["access_key"])
            rows.append(
                row
                | {"decision": "exception", "remove_by": None}
                | {"reason": known["reason"], "until": known["until"]}
                | {"decided_by": known["by"], "decided_on": known["on"]}
                if known
                else row
            )
        return rows

    @property
    def deadlines(self) -> dict[str, int]:
        """The deadlines that were set when the review was made, in days."""
        days: dict[str, int] = self.evidence.get("deadlines", {})
        if not isinstance(days, dict) or not all(
            type(number) is int and 0 <= number <= MOST_DAYS for number in days.values()
        ):
            sys.exit(f"{self.folder / 'evidence.json'} was changed: it holds no deadlines any more")
        return days

    @property
    def taken_lists(self) -> dict[str, str]:
        """The signed lists that the decisions are made of, with their SHA-256."""
        if not self.taken_over:
            return {}
        last = self.last_taken_over
        lists: dict[str, str] = last.get("lists") or {last["file"]: last["sha256"]}
        return lists

    @property
    def list_names(self) -> list[str]:
        """The names of the reviewers' lists, without their ending."""
        names = (LIST_FILE.fullmatch(name) for name in self.evidence["files"])
        return sorted(match.group(1) for match in names if match)

    @property
    def signed_names(self) -> set[str]:
        """The names that a signed list may have."""
        own = {f"signed/{name}{end}" for name in self.list_names for end in LIST_ENDS}
        return own | set(SIGNED)

    @property
    def counts(self) -> Counter[str]:
        """How often each decision was taken."""
        return Counter(decision["decision"] for decision in self.decisions)

    @property
    def undecided(self) -> int:
        """How many rows are not decided yet."""
        rows: int = self.evidence["rows_to_decide"]
        return rows - self.counts.total()

    def changed(self) -> list[str]:
        """Say which files of the snapshot are not what the evidence says."""
        return [
            f"{name} is not what was written"
            for name, known in {
                **self.evidence["files"],
                **(self.closing["files"] if self.closing else {}),
            }.items()
            if not is_as_written(self.folder / name, known)
        ]

    def strays(self) -> list[str]:
        """Give the names of what no step wrote, and nobody was asked to put there."""
        vouching = [path.relative_to(self.folder).as_posix() for path in self.vouching]
        known = {*self.evidence["files"], *self.signed_names, ACCEPTED}
        known |= {f"{name}{end}" for name in vouching for end in ("", *SEAL_ENDS)}
        known |= set(self.closing["files"]) if self.closing else set()
        strays = []
        for path in self.folder.rglob("*"):
            if f".{CLOSED}.new" in path.parts:  # of a run that was stopped
                continue
            name = path.relative_to(self.folder).as_posix()
            if path.is_symlink() or (
                not path.is_dir() and name not in known and not LEFT_BEHIND.fullmatch(path.name)
            ):
                strays.append(name)
        return sorted(strays)


def read_record(path: Path) -> Row:
    """Give what was taken over; it ends here if somebody broke it."""
    record = read_json(path)
    if not has_shape(record, DECISIONS):
        sys.exit(f"{path} was changed: it is no record of decisions any more")
    return record


def scan() -> tuple[list[Review], dict[str, str]]:
    """Give all reviews, the oldest first, and what else is in the archive, with what is wrong."""
    known: dict[str, Review] = {}
    strays = {}
    for path in sorted(REVIEWS.iterdir()) if REVIEWS.exists() else ():
        if LEFT_BEHIND.fullmatch(path.name) and not path.is_symlink():
            continue
        if path.is_symlink() or (path.is_file() and path.name != "index.html"):
            strays[path.name] = "no review wrote it"
        elif path.is_dir() and path.name != NEW:
            if not (path / "evidence.json").is_file():
                strays[path.name] = "evidence.json is not there"
                continue
            review = Review(path)
            as_of = str(review.evidence["as_of"])
            if not review.is_in_place:
                strays[path.name] = f"its evidence is that of the review of {as_of[:10]}"
            elif as_of in known:
                strays[path.name] = f"it is a copy of {known[as_of].name}"
            else:
                known[as_of] = review
    return [known[as_of] for as_of in sorted(known)], strays


def reviews() -> list[Review]:
    """Give all reviews, the oldest first; it ends here where one that was written is not there."""
    known, strays = scan()
    names = {review.name for review in known}
    times = {str(review.evidence["as_of"]) for review in known}
    for review in known:
        if lost := sorted(review.evidence["earlier_reviews"].keys() - names):
            sys.exit(
                f"{REVIEWS / lost[0]} is not there, though {review.folder} was written after it: "
                "put it back, or what was decided in it is lost"
            )
    for name, problem in strays.items():
        path = REVIEWS / name / "evidence.json"
        if path.is_file() and str(Review(REVIEWS / name).evidence["as_of"]) not in times:
            sys.exit(f"{REVIEWS / name} was renamed ({problem}): give it its name back")
    return known


def write_review_seeds() -> None:
    """Write the reviews, and what was decided in them, as seeds of dbt."""
    BUILT.unlink(missing_ok=True)  # until dbt has seen them
    known = reviews()
    rows = [{"review": r.name, "reviewed_at": timestamp(r.evidence["as_of"])} for r in known]
    write_seed("reviews", ["review", "reviewed_at"], rows)
    decisions = [
        row | decision
        for row, review in zip(rows, known, strict=True)
        for decision in review.followed
    ]
    columns = "review reviewed_at access_key admin_id kind thing_id thing person email decision"
    columns += " reason until decided_by decided_on remove_by"
    write_seed("decisions", columns.split(), decisions)
