"""Create the files of a project."""

from __future__ import annotations

import json
import shlex
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from string import Template
from urllib.parse import unquote, urlsplit

import click

from intercom_access_review.files import make_folder, write_text
from intercom_access_review.identity import NAME, TAP
from intercom_access_review.inputs import COLUMNS, EMPLOYEE_OPTIONS
from intercom_access_review.project import INBOX

STARTER = Path(__file__).parent / "starter"
SUBDIRECTORY = "packages/intercom-access-review"
"""Where this package is in the repository of the tap."""


def pip_urls(warehouse: str) -> tuple[str, str]:
    """Return the pip_url of the tap and of this package: both from where this one came from."""
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
    """Return a pip_url as YAML, quoted because Meltano splits it like a shell."""
    flag, separator, rest = pip_url.partition("-e ")
    text = f"-e {shlex.quote(rest)}" if separator and not flag else shlex.quote(pip_url)
    return json.dumps(text, ensure_ascii=False)


def filled_in(name: str, values: dict[str, object]) -> str:
    """Return a starter file with its placeholders filled in."""
    return Template((STARTER / name).read_text(encoding="utf-8")).substitute(values)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--warehouse", type=click.Choice(["duckdb", "postgres"]), default="duckdb")
@click.option("--tap", metavar="PIP_URL", help="Where Meltano installs the tap from.")
@click.option("--review", metavar="PIP_URL", help="Where Meltano installs this package from.")
def init(directory: Path, warehouse: str, tap: str | None, review: str | None) -> None:
    """Create the files of a project in DIRECTORY. Existing files are not changed.

    Without --tap and --review, both packages come from where this one was installed.
    """
    own_tap, own_review = pip_urls(warehouse)
    loader = "target-jsonl" if warehouse == "duckdb" else "target-postgres"
    values = {
        "TAP": quoted(tap or own_tap),
        "REVIEW": quoted(review or own_review),
        "LOADER": loader,
        "LOADER_BLOCK": (STARTER / f"{loader}.yml").read_text(encoding="utf-8").rstrip(),
        "WAREHOUSE": warehouse,
        "ACTIVATE_VERSION": str(warehouse == "postgres").lower(),
        "DIRECTORY": directory,
    }
    templates = ("meltano.yml", "settings.yml", ".gitignore")
    files = {name: filled_in(name.removeprefix("."), values) for name in templates}
    for name, columns in COLUMNS.items():
        optional = EMPLOYEE_OPTIONS if name == "employees" else ()
        files[f"inputs/{name}.csv"] = ",".join([*columns, *optional]) + "\n"
    for name, text in files.items():
        path = directory / name
        if path.exists():
            click.echo(f"{path} exists and was not changed")
        else:
            make_folder(path.parent)
            write_text(path, text)
    make_folder(directory / INBOX)
    click.echo(filled_in("next_steps.txt", values))
