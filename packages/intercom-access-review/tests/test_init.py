"""The files that `init` writes."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from intercom_access_review import init
from intercom_access_review.cli import main
from tests.tap import ROOT

EXAMPLE = ROOT / "examples" / "access-review"


def created(folder: Path, *arguments: str) -> dict[str, str]:
    done = CliRunner().invoke(main, ["init", str(folder), *arguments])
    assert done.exit_code == 0, done.output
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths}


def test_the_example_is_what_init_writes(tmp_path: Path) -> None:
    arguments = (
        "--tap",
        "-e ../..",
        "--review",
        "-e ../../packages/intercom-access-review[duckdb]",
    )

    files = created(tmp_path / "project", *arguments)

    assert files == {name: (EXAMPLE / name).read_text(encoding="utf-8") for name in files}
    assert len(files) == 9


def test_files_that_exist_are_not_changed(tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text("mine", encoding="utf-8")

    assert created(tmp_path)["settings.yml"] == "mine"


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"])
def test_a_project_has_one_loader_and_all_jobs(warehouse: str, tmp_path: Path) -> None:
    files = created(tmp_path, "--warehouse", warehouse)

    assert (tmp_path / "inbox").is_dir()
    project: dict[str, Any] = yaml.safe_load(files["meltano.yml"])
    (loader,) = project["plugins"]["loaders"]
    assert loader["name"] == {"duckdb": "target-jsonl", "postgres": "target-postgres"}[warehouse]
    assert yaml.safe_load(files["settings.yml"])["warehouse"] == warehouse
    jobs = {job["name"]: job["tasks"] for job in project["jobs"]}
    assert jobs["access-review"] == [
        *("review:prepare", f"tap-intercom-access {loader['name']}", "review:review"),
    ]
    assert {"access-sync", "import-decisions", "complete-review"} < jobs.keys()
    assert {"review-decisions", "review-close"} < jobs.keys()
    (utility,) = project["plugins"]["utilities"]
    assert f"[{warehouse}]" in utility["pip_url"]


GIT = "git+https://example.com/a.git@c0ffee"
ORIGINS = {
    "editable": (
        {"url": "file:///a%20b/packages/intercom-access-review", "dir_info": {"editable": True}},
        ("-e /a b", "-e /a b/packages/intercom-access-review[duckdb]"),
    ),
    "folder": (
        {"url": "file:///a/packages/intercom-access-review", "dir_info": {}},
        ("/a", "/a/packages/intercom-access-review[duckdb]"),
    ),
    "git": (
        {
            "url": "https://example.com/a.git",
            "vcs_info": {"vcs": "git", "commit_id": "c0ffee"},
            "subdirectory": "packages/intercom-access-review",
        },
        (
            f"tap-intercom-access @ {GIT}",
            f"intercom-access-review[duckdb] @ {GIT}#subdirectory=packages/intercom-access-review",
        ),
    ),
    "wheel": (
        {"url": "file:///a/x.whl", "archive_info": {}},
        ("tap-intercom-access", "intercom-access-review[duckdb] @ file:///a/x.whl"),
    ),
    "index": ({}, ("tap-intercom-access", "intercom-access-review[duckdb]==1.2.3")),
}


@pytest.mark.parametrize("case", ORIGINS)
def test_both_packages_come_from_where_this_one_was_installed(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin, expected = ORIGINS[case]

    class Installed:
        version = "1.2.3"

        @staticmethod
        def read_text(_: str) -> str:
            return json.dumps(origin)

    monkeypatch.setattr(init, "distribution", lambda _: Installed)

    assert init.pip_urls("duckdb") == expected


def test_a_pip_url_with_a_space_is_quoted_for_meltano() -> None:
    assert init.quoted("-e /a b[duckdb]") == "\"-e '/a b[duckdb]'\""
    assert init.quoted("x @ file:///a.whl") == "\"'x @ file:///a.whl'\""
