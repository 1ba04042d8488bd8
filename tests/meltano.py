"""Meltano, run in a project beside the sandbox."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.tap import BIN, EDITABLE, ROOT, environment

LEFT_BEHIND = (
    *(
        ".*cache",
        ".meltano",
        ".user.yml",
        "__pycache__",  # another worker may be writing it: its temporary files go away
        "logs",
        "outbox",
        "output*",
        "reviews",
        "run",
        "sign-ins*",
        "target",
    ),
)
"""What running an example, or importing a part of it, leaves in its folder."""


def copied(example: str, folder: Path) -> Path:
    """A copy of an example, as users make it: with the tap at another place."""
    ignored = shutil.ignore_patterns(*LEFT_BEHIND)
    shutil.copytree(ROOT / "examples" / example, folder, ignore=ignored)
    project = folder / "meltano.yml"
    text = project.read_text(encoding="utf-8").replace("pip_url: -e ../..", f"pip_url: {EDITABLE}")
    project.write_text(text, encoding="utf-8")
    return folder


def meltano(project: Path, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A finished run of Meltano, whatever its exit code."""
    return subprocess.run(
        [str(BIN / "meltano"), *args],
        capture_output=True,
        check=False,
        cwd=project,
        encoding="utf-8",
        env=environment(MELTANO_SEND_ANONYMOUS_USAGE_STATS="false", **variables),
        timeout=400,
    )


def output_of(project: Path, *args: str, **variables: str) -> str:
    """What Meltano prints when all goes well."""
    done = meltano(project, *args, **variables)
    assert done.returncode == 0, done.stderr[-5000:]
    return done.stdout


def demo_of(project: Path) -> str:
    """What the one command prints with which an example's README shows it."""
    readme = (project / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"```bash\n(\./.*)\n```", readme)
    done = subprocess.run(
        [command],
        capture_output=True,
        check=False,
        cwd=project,
        encoding="utf-8",
        env=environment(),
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return done.stdout + done.stderr
