"""Evidence folders for replays, and functions that change them."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.server import Behaviour, Sandbox
from tests.tap import Result, sync

LINES = "requests.jsonl"


def record(folder: Path) -> Result:
    """Sync the demo in pages, with evidence in a folder."""
    with Sandbox(demo(), Behaviour(page_size=5)) as sandbox:
        run = sync(sandbox, evidence_path=folder)
    assert run.code == 0, run.stderr
    return run


def edit(name: str, pattern: str, to: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        changed = re.sub(pattern, to, text, count=1, flags=re.DOTALL)
        assert changed != text
        (folder / name).write_text(changed, encoding="utf-8")

    return change


def begin_with(**values: object) -> Callable[[Path], None]:
    """Change values in run.json, and its hash in the last line."""

    def change(folder: Path) -> None:
        text = json.dumps(json.loads((folder / "run.json").read_text(encoding="utf-8")) | values)
        (folder / "run.json").write_text(text, encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        edit(LINES, r'"run_sha256":"[^"]*"', f'"run_sha256":"{digest}"')(folder)

    return change
