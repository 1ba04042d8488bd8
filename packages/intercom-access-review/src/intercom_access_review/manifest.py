"""The manifests of an archive. Each step writes one, with the hash of the previous manifest."""

import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from intercom_access_review.files import make_folder
from intercom_access_review.identity import operator, running_package
from intercom_access_review.project import REVIEWS, is_ignored, now, sha256
from intercom_access_review.records import Manifest, Step, read_record, write_record
from intercom_access_review.settings import Settings
from intercom_access_review.signatures import seal

NAME = "manifest.json"
ENDS = (".sig", ".tsr")
"""The suffixes of a manifest's signature and timestamp."""
FOLDERS: dict[Step, str] = {
    "review": "",
    "import": "imports/{}",
    "reassignment": "reassignments/{}",
    "removals": "removals/{}",
    "completion": "completion",
}
"""The folder of each step in the folder of its review. Repeated steps are numbered from 1."""


def read_manifests(root: Path) -> dict[Path, Manifest]:
    """Read all manifests of an archive, by path."""
    patterns = [Path("*", folder.format("*"), NAME).as_posix() for folder in FOLDERS.values()]
    paths = [path for pattern in patterns for path in sorted(root.glob(pattern))]
    return {
        path: read_record(path, Manifest)
        for path in paths
        if (path.is_file() or path.is_dir()) and not is_ignored(path.relative_to(root))
    }


def last_manifests(root: Path, manifests: Mapping[Path, Manifest]) -> list[Path]:
    """Return the manifests without a next one. An intact archive has exactly one."""
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


def files_of(folder: Path, steps: Collection[Path] = ()) -> list[Path]:
    """Return everything in a folder except folders, its own manifest, and files of other steps.

    Args:
        folder: The folder of a step, or the archive.
        steps: The folders of all steps.
    """
    own = {folder / NAME, *(folder / f"{NAME}{end}" for end in ENDS)}
    others = {step for step in steps if folder in step.parents}
    return sorted(
        path
        for path in folder.rglob("*")
        if (path.is_symlink() or not (path.is_dir() or path in own))
        and others.isdisjoint(path.parents)
        and not is_ignored(path.relative_to(folder))
    )


def seal_step(folder: Path, step: Step, review: str, hosts: list[str], settings: Settings) -> None:
    """Write the manifest of a step with its signature and timestamp. Make the files read-only.

    Args:
        folder: The folder of the step.
        step: The kind of step.
        review: The name of the review.
        hosts: The source hosts.
        settings: Whether to sign and timestamp the manifest.
    """
    files, earlier = files_of(folder), read_manifests(REVIEWS)
    manifest = Manifest(
        step=step,
        review=review,
        written_at=now(),
        operator=operator(),
        source_hosts=hosts,
        package=running_package(),
        files={path.relative_to(folder).as_posix(): sha256(path) for path in files},
    )
    for path in last_manifests(REVIEWS, earlier):
        before = earlier[path].written_at
        if manifest.written_at < before:
            raise click.ClickException(
                f"The last step in {REVIEWS}/ is from {before}, and it is {manifest.written_at} "
                "now. Correct the clock of this machine."
            )
        manifest.previous = path.relative_to(REVIEWS).as_posix()
        manifest.previous_sha256 = sha256(path)
    new = empty_folder(folder / ".new")
    write_record(new / NAME, manifest)
    seal(new / NAME, settings)
    for end in ENDS:
        (folder / f"{NAME}{end}").unlink(missing_ok=True)  # left by a stopped run
    for path in sorted(new.iterdir(), reverse=True):  # the manifest last
        path.rename(folder / path.name)
    new.rmdir()
    for path in [*files, *folder.glob(f"{NAME}*")]:
        path.chmod(path.stat().st_mode & 0o440)


def show_hash(folder: Path) -> None:
    """Print the SHA-256 of the manifest of a step."""
    path = folder / NAME
    click.echo(f"SHA-256 of {path}: {sha256(path)}. Keep this hash elsewhere.")


def next_folder(steps: Path) -> Path:
    """Return the next numbered folder, such as imports/2."""
    return steps / str(len(list(steps.glob(f"[0-9]*/{NAME}"))) + 1)


def empty_folder(path: Path) -> Path:
    """Create a temporary folder. Remove what a stopped run left in its place."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
    make_folder(path)
    return path


@contextmanager
def new_step(
    step: Step, review: str, target: Path, hosts: list[str], settings: Settings
) -> Iterator[Path]:
    """Write a step with its manifest into a temporary folder, and then rename the folder."""
    new = empty_folder(target.parent / ".new")
    yield new
    seal_step(new, step, review, hosts, settings)
    new.rename(target)
    show_hash(target)
