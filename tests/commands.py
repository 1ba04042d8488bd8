"""The installed commands, and the environment that they run in."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CLONE = json.dumps(shlex.quote(str(ROOT)))
"""The clone as a pip_url in YAML, which Meltano splits like a shell."""
EDITABLE = json.dumps(f"-e {shlex.quote(str(ROOT))}")
BIN = Path(sys.executable).parent
POSIX = os.name == "posix"
NEEDS_POSIX = "signals and pipes end otherwise on this system"
TAP = str(BIN / "tap-intercom-access")
SANDBOX = str(BIN / "intercom-sandbox")


def environment(**variables: str) -> dict[str, str]:
    """The environment of the tests without any setting of the tap, plus variables."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("TAP_INTERCOM")
    }
    return inherited | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"} | variables
