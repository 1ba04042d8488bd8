"""The manifests of an archive. Each step writes one, with the hash of the previous manifest."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from intercom_access_review.files import make_folder
from intercom_access_review.identity import operator, running_package
from intercom_access_review.project import LEFT_BEHIND, REVIEWS, now, sha256
from intercom_access_review.records import Manifest, Step, read_record, write_record
from intercom_access_review.settings import Settings
from intercom_access_review.signatures import seal

NAME = "manifest.json"
ENDS = (".sig", ".tsr")
"""The suffixes of a manifest's signature and timestamp."""


def read_manifests(root: Path) -> dict[Path, Manifest]:
    """Read all manifests of an archive, by path."""
    patterns = (f"[!.]*/{NAME}", f"*/*/[!.]*/{NAME}", f"*/completion/{NAME}")
    paths = (path for pattern in patterns for path in sorted(root.glob(pattern)))
    return {path: read_record(path, Manifest) for path in paths}


def last_manifests(root: Path) -> list[Path]:
    """Return the manifests without a next one. An intact archive has exactly one."""
    manifests = read_manifests(root)
    named = {root / manifest.previous for manifest in manifests.values()}
    return [path for path in manifests if path not in named]


def has_previous(root: Path, manifest: Manifest) -> bool:
    """Return whether the previous manifest exists and is unchanged."""
    path = root / manifest.previous
    return path.is_file() and sha256(path) == manifest.previous_sha256


def chain_until(root: Path, last: Path) -> list[tuple[Path, Manifest]]:
    """Return the manifests from the first step to `last`, or from the first gap before it."""
    manifest = read_record(last, Manifest)
    chain = [(last, manifest)]
    while has_previous(root, manifest):
        path = root / manifest.previous
        manifest = read_record(path, Manifest)
        chain.insert(0, (path, manifest))
    return chain


def files_of(folder: Path) -> list[Path]:
    """Return the files of a step, without its manifest and without files of later steps."""
    own = {folder / NAME, *(folder / f"{NAME}{end}" for end in ENDS)}
    later = {path.parent for path in folder.rglob(NAME)} - {folder}
    return sorted(
        path
        for path in folder.rglob("*")
        if (path.is_file() or path.is_symlink())
        and path not in own
        and not later & set(path.parents)
        and ".new" not in path.relative_to(folder).parts
        and not LEFT_BEHIND.fullmatch(path.name)
    )


def seal_step(folder: Path, step: Step, review: str, hosts: list[str], settings: Settings) -> None:
    """Write the manifest of a step, and make its files read-only.

    Args:
        folder: The folder of the step.
        step: The kind of step.
        review: The name of the review.
        hosts: The source hosts.
        settings: Whether to sign and timestamp the manifest.
    """
    files, last = files_of(folder), last_manifests(REVIEWS)
    manifest = Manifest(
        step=step,
        review=review,
        written_at=now(),
        operator=operator(),
        source_hosts=hosts,
        package=running_package(),
        files={path.relative_to(folder).as_posix(): sha256(path) for path in files},
    )
    for path in last:
        manifest.previous = path.relative_to(REVIEWS).as_posix()
        manifest.previous_sha256 = sha256(path)
    write_record(folder / NAME, manifest)
    seal(folder / NAME, settings)
    for path in [*files, folder / NAME]:
        path.chmod(path.stat().st_mode & 0o440)


def show_hash(folder: Path) -> None:
    """Print the SHA-256 of the manifest of a step."""
    path = folder / NAME
    click.echo(f"SHA-256 of {path}: {sha256(path)}. Keep this hash elsewhere.")


def next_folder(steps: Path) -> Path:
    """Return the next numbered folder, such as imports/2."""
    numbers = (int(path.name) for path in steps.glob("*") if path.name.isdecimal())
    return steps / str(max(numbers, default=0) + 1)


@contextmanager
def new_step(
    step: Step, review: str, target: Path, hosts: list[str], settings: Settings
) -> Iterator[Path]:
    """Write a step with its manifest into a temporary folder, and then rename the folder."""
    new = target.parent / ".new"
    if new.is_symlink() or new.is_file():
        new.unlink()
    elif new.exists():
        shutil.rmtree(new)  # left by a stopped run
    make_folder(new)
    yield new
    seal_step(new, step, review, hosts, settings)
    new.rename(target)
    show_hash(target)
