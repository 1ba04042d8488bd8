"""Ways to change an archive, and the checks that find each change."""

import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

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
    imported,
    read_review,
    removed,
    resealed,
    reviewed_twice,
    rewritten,
    signing,
    verify,
    write_review,
)
from intercom_access_review.archive import Archived
from intercom_access_review.completion import timeliness_tests
from intercom_access_review.decisions import import_worksheets
from intercom_access_review.manifest import new_step
from intercom_access_review.project import PAGE, REVIEWS, Row, iso, now, sha256, utc
from intercom_access_review.quality import review_quality
from intercom_access_review.records import (
    Completion,
    Manifest,
    Reassignment,
    ReassignmentStep,
    Removals,
    Review,
    read_record,
    write_record,
)
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


def outcome_row(**changes: object) -> Row:
    """Return the outcome of the revocation in the first review, with some changes."""
    revoked = read_review(FOLDER).decisions["1/workspace"]
    names = ("access_key", "decided_by", "decided_on", "reason", "until", "due_on")
    row = {name: getattr(revoked, name) for name in names}
    row |= {"imported_at": iso(utc(revoked.imported_at)), "timeliness": None}
    return row | {"removed_detected_at": f"{NAME}T12:00:00+00:00"} | changes


def write_removal(**changes: object) -> None:
    """Record a removal whose evidence shows that the access still exists."""
    row = outcome_row(**changes)
    target = FOLDER / "removals" / "1"
    sync = read_record(FOLDER / "review.json", Review).sync
    with new_step("removals", NAME, target, [], SETTINGS) as new:
        shutil.copytree(FOLDER / "intercom", new / "intercom")
        write_record(new / "removals.json", Removals(sync=sync, removals=[row]))


def write_removal_without_key() -> None:
    write_removal()
    edited(REMOVAL, lambda known: known["removals"][0].clear())


def write_completion(outcome: str = "risk accepted", **changes: object) -> None:
    """Complete the first review, with an outcome of its revocation and some changes."""
    review = read_review(FOLDER)
    revocations = [outcome_row(outcome=outcome)]
    record = Completion(
        review=NAME,
        completed_at=now(),
        sync=review.record.sync,
        decisions=list(review.decisions.values()),
        attestations=review.attestations,
        revocations=revocations,
        exceptions=[],
        tests=timeliness_tests(review, revocations),
        quality=review_quality(review.decisions.values(), lambda *_: False),
    )
    with new_step("completion", NAME, FOLDER / "completion", [], SETTINGS) as new:
        shutil.copytree(FOLDER / "intercom", new / "intercom")
        write_record(new / "completion.json", replace(record, **changes))


def write_reassignment(receiver: str = BEN) -> None:
    """Reassign the row without a reviewer, according to an input that names Ben."""
    one = Reassignment(
        access_key="2/seat", sender="", receiver=receiver, by=ADA, reason="new", until=""
    )
    record = ReassignmentStep(reassigned_at=now(), reassignments=[one])
    target = FOLDER / "reassignments" / "1"
    with new_step("reassignment", NAME, target, [], SETTINGS) as new:
        text = f"row,from,to,by,reason,until\n2/seat,,{BEN},{ADA},new,\n"
        (new / "reassignments.csv").write_text(text, encoding="utf-8")
        write_record(new / "reassignments.json", record)


def edited(path: Path, edit: Callable[[Row], object]) -> None:
    """Change a JSON file of the archive."""
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    changed(path, json.dumps(content))


def linked(path: Path) -> None:
    """Move a file or folder elsewhere, and replace it by a link to it."""
    make_writable(path.parent)
    elsewhere = Path("elsewhere").absolute()
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def added(folder: Path, manifest: str = "x") -> None:
    """Add a folder with a manifest and another file."""
    make_writable(REVIEWS)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(manifest, encoding="utf-8")
    (folder / "approval.csv").write_text("x", encoding="utf-8")


def replaced_by_pipe(path: Path) -> None:
    removed(path)
    os.mkfifo(path)


def import_twice() -> None:
    """Import a second worksheet, which corrects a decision of the first one."""
    shutil.rmtree(REVIEWS)
    first = write_review()
    complete(ADA, lambda rows: rows[0].update(decision="revoke"))
    imported(first)
    complete(ADA, lambda rows: rows[0].update(reason="she needs it again"))
    assert imported(first) == (1, [])
    write_review(SECOND)
    make_writable(REVIEWS)


def rejoined(*folders: Path) -> None:
    """Name the manifest before each manifest, in the order of the folders."""
    before = ""
    for folder in folders:
        path = folder / "manifest.json"
        write_record(path, replace(read_record(path, Manifest), previous=before))
        before = path.relative_to(REVIEWS).as_posix()


