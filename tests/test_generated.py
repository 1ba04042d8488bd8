"""Generated copies of settings and streams are up to date. Release notes are complete."""

import json
import re
import shutil
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import yaml
from jsonschema import Draft7Validator

from tests.tap import ROOT, STREAMS, Result, run_command

HUB = ROOT / "hub"
REPOSITORY = "https://git.example/acme/tap-intercom-access"
COPIED = (
    "*.md",
    "*.yml",
    "*.toml",
    ".ci/*.py",
    "docs/*.md",
    "hub/*",
    "examples/*/meltano.yml",
    "packages/**/meltano.yml",
)
SELECT = re.compile(r"""select:? '?\[(.*?)\]""")


def generate(root: Path, *args: str) -> object:
    """Run generate.py of a repository. Return its error message, None if there is none."""
    spec = spec_from_file_location("generate", root / ".ci" / "generate.py")
    assert spec
    assert spec.loader
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    try:
        script.main(list(args))
    except SystemExit as end:
        return end.code
    return None


def copy_of_repository(folder: Path) -> Path:
    for pattern in COPIED:
        for path in ROOT.glob(pattern):
            copy = folder / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    return folder


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def problems_of_hub_definition(path: Path) -> list[str]:
    schema = json.loads(text_of(HUB / "extractor.schema.json"))
    problems = Draft7Validator(schema).iter_errors(yaml.safe_load(text_of(path)))
    yamllint = [sys.executable, "-m", "yamllint", "--strict", "-c"]
    linted = run_command(*yamllint, HUB / "yamllint.yaml", path)
    return [problem.message for problem in problems] + linted.stdout.splitlines()


def test_generated_files_are_up_to_date() -> None:
    assert generate(ROOT, "--check") is None


def test_the_error_lists_outdated_files_and_the_command(tmp_path: Path) -> None:
    root = copy_of_repository(tmp_path)
    for path in ("meltano.yml", "docs/columns.md", "examples/access-review/meltano.yml"):
        outdated = text_of(root / path).replace("string", "integer")
        (root / path).write_text(outdated, encoding="utf-8")

    check = generate(root, "--check")
    generate(root)

    assert check == (
        "Outdated: docs/columns.md, meltano.yml, examples/access-review/meltano.yml. "
        "Run: python .ci/generate.py"
    )
    assert generate(root, "--check") is None


def test_selected_streams_are_listed_by_name() -> None:
    lists = {}
    for pattern in COPIED:
        for path in ROOT.glob(pattern):
            text = text_of(path)
            for names in SELECT.findall(text) if path.suffix in {".md", ".yml"} else []:
                lists[path.relative_to(ROOT).as_posix(), names] = re.split(r'[", ]+', names)

    unknown = {
        place: name
        for place, names in lists.items()
        for name in filter(None, names)
        if name.partition(".")[0] not in STREAMS
    }

    assert unknown == {}, "a list with *.* would select streams that are added later"
    assert len(lists) > 5


def test_the_urls_of_the_repository_are_written_once(tmp_path: Path) -> None:
    root = copy_of_repository(tmp_path)

    generate(root, "--repository", f"{REPOSITORY}/")

    assert f'Repository = "{REPOSITORY}"\n' in text_of(root / "pyproject.toml")
    assert f"pip_url: git+{REPOSITORY}@v" in text_of(root / "tap-intercom-access.yml")
    assert f"pip_url: git+{REPOSITORY}`" in text_of(root / "docs" / "schedulers.md")
    assert [path for path in root.rglob("*.md") if "//…/" in text_of(path)] == []
    assert problems_of_hub_definition(root / "hub" / "tap-intercom-access.yml") == []
    hub = yaml.safe_load(text_of(root / "hub" / "tap-intercom-access.yml"))
    assert (hub["variant"], hub["repo"]) == ("acme", REPOSITORY)
    assert hub["logo_url"].endswith("/intercom.png")  # a logo that the Hub has


def test_without_a_repository_the_hubs_definition_lacks_only_its_url(tmp_path: Path) -> None:
    root = copy_of_repository(tmp_path)
    pyproject = re.sub(r"\[project\.urls\]\n(.+\n)*", "", text_of(root / "pyproject.toml"))
    (root / "pyproject.toml").write_text(pyproject, encoding="utf-8")

    generate(root)

    problems = problems_of_hub_definition(root / "hub" / "tap-intercom-access.yml")
    assert problems == [f"'{key}' is a required property" for key in ("pip_url", "repo", "variant")]


# Release notes


PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
URLS = '[project.urls]\nRepository = "https://git.example/acme/tap-intercom-access"\n'
(VERSION,) = re.findall(r'^version = "(.*)"$', PYPROJECT, re.MULTILINE)


def notes(folder: Path, tag: str, urls: str = URLS) -> Result:
    (folder / ".ci").mkdir(exist_ok=True)
    shutil.copy(ROOT / ".ci" / "release_notes.py", folder / ".ci")
    without = re.sub(r"\[project\.urls\]\n(.+\n)*", "", PYPROJECT)
    (folder / "pyproject.toml").write_text(without + urls, encoding="utf-8")
    return run_command(sys.executable, folder / ".ci" / "release_notes.py", tag)


def test_release_notes_are_the_section_of_the_changelog(tmp_path: Path) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("## [Unreleased]\n\nx\n")
    assert f"no section [{VERSION}]" in notes(tmp_path, f"v{VERSION}").stderr

    changelog.write_text(
        f"# C\n\n## [{VERSION}] - 2027-01-01\n\n### Added\n\n- A\n\n## [0.0.1]\n\n- B\n"
    )
    assert notes(tmp_path, f"v{VERSION}").stdout == "### Added\n\n- A\n"
    wrong = notes(tmp_path, "v99.0.0")
    assert wrong.code == 1
    assert "v99.0.0 is not the version in pyproject.toml" in wrong.stderr


def test_a_release_without_the_url_of_the_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text(f"## [{VERSION}] - 2027-01-01\n\n- A\n")

    done = notes(tmp_path, f"v{VERSION}", urls="")

    assert done.code == 1
    assert "Run: python .ci/generate.py --repository URL" in done.stderr
