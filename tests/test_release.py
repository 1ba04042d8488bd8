"""The notes of a release."""

import json
import re
import shutil
import sys
from pathlib import Path

import yaml
from jsonschema import Draft7Validator

from tests.tap import ROOT, Result, run_command

HUB = ROOT / "hub"
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
(VERSION,) = re.findall(r'^version = "(.*)"$', PYPROJECT, re.MULTILINE)


def test_the_hubs_definition_is_made_from_the_tap() -> None:
    made = run_command(sys.executable, HUB / "make.py", PYTHONIOENCODING="utf-8").stdout

    assert made == (HUB / "tap-intercom-access.yml").read_text(encoding="utf-8")


def test_the_hubs_definition_passes_the_hubs_checks() -> None:
    path = HUB / "tap-intercom-access.yml"
    made = yaml.safe_load(path.read_text(encoding="utf-8"))
    schema = json.loads((HUB / "extractor.schema.json").read_text(encoding="utf-8"))

    yamllint = [sys.executable, "-m", "yamllint", "--strict", "-c"]
    linted = run_command(*yamllint, HUB / "yamllint.yaml", path)

    assert [error.message for error in Draft7Validator(schema).iter_errors(made)] == []
    assert (linted.stdout, linted.code) == ("", 0)
    assert "meltano_sdk" in made["keywords"]
    assert made["settings_group_validation"] == [["access_token"]]
    assert made["logo_url"].endswith("/intercom.png")  # which the Hub has


def notes(folder: Path, tag: str, urls: str = "") -> Result:
    (folder / ".ci").mkdir(exist_ok=True)
    shutil.copy(ROOT / ".ci" / "release_notes.py", folder / ".ci")
    text = PYPROJECT.replace("OWNER", "somebody") + urls
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return run_command(sys.executable, folder / ".ci" / "release_notes.py", tag)


def test_the_notes_of_a_release_are_the_changelogs_section(tmp_path: Path) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("## [Unreleased]\n\nx\n")
    assert f"no section [{VERSION}]" in notes(tmp_path, f"v{VERSION}").stderr

    changelog.write_text(
        f"# C\n\n## [{VERSION}] - 2027-01-01\n\n### Added\n\n- A\n\n## [0.0.1]\n\n- B\n"
    )
    assert notes(tmp_path, f"v{VERSION}").stdout == "### Added\n\n- A\n"
    wrong = notes(tmp_path, "v99.0.0")
    assert wrong.code == 1
    assert "v99.0.0 is not the version of pyproject.toml" in wrong.stderr


def test_a_release_without_the_owner_of_the_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text(f"## [{VERSION}] - 2027-01-01\n\n- A\n")

    done = notes(tmp_path, f"v{VERSION}", "# https://github.com/OWNER/")

    assert done.code == 1
    assert "Replace OWNER in the URLs of pyproject.toml" in done.stderr
