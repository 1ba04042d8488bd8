"""Write the evidence of syncs, and export it."""

import shutil
from pathlib import Path

from click.testing import CliRunner, Result

from archives import write_evidence
from export_rules import Row
from intercom_access_review.export import export

HOME = {"id_code": "w", "name": "W"}
PERSON: Row = {"id": "1", "name": "A", "email": "a@x", "has_inbox_seat": True}
TEAM: Row = {"id": "7", "name": "T", "admin_ids": [1]}
WINDOW = {"from": "2026-01-01T00:00:00+00:00", "to": "2026-02-01T00:00:00+00:00"}


def people(*emails: str | None) -> list[Row]:
    """Return teammates with the IDs 0, 1, and so on."""
    numbered = enumerate(emails)
    return [PERSON | {"id": f"{n}", "name": f"N{n}", "email": email} for n, email in numbered]


def write_sync(folder: Path, app: Row = HOME, **lists: list[Row]) -> None:
    """Write the evidence of a sync."""
    shutil.rmtree(folder / "evidence", ignore_errors=True)
    bodies: Row = {"workspaces": {"app": app}}
    bodies |= {stream: {stream: rows} for stream, rows in lists.items()}
    window = WINDOW if "activity_logs" in lists else None
    write_evidence(folder / "evidence", "2026-02-01", bodies, window=window)


def run(folder: Path, *options: str) -> Result:
    """Export the evidence."""
    arguments = [str(folder / "evidence"), "--output", str(folder / "files"), *options]
    return CliRunner().invoke(export, arguments)


def exported(folder: Path, *options: str, app: Row = HOME, **lists: list[Row]) -> str:
    """Export the lists of a sync, and return the output of the command."""
    write_sync(folder, app, **{"admins": [PERSON], "teams": []} | lists)
    done = run(folder, *options)
    assert done.exit_code == 0, done.output
    return done.stdout


def refusal(folder: Path, *options: str) -> str:
    """Return the error of an export that changes no file."""
    before = contents(folder)
    done = run(folder, *options)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.startswith("Error: ")
    assert contents(folder) == before
    return done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    """Return the contents of the exported files by name."""
    return {path.name: path.read_bytes() for path in (folder / "files").glob("*")}
