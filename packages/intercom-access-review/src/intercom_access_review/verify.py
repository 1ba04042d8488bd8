"""Verify an archive: every file, the chain of manifests, signatures, and control totals."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

from intercom_access_review import legacy
from intercom_access_review.archive import INDEX, STEPS, Archived, add_step, read_step
from intercom_access_review.identity import running_package
from intercom_access_review.items import ITEM_KINDS
from intercom_access_review.manifest import (
    FOLDERS,
    chain_until,
    files_of,
    has_previous,
    last_manifests,
    read_manifests,
)
from intercom_access_review.project import REVIEWS, is_ignored, sha256
from intercom_access_review.recompute import problems_of_record
from intercom_access_review.records import Manifest, Step
from intercom_access_review.settings import PATH, Settings, load_settings
from intercom_access_review.signatures import UncheckedError, signer_of, stamper_of

SEALS = {
    "signature": (".sig", "signed by", signer_of),
    "timestamp": (".tsr", "timestamped by", stamper_of),
}
UNREADABLE = (LookupError, TypeError, AttributeError, ValueError)
"""Errors that unexpected values in a record raise."""
FILE = click.Path(exists=True, dir_okay=False)


@dataclass
class Check:
    """The content of an archive, and its problems."""

    manifests: dict[Path, Manifest]
    problems: dict[str, list[str]] = field(default_factory=dict)
    """Problems by the name of the review or other file; empty: the whole archive."""
    seals: dict[Path, list[str]] = field(default_factory=dict)
    """The signer and the timestamp of each manifest."""
    reviews: dict[str, Archived] = field(default_factory=dict)
    """The reviews by name, the oldest first, if the chain of manifests is intact."""

    def note(self, name: str, problems: list[str]) -> None:
        """Add problems of a review or other file."""
        self.problems.setdefault(name, []).extend(problems)

    def recompute(self, chain: list[tuple[Path, Manifest]]) -> None:
        """Compute each step again, and add it to the reviews, until a step can't be read."""
        for path, manifest in chain:
            folder, name = path.parent, manifest.review
            try:
                record = read_step(manifest.step, folder)
                self.note(name, problems_of_record(folder, manifest, record, self.reviews))
                add_step(self.reviews, name, folder, record)
            except click.ClickException as error:
                self.note(name, [error.message.rstrip(".")])
                break
            except UNREADABLE as error:
                text = f"{folder / STEPS[manifest.step][0]} has unexpected values ({error!r})"
                self.note(name, [text])
                break


def check_archive(root: Path, settings: Settings) -> Check:
    """Check the files and the chain of an archive. If it is intact, compute each step again."""
    check = Check(read_manifests(root))
    steps = {path.parent for path in check.manifests}
    for name in sorted({path.relative_to(root).parts[0] for path in files_of(root, steps)}):
        if name != INDEX or (root / INDEX).is_dir():
            check.note(name, problems_of_entry(root / name))
    for path, manifest in check.manifests.items():
        name = path.relative_to(root).parts[0]
        check.note(name, problems_of_files(root, path.parent, manifest, steps))
        check.note(manifest.review, problems_of_place(root, path, manifest))
    last = last_manifests(root, check.manifests)
    chain = chain_until(root, last[0]) if len(last) == 1 else []
    if root.is_symlink():
        check.note("", [f"{root} is a link"])
    if {path for path, _ in chain} != check.manifests.keys():
        check.note("", ["the manifests don't form one chain"])
    if not any(check.problems.values()):
        for name, problem in problems_of_order(root, chain):
            check.note(name, [problem])
        check.recompute(chain)
    for path, manifest in check.manifests.items():
        check.seals[path], problems = seals_of(path, settings)
        check.note(manifest.review, problems)
    return check


def problems_of_order(root: Path, chain: list[tuple[Path, Manifest]]) -> Iterator[tuple[str, str]]:
    """Yield each step without the next number, or with an earlier time, and its review."""
    count: Counter[tuple[str, Step]] = Counter()
    last = ""
    for path, manifest in chain:
        count[manifest.review, manifest.step] += 1
        number = count[manifest.review, manifest.step]
        place = root / manifest.review / FOLDERS[manifest.step].format(number)
        if path.parent != place:
            yield manifest.review, f"{path.parent} is in the chain instead of {place}"
        if manifest.written_at < last:
            yield manifest.review, f"{path.parent} is older than the step before it"
        last = manifest.written_at


def problems_of_entry(path: Path) -> list[str]:
    """Return the problem of a file or folder in an archive that isn't of a step."""
    return legacy.problems_of(path) if legacy.is_legacy(path) else ["unexpected entry"]


