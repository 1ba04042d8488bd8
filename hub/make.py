"""Prints what Meltano is told of the tap, made from `--about`.

`make.py` prints the definition as Meltano Hub keeps its extractors; `make.py settings` prints the
settings as they stand in a project's `meltano.yml`, without labels and descriptions.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

TAP = Path(sys.executable).parent / "tap-intercom-access"
KINDS = {
    "array": "array",
    "boolean": "boolean",
    "integer": "integer",
    "number": "integer",  # Meltano 4.4 cannot hand on a decimal from the environment
    "object": "object",
    "string": "string",
}
# What --about does not know; OWNER and the path are set at publication: see CONTRIBUTING.md.
ABOUT_THE_PROJECT = {
    "domain_url": "https://www.intercom.com",
    "executable": "tap-intercom-access",
    "keywords": ["access review", "audit", "identity governance", "meltano_sdk"],
    "label": "Intercom access",
    "logo_url": "/assets/logos/extractors/intercom.png",
    "maintenance_status": "active",
    "namespace": "tap_intercom_access",
    "next_steps": "",
    "pip_url": "/set-pip_url-at-publication/tap-intercom-access",
    "quality": "unknown",  # the Hub rates it itself
    "repo": "https://github.com/OWNER/tap-intercom-access",
    "select": ["*.*", "!activity_logs.*", "!away_status_reasons.*", "!workspaces.*"],
    "settings_preamble": "",
    "usage": "",
    "variant": "OWNER",
}


def definition(about: dict[str, Any]) -> dict[str, Any]:
    """Give the definition, its keys in order.

    Args:
        about: What `--about --format=json` prints.
    """
    made = ABOUT_THE_PROJECT | {
        "name": about["name"],
        "description": about["description"],
        "capabilities": sorted(about["capabilities"]),
        "settings": [
            setting(name, schema)
            for name, schema in sorted(about["settings"]["properties"].items())
        ],
        "settings_group_validation": [about["settings"]["required"]],
    }
    return dict(sorted(made.items()))


def setting(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Give the definition of a setting."""
    kind = KINDS[schema["type"][0] if isinstance(schema["type"], list) else schema["type"]]
    made = {
        "name": name,
        "label": schema["title"],
        "kind": kind,
        "description": schema["description"],
    }
    if "default" in schema:
        made["value"] = schema["default"]
    if schema.get("secret"):
        made["sensitive"] = True
    return dict(sorted(made.items()))


def block(about: dict[str, Any]) -> str:
    """Give all settings as a project's `meltano.yml` declares them, one a line."""
    lines = []
    for name, schema in about["settings"]["properties"].items():
        full = setting(name, schema)
        secret = ", sensitive: true" if "sensitive" in full else ""
        lines.append(f"    - {{name: {name}, kind: {full['kind']}{secret}}}\n")
    return "".join(lines)


if __name__ == "__main__":
    command = [str(TAP), "--about", "--format=json"]
    done = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 (our own)
    about = json.loads(done.stdout)
    if sys.argv[1:] == ["settings"]:
        sys.stdout.write(block(about))
    else:
        text = yaml.safe_dump(definition(about), allow_unicode=True, sort_keys=False, width=100)
        sys.stdout.write(
            f"# Made by hub/make.py: python hub/make.py > hub/tap-intercom-access.yml\n{text}"
        )
