"""The notes of a release."""

import re
import shutil
import sys
from pathlib import Path

from tests.tap import ROOT, Result, run_command

PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
URLS = '[project.urls]\nRepository = "https://git.example/acme/tap-intercom-access"\n'
(VERSION,) = re.findall(r'^version = "(.*)"$', PYPROJECT, re.MULTILINE)


def notes(folder: Path, tag: str, urls: str = URLS) -> Result:
    (folder / ".ci").mkdir(exist_ok=True)
    shutil.copy(ROOT / ".ci" / "release_notes.py", folder / ".ci")
    without = re.sub(r"\[project\.urls\]\n(.+\n)*", "", PYPROJECT)
    (folder / "pyproject.toml").write_text(without + urls, encoding="utf-8")
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


def test_a_release_without_the_url_of_the_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text(f"## [{VERSION}] - 2027-01-01\n\n- A\n")

    done = notes(tmp_path, f"v{VERSION}", urls="")

    assert done.code == 1
    assert "Run: python .ci/generate.py --repository URL" in done.stderr