def problems_of_files(
    root: Path, folder: Path, manifest: Manifest, steps: Collection[Path]
) -> list[str]:
    """Return the files of a step that differ from its manifest."""
    found = {path.relative_to(folder).as_posix(): path for path in files_of(folder, steps)}
    problems = []
    for name in sorted(found.keys() | manifest.files.keys()):
        path = (folder / name).relative_to(root).as_posix()
        if name not in found:
            problems.append(f"{path} is missing")
        elif found[name].is_symlink() or not found[name].is_file():
            problems.append(f"{path} is not a regular file")
        elif name not in manifest.files:
            problems.append(f"{path} is not in the manifest")
        elif sha256(found[name]) != manifest.files[name]:
            problems.append(f"{path} was changed")
    return problems


def problems_of_place(root: Path, path: Path, manifest: Manifest) -> list[str]:
    """Return the problems of a step's place in the chain."""
    own, before, problems = path.relative_to(root), manifest.previous, []
    if before and not has_previous(root, manifest):
        problems.append(f"{before}, the step before {own.as_posix()}, is missing or was changed")
    if own.parts[0] != manifest.review:
        problems.append(f"{own.as_posix()} belongs to the review {manifest.review}")
    return problems


def seals_of(path: Path, settings: Settings) -> tuple[list[str], list[str]]:
    """Return the signer and the timestamp of a manifest, and their problems."""
    texts, problems = [], []
    for kind, (end, words, check) in SEALS.items():
        try:
            if path.with_name(f"{path.name}{end}").is_file():
                texts.append(f"{words} {check(path, settings)}")
            else:
                texts.append(f"no {kind}")
                if kind in settings.require:
                    problems.append(f"{path} has no {kind}, which is required")
        except UncheckedError as error:  # noqa: PERF203 (each seal is checked)
            texts.append(f"{kind} not checked ({error.message})")
        except click.ClickException as error:
            texts.append(f"{kind} not valid")
            problems.append(error.message)
    return texts, problems


def load_archive(settings: Settings) -> list[Archived]:
    """Return all reviews, the oldest first, after upgrading those of earlier versions.

    Raises:
        click.ClickException: The archive was changed.
    """
    legacy.upgrade(settings)
    check = check_archive(REVIEWS, settings)
    lines = [
        f"{REVIEWS / name}: {text}" for name, found in check.problems.items() for text in found
    ]
    if lines:
        raise click.ClickException("\n- ".join(["The archive was changed:", *lines]))
    return list(check.reviews.values())


@click.command()
@click.argument("archive", type=click.Path(path_type=Path), default="reviews")
@click.option("--allowed-signers", type=FILE, help="Your file of allowed signers.")
@click.option("--timestamp-ca", type=FILE, help="Certificates of the timestamp authority.")
def verify(archive: Path, allowed_signers: str | None, timestamp_ca: str | None) -> None:
    """Check whether the reviews in ARCHIVE are unchanged and consistent."""
    settings = load_settings(ITEM_KINDS) if PATH.exists() else Settings()
    required = set(settings.require)
    if allowed_signers:
        settings.allowed_signers = allowed_signers
        required.add("signature")
    if timestamp_ca:
        settings.timestamp_ca = timestamp_ca
        required.add("timestamp")
    settings.require = sorted(required)
    check, running = check_archive(archive, settings), running_package()
    for name, found in check.problems.items():
        result = f"FAILED: {'; '.join(found)}" if found else "passed"
        click.echo(f"{archive / name}: integrity check {result}")
    for path, manifest in sorted(check.manifests.items(), key=lambda one: one[1].written_at):
        package = manifest.package
        here = f"{running.version} ({running.sha256[:16]})"
        same = "this version" if package == running else f"not this version, which is {here}"
        click.echo(f"{sha256(path)}  {path}: {', '.join(check.seals[path])}")
        click.echo(f"  written by {package.version} ({package.sha256[:16]}), {same}")
        click.echo(f"  source: {', '.join(manifest.source_hosts) or 'unknown'}")
    if ignored := [p for p in archive.rglob("*") if is_ignored(p.relative_to(archive))]:
        click.echo(f"Ignored files: {', '.join(sorted(map(str, ignored)))}")
    if not check.problems:
        raise click.ClickException(f"{archive} has no reviews.")
    if any(check.problems.values()):
        raise click.ClickException("The integrity check failed.")
    if all(seals == ["no signature", "no timestamp"] for seals in check.seals.values()):
        text = "nothing proves who wrote it or when: no signature, no timestamp"
        click.echo(f"{archive}: integrity check passed, but {text}")