def import_earlier() -> None:
    import_twice()
    rewritten(FOLDER / "imports" / "2" / "decisions.json", f"{day(0)}T", f"{day(1)}T")


def reassigned_and_completed() -> None:
    write_reassignment()
    write_completion()


def swapped_imports() -> None:
    import_twice()
    (FOLDER / "imports" / "2").rename(FOLDER / "imports" / "3")
    (FOLDER / "imports" / "1").rename(FOLDER / "imports" / "2")
    (FOLDER / "imports" / "3").rename(FOLDER / "imports" / "1")
    rejoined(FOLDER, IMPORT, FOLDER / "imports" / "2", REVIEWS / SECOND)


def reordered_imports() -> None:
    import_twice()
    rejoined(FOLDER, FOLDER / "imports" / "2", IMPORT, REVIEWS / SECOND)


def removed_first_import() -> None:
    import_twice()
    removed(IMPORT)
    rejoined(FOLDER, FOLDER / "imports" / "2", REVIEWS / SECOND)


def removed_last_import() -> None:
    import_twice()
    removed(FOLDER / "imports" / "2")
    rejoined(FOLDER, IMPORT, REVIEWS / SECOND)


def removed_first_review() -> None:
    removed(FOLDER)
    rejoined(REVIEWS / SECOND)


def claimed_as_earlier() -> None:
    """Add the evidence of an earlier version, and decisions that name its files."""
    changed(FOLDER / "evidence.json", "{}")
    edited(DECIDED, lambda known: [one.update(file="../x") for one in known["decisions"]])


ALL, RECORD = FOLDER / "worksheets" / "all.csv", FOLDER / "review.json"
IMPORT, REMOVAL = FOLDER / "imports" / "1", FOLDER / "removals" / "1" / "removals.json"
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
    "folder with a manifest": (
        lambda: added(FOLDER / "approvals"),
        "approvals/approval.csv is not in the manifest",
    ),
    "folder with a manifest in an import": (
        lambda: added(IMPORT / "more"),
        "more/approval.csv is not in the manifest",
    ),
    "hidden folder": (
        lambda: added(FOLDER / ".hidden"),
        ".hidden/approval.csv is not in the manifest",
    ),
    "deep folder": (
        lambda: added(FOLDER / "inputs2" / "a" / "b"),
        "inputs2/a/b/approval.csv is not in the manifest",
    ),
    "folder of removals": (
        lambda: added(FOLDER / "removals"),
        "removals/approval.csv is not in the manifest",
    ),
    "hidden import": (
        lambda: added(FOLDER / "imports" / ".1", (FOLDER / "manifest.json").read_text("utf-8")),
        "the manifests don't form one chain",
    ),
    "hidden review": (
        lambda: added(REVIEWS / ".2027", (FOLDER / "manifest.json").read_text("utf-8")),
        "the manifests don't form one chain",
    ),
    "link to the manifest": (
        lambda: linked(FOLDER / "manifest.json"),
        "manifest.json is not a regular file",
    ),
    "link to an import": (lambda: linked(IMPORT), "imports/1 is not a regular file"),
    "link to a review": (
        lambda: linked(FOLDER),
        f"{NAME}: integrity check FAILED: unexpected entry",
    ),
    "link to the archive": (lambda: linked(REVIEWS), "reviews is a link"),
    "pipe": (
        lambda: replaced_by_pipe(ALL),
        "worksheets/all.csv is not a regular file",
    ),
    "pipe as manifest": (
        lambda: replaced_by_pipe(REVIEWS / SECOND / "manifest.json"),
        f"{SECOND}: integrity check FAILED: unexpected entry",
    ),
    "link": (
        lambda: replaced_by_link(FOLDER / PAGE.name),
        "access-review.html is not a regular file",
    ),
}

