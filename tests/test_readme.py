from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.commands import BIN, POSIX, ROOT, environment
from tests.runs import run_tap

if TYPE_CHECKING:
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Sandbox

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_settings_table_is_the_taps_own() -> None:
    about = run_tap("--about", "--format=markdown").stdout
    table = about.partition("## Settings\n\n")[2].partition("\n\n")[0]
    shown = re.search(r"<!-- settings: .*? -->\n(.*?)<!-- /settings -->", README, re.DOTALL)

    assert shown
    assert shown[1].strip() == table.strip()


def test_the_columns_of_the_streams_are_the_taps_own() -> None:
    for entry in json.loads(run_tap("--discover").stdout)["streams"]:
        rows = [row for row in README.splitlines() if row.startswith(f"| `{entry['stream']}` |")]
        _, _, keys, _, columns, _ = rows[0].split("|")
        expected = []
        for name, column in entry["schema"]["properties"].items():
            expected += [name, *column.get("properties", {})]

        assert re.findall(r"`(\w+)`", keys) == entry["key_properties"]
        assert [name for name in re.findall(r"`(\w+)`", columns) if name in expected] == expected


def test_the_first_two_commands_are_the_ones_that_ci_runs() -> None:
    first, second = blocks("bash")[:2]
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert first.strip() == (
        "pip install -e '.[demo]' && intercom-sandbox meltano run tap-intercom-access target-jsonl"
    )
    assert second.strip() == "pip install -e '.[dev]' && pytest"
    assert first.partition("&& ")[2].strip() in ci
    assert second.partition("&& ")[2].strip() in ci


def test_the_nightly_jobs_are_what_their_runners_read(tmp_path: Path) -> None:
    (line,) = blocks("cron")
    assert re.fullmatch(r"(\S+ ){5}cd \S+ && \. \S+ && meltano run \S+ .*\n", line)

    (airflow,) = [block for block in blocks("python") if "airflow" in block]
    compile(airflow, "README.md", "exec")
    assert "{{{{ var.value.intercom_{workspace} }}}}" in airflow

    jobs = [yaml.safe_load(block) for block in blocks("yaml") if "schedule: " in block]
    (cron_job,) = [job for job in jobs if job.get("kind") == "CronJob"]
    pod = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["containers"][0]["env"][1]["valueFrom"]["secretKeyRef"]["name"] == "intercom"
    (workflow,) = [block for block in blocks("yaml") if "runs-on" in block]
    path = tmp_path / "nightly.yml"
    path.write_text(workflow, encoding="utf-8")
    check = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows"]
    subprocess.run([*check, str(path)], check=True)


@pytest.mark.skipif(not POSIX, reason="a command line of a POSIX shell")
def test_the_command_without_meltano_works(sandbox: Sandbox, tmp_path: Path) -> None:
    command = next(line for line in "".join(blocks("bash")).splitlines() if "config.json" in line)
    config = json.loads(blocks("json")[0])
    config |= {"access_token": sandbox.token, "base_url": sandbox.base_url}
    (tmp_path / "config.json").write_text(json.dumps(config))
    reader = tmp_path / "target-jsonl"
    reader.write_text("#!/bin/sh\ngrep -c RECORD\n")
    reader.chmod(0o755)

    done = subprocess.run(  # noqa: S602 (a command of the README)
        command,
        capture_output=True,
        check=True,
        cwd=tmp_path,
        encoding="utf-8",
        env=environment(PATH=f"{tmp_path}:{BIN}:/usr/bin:/bin"),
        shell=True,
    )

    assert done.stdout.strip() == "30"


def test_messages_of_the_troubleshooting_table_exist() -> None:
    table = README.partition("## Troubleshooting")[2].partition("\n\nMore detail")[0]
    messages = re.findall(r"^\| `(.*?)` \|", table, flags=re.MULTILINE)
    code = " ".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tap_intercom_access").rglob("*.py")
    )
    code = re.sub(r'"\s+f?"', "", code)  # join strings over several lines

    assert len(messages) > 5
    for message in messages:
        for words in re.sub(r"^(access_token|base_url) |HTTP \d+.*", "", message).split("…"):
            assert words in code or words == "certificate verify failed", message
