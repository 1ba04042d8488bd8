"""Syncs in files, and exports of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from intercom_access_review.export.command import export
from tap_intercom_access.sandbox.server import Sandbox

if TYPE_CHECKING:
    from click.testing import Result

    from export_rules import Row
    from tap_intercom_access.sandbox.workspace import Workspace

TAP = str(Path(sys.executable).with_name("tap-intercom-access"))
HOME = {"id": "w", "name": "W"}
PERSON: Row = {"id": "1", "name": "A", "email": "a@x", "has_inbox_seat": True}
PERSON |= {"team_ids": [], "role": None}
TEAM = {"id": "7", "name": "T"}
MEMBER = {"team_id": "7", "admin_id": "1", "priority_level": None}


def people(*emails: str | None) -> list[Row]:
    """Return teammates with the IDs 0, 1, and so on."""
    numbered = enumerate(emails)
    return [PERSON | {"id": f"{n}", "name": f"N{n}", "email": email} for n, email in numbered]


def sync(folder: Path, workspace: Workspace) -> None:
    """Write the output of the tap for a workspace."""
    streams = ("admins", "teams", "team_memberships", "workspaces")
    with Sandbox(workspace) as sandbox, (folder / "access.jsonl").open("wb") as output:
        env = os.environ | sandbox.settings
        catalog = json.loads(subprocess.check_output([TAP, "--discover"], env=env))
        for stream in catalog["streams"]:
            for metadata in stream["metadata"]:
                if not metadata["breadcrumb"]:
                    metadata["metadata"]["selected"] = stream["tap_stream_id"] in streams
        path = folder / "catalog.json"
        path.write_text(json.dumps(catalog))
        command = [TAP, "--config=ENV", f"--catalog={path}"]
        subprocess.run(command, check=True, env=env, stdout=output)


def write_records(folder: Path, **records: list[Row]) -> None:
    """Write records as the tap does."""
    messages: list[Row] = [{"type": "SCHEMA", "stream": "admins"}, {"type": "STATE", "value": {}}]
    for stream, rows in records.items():
        messages += [{"type": "RECORD", "stream": stream, "record": row} for row in rows]
    text = "".join(json.dumps(message) + "\n" for message in messages)
    (folder / "access.jsonl").write_text(text)


def run(folder: Path, *options: str) -> Result:
    """Export what a sync wrote."""
    arguments = [str(folder / "access.jsonl"), "--output", str(folder / "files"), *options]
    return CliRunner().invoke(export, arguments)


def exported(folder: Path, *options: str, **records: list[Row]) -> str:
    """Export records, and return what the command prints."""
    write_records(folder, **{"workspaces": [HOME], "admins": [PERSON]} | records)
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
    assert done.stderr.endswith(" No file was written.\n")
    assert contents(folder) == before
    return done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    """Return the contents of the exported files by name."""
    return {path.name: path.read_bytes() for path in (folder / "files").glob("*")}
