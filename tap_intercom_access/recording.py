"""Names of the files in an evidence folder. The sandbox reads them without importing the SDK."""

from __future__ import annotations

REQUESTS, RUN, BODIES = "requests.jsonl", "run.json", "bodies"
