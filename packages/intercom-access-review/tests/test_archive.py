"""The archive: manifests, signatures, timestamps, and steps that fail."""

import re
import shutil
from pathlib import Path

import click
import pytest
from msgspec.structs import replace

from archives import (
    BEN,
    FOLDER,
    NAME,
    SECOND,
    SETTINGS,
    changed,
    complete,
    imported,
    read_review,
    removed,
    reviewed_twice,
    rewritten,
    signing,
    verify,
    write_review,
)
from intercom_access_review import signatures
from intercom_access_review.archive import Archived
from intercom_access_review.manifest import new_step
from intercom_access_review.project import REVIEWS
from intercom_access_review.records import Review, read_record
from intercom_access_review.reproduce import rebuild
from intercom_access_review.settings import Settings
from intercom_access_review.verify import load_archive
from projects import day, make_writable
from timestamps import allow, authority, service, ssh_key

pytestmark = pytest.mark.usefixtures("in_project")


@pytest.fixture
def review() -> Archived:
    return reviewed_twice()


def test_an_unchanged_archive_passes_and_names_the_version_of_each_step(review: Archived) -> None:
    code, output = verify()

    assert code == 0
    assert f"{review.folder}: integrity check passed" in output
    assert re.findall(r"  (\S+)/manifest.json: no signature, no timestamp\n", output) == [
        str(FOLDER),
        str(FOLDER / "imports" / "1"),
        str(REVIEWS / SECOND),
    ]
    assert "passed, but nothing proves who wrote it or when" in output.splitlines()[-1]
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


def test_files_of_operating_systems_and_editors_are_listed_once_and_ignored(
    review: Archived,
) -> None:
    assert review
    make_writable(REVIEWS)
    for name in (".DS_Store", "Thumbs.db", "~$all.xlsx", ".all.csv.swp", ".nfs0001", "Icon\r"):
        (FOLDER / name).touch()
    for folder in (REVIEWS / "@eaDir", FOLDER / "__MACOSX", FOLDER / "imports" / ".new"):
        folder.mkdir()
        (folder / "manifest.json").touch()

    code, output = verify()

    assert code == 0
    assert output.count(".DS_Store") == 1
    for path in ("@eaDir", f"{NAME}/__MACOSX", f"{NAME}/imports/.new"):
        assert f"reviews/{path}/manifest.json" in output


def test_a_step_is_not_written_if_the_clock_is_before_the_last_step(
    review: Archived, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert review
    monkeypatch.setattr("intercom_access_review.manifest.now", lambda: f"{NAME}T12:00:00+00:00")

    with pytest.raises(click.ClickException, match=r"The last step .* Correct the clock"):
        write_review(str(day(1)))

    assert verify()[0] == 0


def test_an_empty_archive_fails(tmp_path: Path) -> None:
    (tmp_path / "reviews").mkdir()

    assert verify()[0] == 1


def test_a_renamed_review_stops_every_step(review: Archived) -> None:
    review.folder.rename(REVIEWS / "2020-01-01")

    with pytest.raises(click.ClickException, match="belongs to the review"):
        load_archive(SETTINGS)


def test_a_newer_format_is_refused_and_an_unreadable_file_named(review: Archived) -> None:
    path = review.folder / "review.json"
    rewritten(path, '"format": 1', '"format": 2')
    with pytest.raises(click.ClickException, match=r"format 2\. This version .* up to 1\. Upgrade"):
        read_record(path, Review)
    changed(path, "{")
    with pytest.raises(click.ClickException, match=r"review\.json was changed"):
        read_record(path, Review)


def test_a_failed_step_leaves_no_files_and_the_next_one_succeeds(review: Archived) -> None:
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
    return signing(tmp_path)


def test_each_step_is_signed_and_timestamped_and_verify_names_the_signer(
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
    assert {path.stat().st_mode & 0o222 for path in FOLDER.glob("manifest.json*")} == {0}


def test_an_auditor_uses_their_own_signers(sealing: Settings, tmp_path: Path) -> None:
    write_review(settings=sealing)
    allow(tmp_path / "own", mallory=ssh_key(tmp_path, "mallory"))

    code, output = verify("--allowed-signers", str(tmp_path / "own"))

    assert code == 1
    assert "manifest.json.sig is from" in output
    assert "own does not allow" in output
    assert "with the owners of keys, is missing" in verify()[1]


@pytest.mark.parametrize("option", ["--allowed-signers", "--timestamp-ca"])
@pytest.mark.parametrize("path", ["none", ""])
def test_an_option_that_is_not_a_file_is_an_error(option: str, path: str) -> None:
    code, output = verify(option, path)

    assert code > 0
    assert f"File '{path}' does not exist." in output


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


@pytest.mark.parametrize(
    ("logs_from", "second", "has_all_logs"), [(20, 11, True), (30, 11, False), (20, 9, False)]
)
def test_log_entries_that_no_sync_in_the_archive_read_are_noticed(
    logs_from: int, second: int, monkeypatch: pytest.MonkeyPatch, *, has_all_logs: bool
) -> None:
    monkeypatch.setattr("intercom_access_review.reproduce.build_from", lambda *_: None)
    monkeypatch.setattr("intercom_access_review.reproduce.load_inputs", lambda *_: None)
    at = {ago: f"{day(ago)}T00:00:00Z" for ago in (30, 20, 11, 10, 9, 5)}
    for name, begin, end in ((NAME, 20, 10), (SECOND, second, 5)):
        review = write_review(name, window={"from": at[begin], "to": at[end]})
        (review.folder / "inputs").mkdir()
    rewritten(FOLDER / "review.json", f'"logs_from": "{at[20]}', f'"logs_from": "{at[logs_from]}')

    assert rebuild(review.folder, review.record)[1] == has_all_logs
