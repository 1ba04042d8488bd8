"""Verify an archive: every file, the chain of manifests, signatures, and control totals."""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import click

from intercom_access_review import legacy
from intercom_access_review.archive import INDEX, Archived, add_step, read_step
from intercom_access_review.decisions import SUFFIXES, Completed, import_of
from intercom_access_review.identity import running_package
from intercom_access_review.items import ITEM_KINDS
from intercom_access_review.manifest import (
    NAME,
    chain_until,
    files_of,
    has_previous,
    last_manifests,
    read_manifests,
)
from intercom_access_review.project import LEFT_BEHIND, REVIEWS, entries, sha256
from intercom_access_review.records import (
    Completion,
    DecisionImport,
    Manifest,
    Removals,
    Review,
)
from intercom_access_review.settings import PATH, Settings, load_settings
from intercom_access_review.signatures import UncheckedError, signer_of, stamper_of
from intercom_access_review.sync_record import (
    ENTITLEMENTS,
    difference,
    problems_of_sync,
    totals_of_worksheets,
)

SEALS = {
    "signature": (".sig", "signed by", signer_of),
    "timestamp": (".tsr", "timestamped by", stamper_of),
}
FILE = click.Path(exists=True, dir_okay=False)


@dataclass
class Check:
    """The content of an archive, and its problems."""

    manifests: dict[Path, Manifest]
    problems: dict[str, list[str]] = field(default_factory=dict)
    """Problems by the name of the review or other file."""
    seals: dict[Path, list[str]] = field(default_factory=dict)
    """The signer and the timestamp of each manifest."""
    reviews: dict[str, Archived] = field(default_factory=dict)
    """The reviews by name, the oldest first, if the chain of manifests is intact."""

    def note(self, name: str, problems: list[str]) -> None:
        """Add problems of a review or other file."""
        self.problems.setdefault(name, []).extend(problems)

    def replay(self, folder: Path, manifest: Manifest) -> None:
        """Compute a step again, and add it to the reviews."""
        try:
            self.note(manifest.review, problems_of_record(folder, manifest, self.reviews))
            add_step(self.reviews, manifest, folder)
        except (click.ClickException, LookupError) as error:
            self.note(manifest.review, [str(error).rstrip(".")])


def check_archive(root: Path, settings: Settings) -> Check:
    """Check the files and the chain of an archive. If it is intact, compute each step again."""
    check = Check(read_manifests(root))
    for path in entries(root):
        if path.name not in {".new", INDEX}:  # left by a stopped step, and the index
            check.note(path.name, problems_of_entry(path))
    for path, manifest in check.manifests.items():
        name = path.relative_to(root).parts[0]
        check.seals[path], problems = seals_of(path, settings)
        check.note(name, problems_of_files(path.parent, manifest) + problems)
        check.note(manifest.review, problems_of_place(root, path, manifest))
    last = last_manifests(root)
    chain = chain_until(root, last[0]) if len(last) == 1 else []
    if len(chain) < len(check.manifests):
        check.note(INDEX, ["the manifests don't form one chain"])
        return check
    for path, manifest in chain:
        check.replay(path.parent, manifest)
    return check


def problems_of_entry(path: Path) -> list[str]:
    """Return the problem of a file or folder in an archive that isn't a review."""
    if (path / NAME).is_file() and not path.is_symlink():
        return []
    return legacy.problems_of(path) if (path / legacy.EVIDENCE).is_file() else ["unexpected entry"]


def problems_of_files(folder: Path, manifest: Manifest) -> list[str]:
    """Return the files of a step that differ from its manifest."""
    found = {path.relative_to(folder).as_posix(): path for path in files_of(folder)}
    problems = []
    for name in sorted(found.keys() | manifest.files.keys()):
        if name not in found:
            problems.append(f"{name} is missing")
        elif name not in manifest.files:
            problems.append(f"{name} is not in the manifest")
        elif found[name].is_symlink() or sha256(found[name]) != manifest.files[name]:
            problems.append(f"{name} was changed")
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


def problems_of_record(folder: Path, manifest: Manifest, reviews: dict[str, Archived]) -> list[str]:
    """Compute a step again, and return the differences.

    Args:
        folder: The folder of the step.
        manifest: The manifest of the step.
        reviews: The reviews before the step, by name.
    """
    record = read_step(manifest.step, folder)
    if isinstance(record, Review):
        return problems_of_sync(folder, record.sync)[0] + problems_of_rows(folder, record)
    review = reviews[manifest.review]
    if isinstance(record, DecisionImport):
        return problems_of_import(folder, record, review)
    if isinstance(record, Removals):
        problems, there = problems_of_sync(folder, record.sync)
        keys = [row["access_key"] for row in record.removals if row["access_key"] in there]
        return problems + [f"removals/{folder.name}: {key} still has access" for key in keys]
    if isinstance(record, Completion):
        problems, _ = problems_of_sync(folder, record.sync)
        if record.decisions != list(review.decisions.values()):
            problems.append("the decisions in completion.json differ from the imported ones")
        return problems
    return []


def problems_of_rows(folder: Path, record: Review) -> list[str]:
    """Return the differences between the worksheets of a review and the responses."""
    rows = Archived(folder, record).rows
    problems: list[str] = []
    if totals := record.sync.totals.get(ENTITLEMENTS):
        reviewed = totals_of_worksheets(rows)
        problems += difference(ENTITLEMENTS, totals.sent, reviewed, "are in the worksheets")
    if len(rows) != record.rows:
        problems.append(f"the worksheets have {len(rows)} rows instead of {record.rows}")
    return problems


def problems_of_import(folder: Path, record: DecisionImport, review: Archived) -> list[str]:
    """Return a problem for each decision and attestation that isn't in the worksheets."""
    is_old = all(one.file.startswith("../") for one in record.decisions)
    if is_old and (review.folder / legacy.EVIDENCE).exists():
        return []  # of an earlier version, which checked them itself
    imported_at = next((one.imported_at for one in record.decisions), "")
    completed = []
    for path in entries(folder):
        if path.suffix.lower() in SUFFIXES:
            worksheet = Completed(path, [review], {})
            with suppress(click.ClickException):  # a rule that is newer than the import
                worksheet.read(imported_at)
            completed.append(worksheet)
    again = import_of(completed, folder.name)
    return [
        f"the decision about {one.access_key!r} differs from imports/{one.file}"
        for one in record.decisions
        if one not in again.decisions
    ] + [
        f"the attestation of {one['reviewer']} isn't in a worksheet"
        for one in record.attestations
        if one not in again.attestations
    ]


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
    for path, manifest in check.manifests.items():
        package = manifest.package
        here = f"{running['version']} ({running['sha256'][:16]})"
        same = "this version" if package == running else f"not this version, which is {here}"
        click.echo(f"{sha256(path)}  {path}: {', '.join(check.seals[path])}")
        click.echo(f"  written by {package['version']} ({package['sha256'][:16]}), {same}")
        click.echo(f"  source: {', '.join(manifest.source_hosts) or 'unknown'}")
    if ignored := sorted(str(p) for p in archive.rglob("*") if LEFT_BEHIND.fullmatch(p.name)):
        click.echo(f"Ignored files: {', '.join(ignored)}")
    if not check.problems:
        raise click.ClickException(f"{archive} has no reviews.")
    if any(check.problems.values()):
        raise click.ClickException("The integrity check failed.")
    if all(seals == ["no signature", "no timestamp"] for seals in check.seals.values()):
        text = "nothing proves who wrote it or when: no signature, no timestamp"
        click.echo(f"{archive}: integrity check passed, but {text}")
