"""Create the files of a project."""

from __future__ import annotations

import json
import shlex
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

from intercom_access_review.files import make_folder, write_text
from intercom_access_review.identity import NAME, TAP
from intercom_access_review.project import INBOX

STARTER = Path(__file__).parent / "starter"
INPUT_HEADERS = {
    "employees": "email,name,left_on",
    "manual_permissions": "email,privileged",
    "privileged_roles": "role",
    "reassignments": "row,from,to,by,reason,until",
    "reviewers": "kind,name,reviewer",
    "service_accounts": "email,owner",
}
SUBDIRECTORY = "packages/intercom-access-review"
"""Where this package is in the repository of the tap."""


def pip_urls(warehouse: str) -> tuple[str, str]:
    """Return where Meltano installs the tap and this package from, as this one was installed."""
    name = f"{NAME}[{warehouse}]"
    try:
        origin = json.loads(distribution(NAME).read_text("direct_url.json") or "{}")
    except PackageNotFoundError:  # run from its source
        origin = {"url": Path(__file__).parents[2].as_uri(), "dir_info": {"editable": True}}
    url = origin.get("url", "")
    if "vcs_info" in origin:
        git = f"{origin['vcs_info']['vcs']}+{url}@{origin['vcs_info']['commit_id']}"
        return (
            f"{TAP} @ {git}",
            f"{name} @ {git}#subdirectory={origin.get('subdirectory', SUBDIRECTORY)}",
        )
    path = Path(unquote(urlsplit(url).path))
    if "dir_info" in origin:
        flag = "-e " if origin["dir_info"].get("editable") else ""
        tap = path.parents[1] if path.as_posix().endswith(SUBDIRECTORY) else None
        return f"{flag}{tap}" if tap else TAP, f"{flag}{path}[{warehouse}]"
    if url.endswith(".whl"):
        taps = sorted(path.parent.glob("tap_intercom_access-*.whl"))
        return f"{TAP} @ {taps[-1].as_uri()}" if taps else TAP, f"{name} @ {url}"
    return TAP, f"{name}=={distribution(NAME).version}"


def quoted(pip_url: str) -> str:
    """Return a pip_url as YAML. Meltano splits it like a shell."""
    flag, separator, rest = pip_url.partition("-e ")
    text = f"-e {shlex.quote(rest)}" if separator and not flag else shlex.quote(pip_url)
    return json.dumps(text, ensure_ascii=False)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--warehouse", type=click.Choice(["duckdb", "postgres"]), default="duckdb")
@click.option("--tap", metavar="PIP_URL", help="Where Meltano installs the tap from.")
@click.option("--review", metavar="PIP_URL", help="Where Meltano installs this package from.")
def init(directory: Path, warehouse: str, tap: str | None, review: str | None) -> None:
    """Create the files of a project in DIRECTORY. Files that exist are not changed.

    Without --tap and --review, both packages come from where this one was installed.
    """
    own_tap, own_review = pip_urls(warehouse)
    loader = "target-jsonl" if warehouse == "duckdb" else "target-postgres"
    values = {
        "@TAP@": quoted(tap or own_tap),
        "@REVIEW@": quoted(review or own_review),
        "@LOADER@": loader,
        "@LOADER_BLOCK@": (STARTER / f"{loader}.yml").read_text(encoding="utf-8").rstrip(),
        "@WAREHOUSE@": warehouse,
        "@ACTIVATE_VERSION@": str(warehouse == "postgres").lower(),
    }
    files = {
        name: (STARTER / name).read_text(encoding="utf-8")
        for name in ("meltano.yml", "settings.yml")
    }
    files[".gitignore"] = (STARTER / "gitignore").read_text(encoding="utf-8")
    files |= {f"inputs/{name}.csv": f"{header}\n" for name, header in INPUT_HEADERS.items()}
    for name, text in files.items():
        path = directory / name
        if path.exists():
            click.echo(f"{path} exists and was not changed")
            continue
        filled = text
        for placeholder, value in values.items():
            filled = filled.replace(placeholder, value)
        make_folder(path.parent)
        write_text(path, filled)
    make_folder(directory / INBOX)
    click.echo(
        (STARTER / "next_steps.txt")
        .read_text(encoding="utf-8")
        .replace("@DIRECTORY@", str(directory))
    )
