"""Other connectors, each in its own environment. Their requests are redirected to localhost."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from pathlib import Path

HOME = Path(__file__).parent.parent / ".bench"
PACKAGES = {
    "tap-intercom": "tap-intercom==2.2.5",
    "source-intercom": "airbyte-source-intercom==0.8.3",
}

# Both connectors always use Intercom's host. Python imports this file when they start. It redirects
# the requests of their HTTP library, and doesn't change their own code.
REDIRECTION = """
import os
import requests.adapters
send = requests.adapters.HTTPAdapter.send
def elsewhere(self, request, *args, **kwargs):
    host = "https://api.intercom.io"
    request.url = request.url.replace(host, os.environ["BENCHMARK_URL"], 1)
    return send(self, request, *args, **kwargs)
requests.adapters.HTTPAdapter.send = elsewhere
"""


def installed(command: str) -> str:
    """Install a connector on first use, and return the path of its command."""
    home = HOME / PACKAGES[command]
    if not (home / "installed").exists():
        venv.create(home, clear=True, with_pip=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, PACKAGES[command]], check=True)  # noqa: S603 (from PACKAGES)
        (home / "installed").touch()
    (HOME / "redirection").mkdir(exist_ok=True)
    (HOME / "redirection" / "sitecustomize.py").write_text(REDIRECTION, encoding="utf-8")
    return str(home / "bin" / command)


def environment(url: str) -> dict[str, str]:
    """Return the environment that redirects a connector's requests to a URL."""
    return os.environ | {"BENCHMARK_URL": url, "PYTHONPATH": str(HOME / "redirection")}


def tap_intercom(folder: Path, url: str) -> list[str]:
    """Return the command that reads admins and teams with tap-intercom."""
    command = installed("tap-intercom")
    config = {"access_token": "x", "start_date": "2020-01-01T00:00:00Z", "user_agent": "x"}
    (folder / "tap.json").write_text(json.dumps(config))
    discover = [command, "--config", str(folder / "tap.json"), "--discover"]
    done = subprocess.run(discover, capture_output=True, check=True, env=environment(url))  # noqa: S603
    catalog = json.loads(done.stdout)
    wanted = ("admins", "teams")
    catalog["streams"] = [s for s in catalog["streams"] if s["tap_stream_id"] in wanted]
    for stream in catalog["streams"]:
        for metadata in stream["metadata"]:
            metadata["metadata"]["selected"] = True
    (folder / "catalog.json").write_text(json.dumps(catalog))
    return [*discover[:-1], "--catalog", str(folder / "catalog.json")]


def source_intercom(folder: Path, url: str, wanted: tuple[str, ...]) -> list[str]:
    """Return the command that reads streams with Airbyte's source-intercom."""
    command = installed("source-intercom")
    config = {"access_token": "x", "start_date": "2020-01-01T00:00:00Z"}
    (folder / "source.json").write_text(json.dumps(config))
    discover = [command, "discover", "--config", str(folder / "source.json")]
    done = subprocess.run(discover, capture_output=True, check=True, env=environment(url))  # noqa: S603
    messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
    streams = next(m for m in messages if m["type"] == "CATALOG")["catalog"]["streams"]
    configured = [
        {"stream": s, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
        for s in streams
        if s["name"] in wanted
    ]
    (folder / "configured.json").write_text(json.dumps({"streams": configured}))
    config_path, catalog_path = str(folder / "source.json"), str(folder / "configured.json")
    return [command, "read", "--config", config_path, "--catalog", catalog_path]
