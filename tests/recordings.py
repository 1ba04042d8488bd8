"""Functions that change evidence folders."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

LINES = "requests.jsonl"


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