CONSISTENT: dict[str, tuple[Callable[[], object], str]] = {
    "decision": (
        lambda: rewritten(DECIDED, '"revoke"', '"approve"'),
        "the decisions about 1/workspace differ from the worksheets in imports/1",
    ),
    "date of a decision": (
        lambda: rewritten(DECIDED, f'"decided_on": "{day(9)}"', f'"decided_on": "{day(8)}"'),
        "the decisions about 1/role/7, 1/workspace, 2/workspace differ from the worksheets",
    ),
    "completed worksheet removed": (
        lambda: removed(COMPLETED),
        "the decisions about 1/role/7, 1/workspace, 2/workspace differ from the worksheets",
    ),
    "attestation": (
        lambda: rewritten(DECIDED, f'"attested_on": "{day(9)}"', f'"attested_on": "{day(8)}"'),
        "the attestations differ from the worksheets in imports/1",
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
        "the decisions about 1/role/7 differ from the worksheets in imports/1",
    ),
    "decision removed": (
        lambda: edited(DECIDED, lambda known: known["decisions"].pop(0)),
        "the decisions about 1/workspace differ from the worksheets in imports/1",
    ),
    "attestation removed": (
        lambda: edited(DECIDED, lambda known: known.update(attestations=[])),
        "the attestations differ from the worksheets in imports/1",
    ),
    "imports swapped": (swapped_imports, "imports/2 is older than the step before it"),
    "imports in another order": (reordered_imports, "imports/2 is in the chain instead of"),
    "first import removed": (removed_first_import, "imports/2 is in the chain instead of"),
    "date of import before the one of another import": (
        import_earlier,
        "imports/2 is older than the import before it",
    ),
    "control total of the entitlements removed": (
        lambda: edited(RECORD, lambda known: known["sync"]["totals"].pop("entitlements")),
        f"the control totals in the record of {NAME} are of other streams",
    ),
    "control total of a stream removed": (
        lambda: edited(RECORD, lambda known: known["sync"]["totals"].pop("teams")),
        f"the control totals in the record of {NAME} are of other streams",
    ),
    "control total of loaded rows": (
        lambda: edited(
            RECORD, lambda known: known["sync"]["totals"]["teams"]["loaded"].update(rows=9)
        ),
        f"teams: Intercom sent 1 rows, and 9 are in the record of {NAME}",
    ),
    "control total of the worksheets removed": (
        lambda: edited(
            RECORD, lambda known: known["sync"]["totals"]["entitlements"].pop("reviewed")
        ),
        "review.json doesn't have the control total of the worksheets",
    ),
    "review claimed to be of an earlier version": (
        claimed_as_earlier,
        "review.json has unexpected values (KeyError('workspace'))",
    ),
    "removal that did not happen": (
        write_removal,
        "removals/1: 1/workspace still has access",
    ),
    "removal of access that was not revoked": (
        lambda: write_removal(access_key="77/workspace"),
        "removals/1: 77/workspace was not revoked, or not as listed",
    ),
    "reason of a removal": (
        lambda: write_removal(reason="other"),
        "removals/1: 1/workspace was not revoked, or not as listed",
    ),
    "removal without a key": (
        write_removal_without_key,
        "removals.json has unexpected values (KeyError('access_key'))",
    ),
    "reassignment": (
        lambda: write_reassignment(ADA),
        "the reassignment of '2/seat' is not in reassignments.csv of reassignments/1",
    ),
    "decisions of the report": (
        lambda: write_completion(decisions=[]),
        "completion.json doesn't have the decisions of the steps before it",
    ),
    "attestations of the report": (
        lambda: write_completion(attestations=[]),
        "completion.json doesn't have the attestations of the steps before it",
    ),
    "revocations of the report": (
        lambda: write_completion(revocations=[]),
        "completion.json doesn't have the revocations of the steps before it",
    ),
    "exceptions of the report": (
        lambda: write_completion(exceptions=[outcome_row(outcome="active")]),
        "completion.json doesn't have the exceptions of the steps before it",
    ),
    "timeliness in the report": (
        lambda: write_completion(tests={"decisions": {"in time": 99}}),
        "the timeliness in completion.json differs from the decisions",
    ),
    "quality in the report": (
        lambda: write_completion(quality={"reviewers": [], "pairs": []}),
        "the quality of decisions in completion.json differs from the decisions",
    ),
    "removal in the report": (
        lambda: write_completion("removed"),
        "completion.json doesn't have the removals of the steps before it",
    ),
    "reassignments of the report": (
        reassigned_and_completed,
        "completion.json doesn't have the reassignments of the steps before it",
    ),
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


REMOVED_STEPS: dict[str, Callable[[], object]] = {
    "last step": lambda: removed(REVIEWS / SECOND),
    "correction": removed_last_import,
    "first review": removed_first_review,
}


@pytest.mark.parametrize("case", REMOVED_STEPS)
def test_only_a_kept_hash_or_a_signature_shows_that_steps_were_removed_and_the_rest_rejoined(
    case: str, review: Archived
) -> None:
    assert review
    make_writable(REVIEWS)
    REMOVED_STEPS[case]()
    resealed(REVIEWS)

    assert verify()[0] == 0


def test_reassignments_and_completion_of_an_unchanged_archive_pass(review: Archived) -> None:
    assert review
    write_reassignment()
    write_completion(reassignments=read_review(FOLDER).reassignments)

    assert verify()[0] == 0


def test_a_manifest_without_a_package_is_named_in_one_sentence(review: Archived) -> None:
    assert review
    edited(FOLDER / "manifest.json", lambda known: known.update(package={}))

    code, output = verify()

    assert code == 1
    assert "manifest.json was changed: Object missing required field `version`" in output


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
