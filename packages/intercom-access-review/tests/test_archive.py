"""The archive: whatever is changed in it is found, and each step is whole or not there."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from typing import TYPE_CHECKING

import click
import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from archives import (
    ADA,
    BEN,
    BODIES,
    NAME,
    SETTINGS,
    changed,
    complete,
    imported,
    resealed,
    write_review,
)
from intercom_access_review import signatures
from intercom_access_review.archive import load_archive, read_review
from intercom_access_review.cli import main
from intercom_access_review.decisions import import_worksheets
from intercom_access_review.manifest import new_step
from intercom_access_review.project import PAGE, REVIEWS, sha256
from intercom_access_review.records import Removals, Review, read_record, write_record
from projects import day, make_writable
from timestamps import allow, authority, service, ssh_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from intercom_access_review.archive import Archived
    from intercom_access_review.settings import Settings

SECOND = str(day(5))
FOLDER = REVIEWS / NAME


@pytest.fixture(autouse=True)
def _in_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def review() -> Archived:
    """A review with one import, and a second review after it."""
    first = write_review()
    complete(ADA, lambda rows: rows[0].update(decision="revoke"))
    imported(first)
    write_review(SECOND)
    return first


def verify(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["verify", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_an_unchanged_archive_passes_and_shows_who_wrote_it(review: Archived) -> None:
    code, output = verify()

    assert code == 0
    assert f"{review.folder}: integrity check passed" in output
    assert output.count("no signature, no timestamp") == 3
    assert output.count("this version") == 3
    assert "source: api.intercom.io" in output


def test_an_archive_elsewhere_is_verified_without_a_project(
    review: Archived, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert review
    shutil.move("reviews", tmp_path / "copy")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")

    assert verify(str(tmp_path / "copy"))[0] == 0


def rewritten(path: Path, old: str, new: str) -> Path:
    text = path.read_text(encoding="utf-8")
    assert old in text
    changed(path, text.replace(old, new))
    return path


def removed(path: Path) -> None:
    make_writable(path.parent)
    shutil.rmtree(path) if path.is_dir() else path.unlink()


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
        f"{NAME}/manifest.json, which {NAME}/imports/1/manifest.json follows, is missing or was",
    ),
    "decision": (
        lambda: rewritten(DECIDED, "revoke", "approve"),
        "decisions.json was changed",
    ),
    "import removed": (
        lambda: removed(IMPORT),
        f"{NAME}/imports/1/manifest.json, which {SECOND}/manifest.json follows, is missing",
    ),
    "review removed": (lambda: removed(FOLDER), f"{NAME}/imports/1/manifest.json, which"),
    "review renamed": (
        lambda: FOLDER.rename(REVIEWS / "2020-01-01"),
        f"2020-01-01/manifest.json is of the review {NAME}",
    ),
    "review copied": (
        lambda: shutil.copytree(FOLDER, REVIEWS / "2020-01-01"),
        "the manifests are not one chain",
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
        "the decision about '1/workspace' is not that of imports/1",
    ),
    "date of a decision": (
        lambda: rewritten(DECIDED, f'"decided_on": "{day(9)}"', f'"decided_on": "{day(8)}"'),
        "the decision about '1/workspace' is not that of imports/1",
    ),
    "completed worksheet removed": (
        lambda: removed(COMPLETED),
        "the decision about '1/workspace' is not that of imports/1",
    ),
    "attestation": (
        lambda: rewritten(DECIDED, f'"attested_on": "{day(9)}"', f'"attested_on": "{day(8)}"'),
        f"the attestation of {ADA} is in no worksheet",
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
    "removal that did not happen": (write_removal, "removals/1 has 1/workspace, which still"),
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
def test_whatever_is_changed_is_found(case: str, review: Archived) -> None:
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


def test_files_of_systems_and_editors_are_listed_once_and_ignored(review: Archived) -> None:
    assert review
    make_writable(REVIEWS)
    for name in (".DS_Store", "Thumbs.db", "~$all.xlsx", ".all.csv.swp"):
        (FOLDER / name).touch()

    code, output = verify()

    assert code == 0
    assert output.count(".DS_Store") == 1


def test_an_empty_archive_fails(tmp_path: Path) -> None:
    (tmp_path / "reviews").mkdir()

    assert verify()[0] == 1


def test_a_renamed_review_stops_every_step(review: Archived) -> None:
    review.folder.rename(REVIEWS / "2020-01-01")

    with pytest.raises(click.ClickException, match="it is the review of"):
        load_archive(SETTINGS)


def test_a_newer_format_is_refused_and_an_unreadable_file_named(review: Archived) -> None:
    path = review.folder / "review.json"
    rewritten(path, '"format": 1', '"format": 2')
    with pytest.raises(click.ClickException, match=r"format 2\. This version .* up to 1\. Upgrade"):
        read_record(path, Review)
    changed(path, "{")
    with pytest.raises(click.ClickException, match=r"review\.json was changed"):
        read_record(path, Review)


def test_a_step_that_fails_leaves_nothing_and_is_not_in_the_way(review: Archived) -> None:
    target = review.folder / "imports" / "2"

    def stopped() -> None:
        with new_step("import", NAME, target, [], SETTINGS) as new:
            (new / "x").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()

    assert not target.exists()
    assert verify()[0] == 0
    complete(BEN)
    assert imported(read_review(review.folder)) == (1, [])


def test_files_of_a_review_are_read_only_and_private(review: Archived) -> None:
    paths = [path for path in review.folder.rglob("*") if path.is_file()]

    assert {path.stat().st_mode & 0o227 for path in paths} == {0}


@pytest.fixture
def sealing(tmp_path: Path) -> Settings:
    """Settings that sign each step, with the keys that they allow."""
    key = ssh_key(tmp_path, "grace")
    allow(tmp_path / "signers", grace=key)
    return replace(
        SETTINGS,
        signing_key=str(key),
        allowed_signers=str(tmp_path / "signers"),
        require=["signature"],
    )


def test_each_step_is_signed_and_timestamped_and_verifying_says_by_whom(
    sealing: Settings, tmp_path: Path
) -> None:
    certificate = authority(tmp_path)
    with service(tmp_path, certificate) as url:
        write_review(settings=replace(sealing, timestamp_url=url, timestamp_ca=str(certificate)))

    code, output = verify(
        "--allowed-signers", str(tmp_path / "signers"), "--timestamp-ca", str(certificate)
    )

    assert code == 0
    assert "signed by grace@example.com (ED25519 SHA256:" in output
    assert "timestamped by " in output


def test_an_auditor_uses_their_own_signers(sealing: Settings, tmp_path: Path) -> None:
    write_review(settings=sealing)
    allow(tmp_path / "own", mallory=ssh_key(tmp_path, "mallory"))

    code, output = verify("--allowed-signers", str(tmp_path / "own"))

    assert code == 1
    assert "manifest.json.sig is from" in output
    assert "own does not allow" in output
    assert "which names its owner, is missing" in verify("--allowed-signers", "none")[1]


def test_a_signature_of_another_file_fails(sealing: Settings, tmp_path: Path) -> None:
    write_review(settings=sealing)
    rewritten(FOLDER / "manifest.json", "api.intercom.io", "api.example.com")

    code, output = verify("--allowed-signers", str(tmp_path / "signers"))

    assert code == 1
    assert "manifest.json.sig is not a signature of this file" in output


def test_a_missing_signature_fails_if_it_is_required(sealing: Settings) -> None:
    write_review(settings=sealing)
    removed(FOLDER / "manifest.json.sig")
    (FOLDER.parents[1] / "settings.yml").write_text("require: [signature]\n", encoding="utf-8")

    assert "has no signature, which is required" in verify()[1]


CANNOT_SEAL: dict[str, tuple[dict[str, str], str]] = {
    "no key": ({"signing_key": "missing"}, "Cannot sign with signing_key missing"),
    "no CA": ({"timestamp_url": "http://127.0.0.1:9/"}, "Set it to the certificates"),
    "no URL": ({"timestamp_url": "ftp://x"}, "Use a URL that begins with https://"),
}


@pytest.mark.parametrize("case", CANNOT_SEAL)
def test_a_step_that_cannot_be_sealed_is_not_written(case: str) -> None:
    settings, message = CANNOT_SEAL[case]

    with pytest.raises(click.ClickException) as error:
        write_review(settings=replace(SETTINGS, **settings))

    assert message in error.value.message
    assert not FOLDER.exists()


def test_a_wrong_timestamp_is_not_kept(tmp_path: Path) -> None:
    certificate = authority(tmp_path)
    path = tmp_path / "x"
    path.write_text("x", encoding="utf-8")
    with (
        service(tmp_path, certificate, lambda answer: answer[:-1] + b"?") as url,
        pytest.raises(click.ClickException, match="did not send a valid timestamp"),
    ):
        signatures.stamp(path, url, str(certificate))
    assert not (tmp_path / "x.tsr").exists()
