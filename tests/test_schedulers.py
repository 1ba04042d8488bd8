"""The job in other programs' hands, as docs/schedulers.md and docs/python.md show it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tap_intercom_access.sandbox.server import Sandbox
from tests.docs import PAGES, block
from tests.tap import BIN, NEEDS_POSIX, POSIX, ROOT, run_command

SHELLS = [shell for shell in ("sh", "dash", "bash") if shutil.which(shell)]
DOCKER = ROOT / "examples" / "docker"


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
@pytest.mark.parametrize(
    ("language", "shell"), [("bash", "bash"), *(("sh", shell) for shell in SHELLS)]
)
def test_without_meltano_the_command_fails_when_the_tap_fails(
    language: str, shell: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    config = json.loads(block("write a file `config.json`", "json")) | {
        "base_url": sandbox.base_url
    }
    target = tmp_path / "target-jsonl"
    target.write_text("#!/bin/sh\ngrep -c RECORD\ntrue\n")
    target.chmod(0o755)

    runs = {}
    for token in (sandbox.token, "wrong"):
        (tmp_path / "config.json").write_text(json.dumps(config | {"access_token": token}))
        command = (shell, "-c", block("## Run the command", language))
        path = f"{tmp_path}:{BIN}:/usr/bin:/bin"
        runs[token] = run_command(*command, cwd=tmp_path, PATH=path)

    assert runs[sandbox.token].code == 0, runs[sandbox.token].stderr
    assert runs[sandbox.token].stdout.strip() == "30"
    assert runs["wrong"].code == 1
    assert "HTTP 401" in runs["wrong"].stderr


def test_the_workflow_is_valid_and_gives_nothing_away(tmp_path: Path) -> None:
    path = tmp_path / ".github" / "workflows" / "nightly.yml"
    path.parent.mkdir(parents=True)
    path.write_text(block("## GitHub Actions", "yaml"), encoding="utf-8")
    check = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows"]

    subprocess.run([*check, str(path)], check=True)
    subprocess.run([str(BIN / "zizmor"), "--offline", "--quiet", str(path)], check=True)


def test_the_workflows_of_the_pages_use_the_actions_of_this_repository() -> None:
    workflows = ROOT.glob(".github/workflows/*.yml")
    ours = set(re.findall(r"uses: (\S+)", "".join(path.read_text() for path in workflows)))

    assert set(re.findall(r"uses: (\S+)", "".join(PAGES.values()))) <= ours


def test_remote_jobs_take_the_version_of_this_repository() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (version,) = re.findall(r'^version = "(.*)"$', pyproject, re.MULTILINE)

    assert re.findall(r"tap-intercom-access@v([\d.]*\d)", PAGES["docs/schedulers.md"]) == [version]


def test_the_cron_job_of_kubernetes_may_do_nothing_but_its_job() -> None:
    cron_job = yaml.safe_load(block("## Kubernetes", "yaml"))

    pod = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["restartPolicy"] == "Never"
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert "secretKeyRef" in container["env"][1]["valueFrom"]


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
def test_the_dockerfile_passes_its_linter() -> None:
    subprocess.run([str(BIN / "hadolint"), str(DOCKER / "Dockerfile")], check=True)


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
def test_the_container_writes_to_its_temporary_folder_only(tmp_path: Path) -> None:
    project, temporary, commands = (tmp_path / name for name in ("project", "tmp", "bin"))
    for folder in (project / ".meltano" / "extractors" / "tap", project / ".meltano" / "run"):
        folder.mkdir(parents=True)
    temporary.mkdir()
    commands.mkdir()
    meltano = commands / "meltano"
    meltano.write_text('#!/bin/sh\ntouch "$MELTANO_SYS_DIR_ROOT/meltano.db"\necho "$@"\nexit 3\n')
    meltano.chmod(0o755)
    before = sorted(project.rglob("*"))

    path = f"{commands}:{os.environ['PATH']}"
    run = run_command(
        DOCKER / "entrypoint.sh", "run", "access-list", cwd=project, PATH=path, TMPDIR=temporary
    )

    (root,) = temporary.iterdir()
    assert run.code == 3
    assert run.stdout == "run access-list\n"
    assert {path.name for path in root.iterdir()} == {"extractors", "meltano.db"}
    assert (root / "extractors" / "tap").is_dir()
    assert sorted(project.rglob("*")) == before
