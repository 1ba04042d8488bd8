"""Names that the evidence of a run and its replay share; the sandbox need not import the SDK."""

from __future__ import annotations

REQUESTS, RUN, BODIES = "requests.jsonl", "run.json", "bodies"
"""What is in the folder."""

REPLAY = "INTERCOM_SANDBOX_REPLAY"
"""The variable that names the file in which a replay gives back what a run began with."""
