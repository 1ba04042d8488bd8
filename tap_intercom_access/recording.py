"""Names of evidence files, in a module that the sandbox can import without the SDK."""

from __future__ import annotations

REQUESTS, RUN, BODIES = "requests.jsonl", "run.json", "bodies"
