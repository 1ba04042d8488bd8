"""Which code reads, builds and reviews, and who or what runs it."""

from __future__ import annotations

import base64
import getpass
import hashlib
import json
import os
import platform
import socket
from importlib.metadata import Distribution, PackagePath, distributions, version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from folders import SEEDS, Row, sha256

if TYPE_CHECKING:
    from collections.abc import Iterable

TAP = "tap-intercom-access"
PACKAGES = ("duckdb", "jinja2", "openpyxl", "psycopg", "requests")
CI = {  # where a CI service says which run it is; nothing else of the environment is kept
    "GITHUB_ACTIONS": """
        GITHUB_SERVER_URL GITHUB_REPOSITORY GITHUB_WORKFLOW GITHUB_RUN_ID GITHUB_RUN_ATTEMPT
        GITHUB_ACTOR GITHUB_TRIGGERING_ACTOR GITHUB_EVENT_NAME GITHUB_REF GITHUB_SHA
    """,
    "GITLAB_CI": """
        CI_PROJECT_PATH CI_PIPELINE_ID CI_PIPELINE_SOURCE CI_JOB_ID CI_JOB_URL CI_JOB_NAME
        GITLAB_USER_LOGIN CI_COMMIT_REF_NAME CI_COMMIT_SHA
    """,
    "CI": """
        BUILD_URL BUILD_TAG BUILD_NUMBER BUILD_ID BUILD_BUILDID JOB_NAME CIRCLE_BUILD_URL
        BUILDKITE_BUILD_URL BITBUCKET_BUILD_NUMBER BITBUCKET_REPO_FULL_NAME CI_PIPELINE_URL
    """,
}


def installed_tap() -> Distribution | None:
    """Give the installation of the tap in Meltano's environment of it, if it is there."""
    system = Path(os.environ.get("MELTANO_SYS_DIR_ROOT", ".meltano"))
    root = system / "extractors" / TAP / "venv"
    folders = [*root.glob("lib/python*/site-packages"), *root.glob("Lib/site-packages")]
    return next(iter(distributions(name=TAP, path=[str(path) for path in folders])), None)


def tap_code() -> Row:
    """Give which installation of the tap it is: its version, and the SHA-256 of its RECORD."""
    tap = installed_tap()
    files = (tap.files if tap else None) or []
    record = next((file for file in files if file.name == "RECORD"), None)
    if tap is None or record is None:
        return {"version": None, "problem": f"no installation of {TAP} is in .meltano/extractors"}
    known: Row = {"version": tap.version, "record_sha256": sha256(Path(str(record.locate())))}
    url = json.loads(tap.read_text("direct_url.json") or "{}")
    if url.get("dir_info", {}).get("editable"):
        source = Path(unquote(urlsplit(str(url["url"])).path)) / "tap_intercom_access"
        known["files"] = hashes(source.rglob("*.py"), source.parent)
        known["editable"] = (
            "an editable installation: its RECORD does not list the code, so the SHA-256 of each "
            "file is in 'files'"
        )
        return known
    known["changed"] = sorted(str(file) for file in files if not is_as_installed(file))
    return known


def is_as_installed(file: PackagePath) -> bool:
    """Tell whether a file has the hash that RECORD has of it; its own has none."""
    if file.hash is None or file.hash.mode != "sha256":
        return True
    try:
        digest = hashlib.sha256(Path(str(file.locate())).read_bytes()).digest()
    except OSError:
        return False
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == file.hash.value


def hashes(paths: Iterable[Path], root: Path) -> dict[str, str]:
    """Give the SHA-256 of files by their name below a folder."""
    return {
        path.relative_to(root).as_posix(): sha256(path) for path in sorted(paths) if path.is_file()
    }


def read_code() -> Row:
    """Give the identity of what reads: the tap, the seeds and the project."""
    seeds = hashes(SEEDS.glob("*"), SEEDS) if SEEDS.exists() else {}
    return {"tap": tap_code(), "seeds": seeds, "meltano.yml": sha256(Path("meltano.yml"))}


def built_code() -> Row:
    """Give the identity of what builds: the models, and dbt."""
    files = [
        path
        for name in ("macros", "models", "snapshots", "tests")
        for path in Path("transform", name).rglob("*.*")
    ]
    files += [*Path("transform").glob("*.yml")]
    names = ("dbt-core", "dbt-duckdb", "dbt-postgres")
    return {
        "models": hashes(files, Path("transform")),
        "dbt": {name: version(name) for name in names},
    }


def review_code() -> Row:
    """Give the identity of what reviews: the modules of the review, and what they use."""
    here = Path(__file__).parent
    return {
        "review": hashes(here.glob("*.*"), here),
        "python": platform.python_version(),
        "packages": {
            found.metadata["Name"]: found.version
            for name in PACKAGES
            for found in distributions(name=name)
        },
    }


def who() -> Row:
    """Give who or what runs this, as far as the environment says; no other variable is kept."""
    try:
        user: str | None = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        user = None
    run = None
    for variable, names in CI.items():
        if os.environ.get(variable, "").lower() in {"true", "1", "yes"}:
            values = {name: os.environ[name] for name in names.split() if os.environ.get(name)}
            run = {variable: "true", **{name: public(value) for name, value in values.items()}}
            break
    return {"user": user, "host": socket.gethostname(), "ci": run}


def public(value: str) -> str:
    """Give a value without what a URL could hold beside its address, such as a password."""
    try:
        url = urlsplit(value)
        if url.scheme and url.netloc:
            value = url._replace(
                netloc=url.netloc.rpartition("@")[2], query="", fragment=""
            ).geturl()
    except ValueError:
        return "(no URL)"
    return "".join(sign for sign in value if sign.isprintable())[:500]
