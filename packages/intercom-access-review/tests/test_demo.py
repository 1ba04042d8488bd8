"""The demo of the example project."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.tap import ROOT, environment


@pytest.mark.targets
@pytest.mark.slow
def test_the_demo_plays_two_reviews(tmp_path: Path) -> None:
    example = tmp_path / "examples" / "access-review"
    ignored = shutil.ignore_patterns(".meltano", "demo", "output", "reviews")
    shutil.copytree(ROOT / "examples" / "access-review", example, ignore=ignored)
    for name in ("packages", "tap_intercom_access", "pyproject.toml", "README.md", "LICENSE"):
        (tmp_path / name).symlink_to(ROOT / name)

    done = subprocess.run(
        ["./demo.sh"],
        capture_output=True,
        check=False,
        cwd=example,
        encoding="utf-8",
        env=environment(),
    )

    assert done.returncode == 0, done.stderr[-4000:]
    output = done.stdout + done.stderr
    assert len(re.findall(r"SHA-256 of reviews/[^/]+/manifest.json", output)) == 2
    assert "worksheets/all.csv was changed" in output
    assert output.count("integrity check passed") >= 3
    assert list((example / "demo" / "reviews").glob("*/completion/completion.html"))
