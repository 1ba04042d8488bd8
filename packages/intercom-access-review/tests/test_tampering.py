"""Ways to change an archive, and the checks that find each change."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from archives import (
    ADA,
    BEN,
    BODIES,
    FOLDER,
    NAME,
    SECOND,
    SETTINGS,
    changed,
    complete,
    removed,
    resealed,
    reviewed_twice,
    rewritten,
    signing,
    verify,
    write_review,
)
from intercom_access_review.archive import Archived
from intercom_access_review.decisions import import_worksheets
from intercom_access_review.manifest import new_step
from intercom_access_review.project import PAGE, REVIEWS, sha256
from intercom_access_review.records import Removals, Review, read_record, write_record
from intercom_access_review.settings import Settings
from projects import day, make_writable

pytestmark = pytest.mark.usefixtures("in_project")


@pytest.fixture
def review() -> Archived:
    return reviewed_twice()


@pytest.fixture
def sealing(tmp_path: Path) -> Settings:
    return signing(tmp_path)


def replaced_by_link(path: Path) -> None:
    removed(path)
    path.symlink_to("/etc/hosts")


def replaced_body(stream: str, old: str, new: str) -> None:
    """Change a response everywhere in the evidence of a review, with all its hashes."""
    folder = FOLDER / "intercom"
    make_writable(folder)
    lines = (folder / "requests.jsonl").read_text(encoding="utf-8").splitlines()
    place = next(n for n, line in enumerate(lines) if f'"stream": "{stream}"' in line)
    line, last = json.loads(lines[place]), json.loads(lines[-1])
    content = gzip.decompress((folder / "bodies" / f"{line['sha256']}.json.gz").read_bytes())
    assert old in content.decode()
    changed_content = content.replace(old.encode(), new.encode())
    line["sha256"] = hashlib.sha256(changed_content).hexdigest()
    body = folder / "bodies" / f"{line['sha256']}.json.gz"
    body.write_bytes(gzip.compress(changed_content))
    lines[place] = json.dumps(line)
    text = "".join(f"{one}\n" for one in lines[:-1])
    last["lines_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    changed(folder / "requests.jsonl", f"{text}{json.dumps(last)}\n")
    record = FOLDER / "review.json"
    known = read_record(record, Review)
    known.sync.files["requests.jsonl"] = sha256(folder / "requests.jsonl")
    changed(record, msgspec.json.encode(known).decode())


def write_removal() -> None:
    """Record a removal whose evidence shows that the access still exists."""
    target = FOLDER / "removals" / "1"
    sync = read_record(FOLDER / "review.json", Review).sync
    with new_step("removals", NAME, target, [], SETTINGS) as new:
        shutil.copytree(FOLDER / "intercom", new / "intercom")
        write_record(new / "removals.json", Removals(sync=sync, removals=[REMOVED]))


REMOVED = {"access_key": "1/workspace", "removed_detected_at": f"{NAME}T12:00:00+00:00"}
ALL, RECORD = FOLDER / "worksheets" / "all.csv", FOLDER / "review.json"
IMPORT = FOLDER / "imports" / "1"
DECIDED, COMPLETED = IMPORT / "decisions.json", IMPORT / f"{ADA}.csv"
BODY = next(iter(f"{hashlib.sha256(json.dumps(b).encode()).hexdigest()}" for b in BODIES.values()))

TAMPERED: dict[str, tuple[Callable[[], object], str]] = {
    "page": (lambda: changed(FOLDER / PAGE.name, "x"), "access-review.html was changed"),
    "worksheet": (lambda: rewritten(ALL, "Cy", "Di"), "worksheets/all.csv was changed"),
    "record": (lambda: rewritten(RECORD, "Corp", "Corq"), "review.json was changed"),
    "response": (
        lambda: changed(FOLDER / "intercom" / "bodies" / f"{BODY}.json.gz", "x"),
        f"bodies/{BODY}.json.gz was changed",
    ),
    "file removed": (
        lambda: removed(FOLDER / "worksheets" / f"{BEN}.csv"),
        f"worksheets/{BEN}.csv is missing",
    ),
    "file added": (
        lambda: changed(FOLDER / "worksheets" / "more.csv", "x"),
        "worksheets/more.csv is not in the manifest",
    ),
    "manifest": (
        lambda: rewritten(FOLDER / "manifest.json", "api.intercom.io", "api.example.com"),
        f"{NAME}/manifest.json, the step before {NAME}/imports/1/manifest.json, is missing or was",
    ),
    "decision": (
        lambda: rewritten(DECIDED, "revoke", "approve"),
        "decisions.json was changed",
    ),
    "import removed": (
        lambda: removed(IMPORT),
        f"{NAME}/imports/1/manifest.json, the step before {SECOND}/manifest.json, is missing",
    ),
    "review removed": (lambda: removed(FOLDER), f"{NAME}/imports/1/manifest.json, the step before"),
    "review renamed": (
        lambda: FOLDER.rename(REVIEWS / "2020-01-01"),
        f"2020-01-01/manifest.json belongs to the review {NAME}",
    ),
    "review copied": (
        lambda: shutil.copytree(FOLDER, REVIEWS / "2020-01-01"),
        "the manifests don't form one chain",
    ),
    "file beside": (
        lambda: changed(REVIEWS / "notes.txt", "x"),
        "notes.txt: integrity check FAILED",
    ),
    "link": (
        lambda: replaced_by_link(FOLDER / PAGE.name),
        "access-review.html was changed",
    ),
}

CONSISTENT: dict[str, tuple[Callable[[], object], str]] = {
    "decision": (
        lambda: rewritten(DECIDED, '"revoke"', '"approve"'),
        "the decision about '1/workspace' differs from imports/1",
    ),
    "date of a decision": (
        lambda: rewritten(DECIDED, f'"decided_on": "{day(9)}"', f'"decided_on": "{day(8)}"'),
        "the decision about '1/workspace' differs from imports/1",
    ),
    "completed worksheet removed": (
        lambda: removed(COMPLETED),
        "the decision about '1/workspace' differs from imports/1",
    ),
    "attestation": (
        lambda: rewritten(DECIDED, f'"attested_on": "{day(9)}"', f'"attested_on": "{day(8)}"'),
        f"the attestation of {ADA} isn't in a worksheet",
    ),
    "role in a response": (
        lambda: replaced_body("admins", "Manager", "Agent"),
        "admins: Intercom sent 2 rows, and 2 are in the record of",
    ),
    "seat in a response": (
        lambda: replaced_body("admins", "true", "false"),
        "entitlements: Intercom sent 4 rows, and 5 are in the record of",
    ),
    "host": (
        lambda: rewritten(RECORD, '"api.intercom.io"', '"api.eu.intercom.io"'),
        "source_hosts in the record of",
    ),
    "owner of the token": (
        lambda: rewritten(RECORD, "cy@example.com", "dee@example.com"),
        "token_owner in the record of",
    ),
    "row of all worksheets": (
        lambda: ALL.write_text("".join(ALL.read_text("utf-8").splitlines(keepends=True)[:-3])),
        "the worksheets have 4 rows instead of 5",
    ),
    "person in all worksheets": (
        lambda: rewritten(ALL, "Cy", "Di"),
        "entitlements: Intercom sent 5 rows, and 5 are in the worksheets with other values",
    ),
    "access in all worksheets": (
        lambda: rewritten(ALL, "Manager", "Agent"),
        "the decision about '1/role/7' differs from imports/1",
    ),
    "removal that did not happen": (write_removal, "removals/1: 1/workspace still has access"),
}

UNNOTICED: dict[str, Callable[[], object]] = {
    "page": lambda: rewritten(FOLDER / PAGE.name, "page", "other"),
    "worksheet of a reviewer": lambda: rewritten(FOLDER / "worksheets" / f"{BEN}.csv", "Dee", "Di"),
    "time of a step": lambda: rewritten(FOLDER / "manifest.json", f"{day(0)}T", f"{day(1)}T"),
    "operator": lambda: rewritten(FOLDER / "manifest.json", '"user": ', '"user": "eve", "x": '),
    "date of import": lambda: rewritten(DECIDED, f"{day(0)}T", f"{day(1)}T"),
    "completed worksheet and decision": lambda: [
        rewritten(path, "leads the team", "is on call") for path in (DECIDED, COMPLETED)
    ],
}
"""What someone who can write all files can change. Only a signature, or a hash that is kept
elsewhere, shows it."""


def test_only_a_hash_that_is_kept_elsewhere_shows_that_the_last_step_was_removed(
    review: Archived,
) -> None:
    removed(REVIEWS / SECOND)

    assert review
    assert verify()[0] == 0


def assert_found(tamper: Callable[[], object], message: str) -> None:
    tamper()
    code, output = verify()
    assert code == 1
    assert message in output
    assert "The integrity check failed." in output


@pytest.mark.parametrize("case", TAMPERED)
def test_the_integrity_check_finds_every_changed_file(case: str, review: Archived) -> None:
    assert review
    assert_found(*TAMPERED[case])


@pytest.mark.parametrize("case", CONSISTENT)
def test_a_change_of_all_manifests_is_found_when_everything_is_computed_again(
    case: str, review: Archived
) -> None:
    assert review
    make_writable(REVIEWS)
    tamper, message = CONSISTENT[case]
    tamper()
    assert_found(lambda: resealed(REVIEWS), message)


@pytest.mark.parametrize("case", UNNOTICED)
def test_other_changes_of_all_manifests_are_found_by_the_signatures(
    case: str, sealing: Settings
) -> None:
    first = write_review(settings=sealing)
    complete(ADA, lambda rows: rows[0].update(decision="revoke"))
    import_worksheets([first], {}, sealing)
    make_writable(REVIEWS)
    UNNOTICED[case]()
    resealed(REVIEWS)

    assert verify()[0] == 1
    for path in REVIEWS.rglob("*.sig"):
        path.unlink()
    assert verify()[0] == 0
    code, output = verify("--allowed-signers", sealing.allowed_signers)
    assert code == 1
    assert "has no signature, which is required" in output
