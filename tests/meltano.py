"""Runs Meltano in a project."""

import subprocess
from pathlib import Path

from tests.tap import BIN, environment


def meltano(project: Path, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Meltano, and return the result, whatever its exit code."""
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
    """Run Meltano, and return its stdout. Fail if the run fails."""
    done = meltano(project, *args, **variables)
    assert done.returncode == 0, done.stderr[-5000:]
    return done.stdout
