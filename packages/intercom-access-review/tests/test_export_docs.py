"""The commands in the documentation of the export work."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from export_rules import check_all
from projects import environment_of_package

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
PROJECT = """
project_id: export
send_anonymous_usage_stats: false
plugins:
  extractors:
  - name: tap-intercom-access
    namespace: tap_intercom_access
    pip_url: -e {tap}
    executable: tap-intercom-access
    capabilities: [catalog, discover, state]
    settings:
    - {{name: access_token, kind: string, sensitive: true}}
    - {{name: base_url, kind: string}}
    - {{name: evidence_path, kind: string}}
    {select}
"""


@pytest.mark.targets
@pytest.mark.xdist_group("meltano")
def test_the_commands_of_the_page_export_the_demo(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "governance.md").read_text("utf-8")
    (select,) = re.findall(r"^select: .*$", page, re.MULTILINE)
    (commands,) = re.findall(r"```bash\n(umask .*?)```", page, re.DOTALL)
    project = PROJECT.format(tap=shlex.quote(str(ROOT)), select=select)
    (tmp_path / "meltano.yml").write_text(project)
    path = [str(environment_of_package()), str(BIN), os.environ["PATH"]]
    env = os.environ | {"PATH": os.pathsep.join(path)}

    command = [BIN / "intercom-sandbox", "sh", "-c", commands]
    subprocess.run(command, check=True, cwd=tmp_path, env=env, timeout=400)

    baton, *_ = check_all(tmp_path / "governance-export")
    assert len(baton["users"]) == 13
    assert any("last_login" in user for user in baton["users"])
