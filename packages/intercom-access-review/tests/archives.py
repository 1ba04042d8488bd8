"""Write a small archive without Intercom and without a warehouse."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from click.testing import CliRunner
from msgspec.structs import replace

from intercom_access_review.archive import Archived
from intercom_access_review.cli import main
from intercom_access_review.decisions import import_worksheets
from intercom_access_review.evidence import LISTS, read_evidence
from intercom_access_review.files import write_text
from intercom_access_review.manifest import files_of, new_step, read_manifests
from intercom_access_review.new_review import compare_reviewed
from intercom_access_review.project import INBOX, PAGE, REVIEWS, sha256
from intercom_access_review.records import Review, write_record
from intercom_access_review.settings import Settings
from intercom_access_review.sync_record import describe
from intercom_access_review.verify import check_archive
from intercom_access_review.worksheets import DECIDED, SHOWN, Texts, write_worksheets
from projects import day, make_writable, read_rows, write_rows
from timestamps import allow, ssh_key

ADA, BEN = "ada@example.com", "ben@example.com"
NAME, SECOND = str(day(10)), str(day(5))
FOLDER = REVIEWS / NAME
SETTINGS = Settings()


def row(key: str, person: str, reviewer: str, name: str, **more: str) -> Texts:
    kind = key.split("/")[1]
    texts = dict.fromkeys(SHOWN, "") | {"row": key, "person": person, "kind": kind}
    texts |= {"access": "workspace" if kind == "workspace" else more.pop("access", "inbox")}
    return texts | {"reviewer": reviewer, "review": f"review of {name}"} | more


def rows_of(name: str) -> list[Texts]:
    cy = {"email": "cy@example.com", "privileged": "yes"}
    return [
        row("1/workspace", "Cy", ADA, name, **cy),
        row("1/role/7", "Cy", ADA, name, access="Manager", focus="privileged", **cy),
        row("2/workspace", "=Dee", ADA, name),
        row("2/team/9", "=Dee", BEN, name, access="Support"),
        row("2/seat", "=Dee", "", name),
    ]


CY = {"id": 1, "name": "Cy", "email": "cy@example.com", "role": {"id": 7, "name": "Manager"}}
DEE = {"id": "2", "name": "=Dee", "has_inbox_seat": True}
BODIES = {
    "workspaces": CY | {"type": "admin", "app": {"id_code": "w", "name": "Corp", "region": "US"}},
    "admins": {"admins": [CY, DEE]},
    "teams": {"teams": [{"id": 9, "name": "Support", "admin_ids": [2]}]},
}


def write_evidence(
    folder: Path, name: str, bodies: Mapping[str, object] = BODIES, **filters: object
) -> None:
    """Write the evidence of a sync on the day of a review."""
    (folder / "bodies").mkdir(parents=True)
    lines = []
    for stream, body in bodies.items():
        content = json.dumps(body).encode()
        digest = hashlib.sha256(content).hexdigest()
        (folder / "bodies" / f"{digest}.json.gz").write_bytes(gzip.compress(content))
        line = {"host": "api.intercom.io", "status": 200, "sha256": digest, "rows": 1}
        lines.append(json.dumps(line | {"stream": stream}) + "\n")
    (folder / "run.json").write_text("{}", encoding="utf-8")
    at = int(datetime.fromisoformat(f"{name}T12:00:00+00:00").timestamp())
    last = {
        "type": "complete",
        "streams": {stream: {} for stream in (*bodies, "team_memberships")},
        "filters": {"window": None} | filters,
        "versions": {"tap": "1", "intercom_api": "2.16"},
        "times": {stream: [[at, at]] for stream in LISTS},
        "run_sha256": hashlib.sha256(b"{}").hexdigest(),
        "lines_sha256": hashlib.sha256("".join(lines).encode()).hexdigest(),
    }
    text = "".join([*lines, json.dumps(last) + "\n"])
    (folder / "requests.jsonl").write_text(text, encoding="utf-8")


def write_review(
    name: str = NAME, settings: Settings = SETTINGS, window: Mapping[str, str] | None = None
) -> Archived:
    """Write a review of five rows: three for Ada, one for Ben, and one without a reviewer."""
    rows = rows_of(name)
    with new_step("review", name, REVIEWS / name, ["api.intercom.io"], settings) as new:
        write_evidence(new / "intercom", name, window=window)
        evidence = read_evidence(new / "intercom")
        sync = describe(evidence, evidence.rows, None)
        compare_reviewed(sync, rows)
        record = Review(
            review=name,
            rows=len(rows),
            deadlines={"remove_within_days": 14, "privileged_remove_within_days": 3},
            sync=sync,
            tests={},
            scope_limitations=[],
        )
        write_text(new / PAGE.name, "page")
        write_worksheets(new / "worksheets", name, rows)
        write_record(new / "review.json", record)
    return read_review(REVIEWS / name)


def read_review(folder: Path) -> Archived:
    """Return the review from the archive."""
    return check_archive(folder.parent, SETTINGS).reviews[folder.name]


def complete(
    reviewer: str,
    change: Callable[[list[Texts]], object] = bool,
    name: str = NAME,
    file: str | None = None,
    folder: str = "worksheets",
) -> Path:
    """Put a completed worksheet into the inbox, with some changes."""
    rows = read_rows(REVIEWS / name / folder / f"{reviewer}.csv")
    for one in rows:
        one |= {"decided by": one["reviewer"], "decided on": str(day(9))}
        one["decision"] = "approve"
        one["reason"] = "leads the team" if one["focus"] else ""
    change(rows)
    INBOX.mkdir(exist_ok=True)
    path = INBOX / (file or f"{reviewer}.csv")
    write_rows(path, rows)
    return path


def first_row_only(rows: list[Texts]) -> None:
    """Remove the decisions about all rows but the first one."""
    for one in rows[1:]:
        one.update(dict.fromkeys(DECIDED, ""))


def imported(*reviews: Archived, left: dict[str, str] | None = None) -> tuple[int, list[str]]:
    return import_worksheets(list(reviews), left or {}, SETTINGS)


def changed(path: Path, content: str) -> None:
    """Change a file of the archive, like someone with access to the folder."""
    make_writable(path.parent)
    path.write_text(content, encoding="utf-8")


def resealed(root: Path) -> None:
    """Write all manifests of an archive again, like someone without the signing key."""
    manifests = read_manifests(root)
    steps = {path.parent for path in manifests}
    before = ""
    make_writable(root)
    while path := next((p for p, one in manifests.items() if one.previous == before), None):
        folder, manifest = path.parent, manifests[path]
        manifest.files = {
            file.relative_to(folder).as_posix(): sha256(file) for file in files_of(folder, steps)
        }
        manifest.previous_sha256 = sha256(root / before) if before else ""
        write_record(path, manifest)
        before = path.relative_to(root).as_posix()


def reviewed_twice() -> Archived:
    """Write a review with one import, and a second review after it."""
    first = write_review()
    complete(ADA, lambda rows: rows[0].update(decision="revoke"))
    imported(first)
    write_review(SECOND)
    return first


def signing(folder: Path) -> Settings:
    """Return settings that sign each step, and the file of allowed signers."""
    key = ssh_key(folder, "grace")
    allow(folder / "signers", grace=key)
    return replace(
        SETTINGS,
        signing_key=str(key),
        allowed_signers=str(folder / "signers"),
        require=["signature"],
    )


def verify(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["verify", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def rewritten(path: Path, old: str, new: str) -> Path:
    text = path.read_text(encoding="utf-8")
    assert old in text
    changed(path, text.replace(old, new))
    return path


def removed(path: Path) -> None:
    make_writable(path.parent)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
