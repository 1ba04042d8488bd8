"""What is ready for a release: the notes, the Hub's definition, the versions."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import yaml
from jsonschema import Draft7Validator

from tests.tap import ROOT, environment

if TYPE_CHECKING:
    from pathlib import Path

HUB = ROOT / "hub"


def test_the_hubs_definition_is_made_from_the_tap() -> None:
    done = subprocess.run(
        [sys.executable, HUB / "make.py"],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=environment(PYTHONIOENCODING="utf-8"),
    )

    text = (HUB / "tap-intercom-access.yml").read_text(encoding="utf-8")
    assert done.stdout == text


def test_the_hubs_definition_passes_the_hubs_checks() -> None:
    path = HUB / "tap-intercom-access.yml"
    made = yaml.safe_load(path.read_text(encoding="utf-8"))
    schema = json.loads((HUB / "extractor.schema.json").read_text(encoding="utf-8"))
    lint = [
        sys.executable,
        "-m",
        "yamllint",
        "--strict",
        "-c",
        str(HUB / "yamllint.yaml"),
        str(path),
    ]

    faults = [error.message for error in Draft7Validator(schema).iter_errors(made)]
    linted = subprocess.run(lint, capture_output=True, check=False, encoding="utf-8")

    assert faults == []
    assert linted.stdout == ""
    assert linted.returncode == 0
    assert "meltano_sdk" in made["keywords"]
    assert made["settings_group_validation"] == [["access_token"]]
    assert made["logo_url"].endswith("/intercom.png")  # which the Hub has


def notes(folder: Path, tag: str, urls: str = "") -> subprocess.CompletedProcess[str]:
    (folder / ".ci").mkdir(exist_ok=True)
    shutil.copy(ROOT / ".ci" / "release_notes.py", folder / ".ci")
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    text = pyproject.replace("OWNER", "somebody") + urls
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, folder / ".ci" / "release_notes.py", tag],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=environment(),
    )


def test_the_notes_of_a_release_are_the_changelogs_section(tmp_path: Path) -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.findall(r'^version = "(.*)"$', pyproject, re.MULTILINE)[0]
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("## [Unreleased]\n\nx\n")
    assert f"no section [{version}]" in notes(tmp_path, f"v{version}").stderr

    changelog.write_text(
        f"# C\n\n## [{version}] - 2027-01-01\n\n### Added\n\n- A\n\n## [0.0.1]\n\n- B\n"
    )
    assert notes(tmp_path, f"v{version}").stdout == "### Added\n\n- A\n"
    wrong = notes(tmp_path, "v99.0.0")
    assert wrong.returncode == 1
    assert "v99.0.0 is not the version of pyproject.toml" in wrong.stderr


def test_a_release_without_the_owner_of_the_repository_is_refused(tmp_path: Path) -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.findall(r'^version = "(.*)"$', pyproject, re.MULTILINE)[0]
    (tmp_path / "CHANGELOG.md").write_text(f"## [{version}] - 2027-01-01\n\n- A\n")

    done = notes(tmp_path, f"v{version}", "# https://github.com/OWNER/")

    assert done.returncode == 1
    assert "Replace OWNER in the URLs of pyproject.toml" in done.stderr
