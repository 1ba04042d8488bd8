"""The version of the code that ran, and the user or CI run that started it."""

import getpass
import hashlib
import json
import os
import platform
import socket
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from urllib.parse import unquote, urlsplit

from intercom_access_review.project import Row, sha256
from intercom_access_review.records import Package

NAME, TAP = "intercom-access-review", "tap-intercom-access"
LIBRARIES = ("dbt-core", "dbt-duckdb", "dbt-postgres", "duckdb", "jinja2", "openpyxl", "psycopg")
CI_VARIABLES = """
    GITHUB_REPOSITORY GITHUB_WORKFLOW GITHUB_RUN_ID GITHUB_RUN_ATTEMPT GITHUB_ACTOR GITHUB_SHA
    CI_PROJECT_PATH CI_PIPELINE_ID CI_JOB_ID CI_JOB_NAME GITLAB_USER_LOGIN CI_COMMIT_SHA
    JOB_NAME BUILD_NUMBER BUILD_BUILDID CIRCLE_PROJECT_REPONAME CIRCLE_BUILD_NUM
    BUILDKITE_PIPELINE_SLUG BUILDKITE_BUILD_NUMBER BITBUCKET_REPO_FULL_NAME BITBUCKET_BUILD_NUMBER
"""
"""Variables that identify a CI run. Variables with URLs are left out: they can contain secrets."""


def hash_of(root: Path) -> str:
    """Return one SHA-256 of the names and contents of the files of a package."""
    paths = [p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    lines = [f"{path.relative_to(root).as_posix()} {sha256(path)}\n" for path in paths]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def running_package() -> Package:
    """Return the version of this package, and the SHA-256 of its files as they are now."""
    try:
        found = version(NAME)
    except PackageNotFoundError:  # run from its source
        found = "unknown"
    return Package(found, hash_of(Path(__file__).parent))


def installed_tap() -> Row:
    """Return the version of the tap in Meltano's environment, and the SHA-256 of its files."""
    venv = Path(os.environ.get("MELTANO_SYS_DIR_ROOT", ".meltano"), "extractors", TAP, "venv")
    folders = [*venv.glob("lib/python*/site-packages"), *venv.glob("Lib/site-packages")]
    for tap in distributions(name=TAP, path=[str(path) for path in folders]):
        url = json.loads(tap.read_text("direct_url.json") or "{}")
        is_editable = url.get("dir_info", {}).get("editable", False)
        root = Path(unquote(urlsplit(url["url"]).path)) if is_editable else folders[0]
        return {"version": tap.version, "sha256": hash_of(root / "tap_intercom_access")}
    return {"version": None, "problem": f"{TAP} is not installed in {venv.as_posix()}"}


def code() -> Row:
    """Return the versions of all software that a sync uses."""
    found = (one for name in LIBRARIES for one in distributions(name=name))
    return {
        "review": running_package(),
        "tap": installed_tap(),
        "meltano.yml": sha256(Path("meltano.yml")) if Path("meltano.yml").exists() else None,
        "python": platform.python_version(),
        "libraries": {one.metadata["Name"]: one.version for one in found},
    }


def operator() -> Row:
    """Return the user, machine, and CI run of this step, if they are known."""
    try:
        user: str | None = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        user = None
    ci = {name: os.environ[name] for name in CI_VARIABLES.split() if os.environ.get(name)}
    return {"user": user, "host": socket.gethostname(), "ci": ci or None}
