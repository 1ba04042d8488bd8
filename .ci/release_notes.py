"""Print the CHANGELOG's section for a tag, which must match the version in pyproject.toml."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def notes(tag: str) -> str:
    """Return the section for a tag such as v1.2.3. If there is none, exit with the reason."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.*)"$', pyproject, re.MULTILINE)
    if version is None or tag != f"v{version[1]}":
        sys.exit(f"{tag} is not the version in pyproject.toml, {version and version[1]}")
    if "[project.urls]" not in pyproject:
        sys.exit(
            "The repository has no URL yet. Run: python .ci/generate.py --repository URL "
            "(see CONTRIBUTING.md, First release)"
        )
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(
        rf"^## \[{re.escape(tag[1:])}\].*?\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    if section is None:
        sys.exit(f"CHANGELOG.md has no section [{tag[1:]}]")
    return section[1].strip()


if __name__ == "__main__":
    sys.stdout.write(notes(sys.argv[1]) + "\n")
