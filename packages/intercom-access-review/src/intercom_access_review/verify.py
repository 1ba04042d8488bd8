"""Verify an archive: every file, the chain of manifests, signatures, and control totals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from intercom_access_review import legacy
from intercom_access_review.archive import INDEX, entries_of_archive, read_review
from intercom_access_review.identity import running_package
from intercom_access_review.items import ITEM_KINDS
from intercom_access_review.manifest import ENDS, NAME, files_of, last_manifests, read_manifests
from intercom_access_review.project import LEFT_BEHIND, sha256
from intercom_access_review.recompute import problems_of_review
from intercom_access_review.settings import PATH, Settings, load_settings
from intercom_access_review.signatures import UncheckedError, signer_of, stamper_of

if TYPE_CHECKING:
    from intercom_access_review.records import Manifest

CHECKS = {
    ".sig": ("signature", "signed by", signer_of),
    ".tsr": ("timestamp", "timestamped by", stamper_of),
}


def problems_of_files(folder: Path, manifest: Manifest) -> list[str]:
    """Return the files of a step that differ from its manifest."""
    found = {path.relative_to(folder).as_posix(): path for path in files_of(folder)}
    changed = [
        f"{name} was changed"
        for name, digest in manifest.files.items()
        if name in found and (found[name].is_symlink() or sha256(found[name]) != digest)
    ]
    missing = [f"{name} is missing" for name in manifest.files.keys() - found.keys()]
    return (
        changed
        + sorted(missing)
        + [f"{n} is not in the manifest" for n in sorted(found.keys() - manifest.files.keys())]
    )


def problems_of_chain(root: Path, manifests: dict[Path, Manifest]) -> dict[str, list[str]]:
    """Return what is wrong with the order of the steps, by review."""
    problems: dict[str, list[str]] = {}
    followers: dict[str, str] = {}
    for path, manifest in manifests.items():
        name, own = manifest.review, path.relative_to(root).as_posix()
        for before, digest in manifest.previous.items():
            target = root / before
            if not target.is_file() or sha256(target) != digest:
                problems.setdefault(name, []).append(
                    f"{before}, which {own} follows, is missing or was changed"
                )
            if followers.setdefault(before, own) != own:
                problems.setdefault(name, []).append(
                    f"{own} and {followers[before]} follow the same step"
                )
        if path.relative_to(root).parts[0] != name:
            problems.setdefault(name, []).append(f"{own} is of the review {name}")
    first = [path for path, manifest in manifests.items() if not manifest.previous]
    if manifests and (len(first) != 1 or len(last_manifests(root)) != 1):
        problems.setdefault(INDEX, []).append("the manifests are not one chain")
    return problems


def problems_by_review(root: Path, settings: Settings) -> dict[str, list[str]]:
    """Return the problems of an archive by the name of the review, or of another file."""
    manifests = read_manifests(root)
    problems: dict[str, list[str]] = {}
    for path in entries_of_archive(root):
        known = problems.setdefault(path.name, [])
        if path / NAME in manifests and not path.is_symlink():
            try:
                known += problems_of_review(read_review(path))
            except click.ClickException as error:
                known.append(error.message.rstrip("."))
        elif (path / legacy.EVIDENCE).is_file():
            known += legacy.problems_of(path)
        else:
            known.append("no step wrote it")
    for path, manifest in manifests.items():
        known = problems.setdefault(path.relative_to(root).parts[0], [])
        known += problems_of_files(path.parent, manifest)
        known += seals_of(path, settings)[1]
    for name, more in problems_of_chain(root, manifests).items():
        problems.setdefault(name, []).extend(more)
    return problems


def seals_of(path: Path, settings: Settings) -> tuple[list[str], list[str]]:
    """Return who signed and timestamped a manifest, and what is wrong with that."""
    texts, problems = [], []
    for end in ENDS:
        kind, words, check = CHECKS[end]
        try:
            if path.with_name(f"{path.name}{end}").is_file():
                texts.append(f"{words} {check(path, settings)}")
            else:
                texts.append(f"no {kind}")
                problems += (
                    [f"{path} has no {kind}, which is required"] if kind in settings.require else []
                )
        except UncheckedError as error:
            texts.append(f"{kind} not checked ({error.message})")
        except click.ClickException as error:
            texts.append(f"{kind} not valid")
            problems.append(error.message)
    return texts, problems


@click.command()
@click.argument("archive", type=click.Path(path_type=Path), default="reviews")
@click.option("--allowed-signers", help="Your own file of public keys, as ssh-keygen reads it.")
@click.option("--timestamp-ca", help="Your own certificates of the timestamp service's authority.")
def verify(archive: Path, allowed_signers: str | None, timestamp_ca: str | None) -> None:
    """Check whether the reviews in ARCHIVE are as they were written."""
    settings = load_settings(ITEM_KINDS) if PATH.exists() else Settings()
    own = {"allowed_signers": allowed_signers, "timestamp_ca": timestamp_ca}
    given = {name: value for name, value in own.items() if value is not None}
    for name, value in given.items():
        if not Path(value).expanduser().is_file():
            option = name.replace("_", "-")
            raise click.ClickException(f"--{option} is {value!r}, which is not a file.")
    kinds = {"allowed_signers": "signature", "timestamp_ca": "timestamp"}
    required = {*settings.require, *(kinds[name] for name in given)}
    settings = msgspec.structs.replace(settings, **given, require=sorted(required))
    problems, running = problems_by_review(archive, settings), running_package()
    for name, found in problems.items():
        result = f"FAILED: {'; '.join(found)}" if found else "passed"
        click.echo(f"{archive / name}: integrity check {result}")
    for path, manifest in read_manifests(archive).items():
        package = manifest.package
        here = f"{running['version']} ({running['sha256'][:16]})"
        same = "this version" if package == running else f"not this version, which is {here}"
        click.echo(f"{sha256(path)}  {path}: {', '.join(seals_of(path, settings)[0])}")
        click.echo(f"  written by {package['version']} ({package['sha256'][:16]}), {same}")
        click.echo(f"  source: {', '.join(manifest.source_hosts) or 'unknown'}")
    if ignored := sorted(str(p) for p in archive.rglob("*") if LEFT_BEHIND.fullmatch(p.name)):
        click.echo(f"Ignored files: {', '.join(ignored)}")
    if not problems:
        raise click.ClickException(f"{archive} has no reviews.")
    if any(problems.values()):
        raise click.ClickException("The integrity check failed.")


def require_intact(root: Path, settings: Settings) -> None:
    """Raise an error if an archive was changed."""
    if any(problems_by_review(root, settings).values()):
        raise click.ClickException("The archive was changed. Run 'meltano invoke review:verify'.")
