"""Writes the page that a reviewer reads and the list that a reviewer signs."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import matplotlib as mpl
from markupsafe import Markup

mpl.use("svg")
from matplotlib import pyplot as plt

OUTPUT = Path("output")
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
TITLES = {
    "no_role": "No role",
    "no_team": "In no team",
    "not_employed": "Not in the list of employees",
    "personal_mailbox": "Personal mailbox",
    "seat_unused": "Inbox seat unused for 90 days",
    "shared_mailbox": "Shared mailbox",
    "unknown_member": "Member of a team, but no teammate",
}

Rows = list[dict[str, Any]]


def read(connection: duckdb.DuckDBPyConnection, sql: str) -> Rows:
    """Give the rows of a query."""
    result = connection.execute(sql)
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def people(grants: Rows) -> Rows:
    """Give one row per teammate, with role, seat and the level in each team."""
    found: dict[str, dict[str, Any]] = {}
    for grant in grants:
        person = found.setdefault(
            grant["admin_id"], {**grant, "role": None, "seat": None, "teams": {}}
        )
        if grant["kind"] == "team":
            person["teams"][grant["thing"]] = grant["level"] or "member"
        elif grant["kind"] != "workspace":
            person[grant["kind"]] = grant["thing"]
    return sorted(found.values(), key=lambda person: (person["name"] or "").casefold())


def chart(everybody: Rows, teams: list[str]) -> Markup:
    """Draw the inbox seats by team as an SVG that takes the colours of the page."""
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "review", "font.size": 11})
    members = [[p for p in everybody if team in p["teams"]] for team in teams]
    seats = [sum(bool(p["seat"]) for p in group) for group in members]
    without = [len(group) - with_seat for group, with_seat in zip(members, seats, strict=True)]
    figure, axes = plt.subplots(figsize=(8, 0.9 + 0.42 * max(1, len(teams))))
    axes.barh(teams, seats, color="#2563eb", label="with inbox seat")
    axes.barh(teams, without, left=seats, color="#f59e0b", label="without")
    axes.invert_yaxis()
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(bbox_to_anchor=(0, 1), frameon=False, loc="lower left", ncols=2)
    text = io.StringIO()
    figure.savefig(
        text, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None}
    )
    plt.close(figure)
    svg = text.getvalue()[text.getvalue().index("<svg") :]
    svg = svg.replace("<svg ", '<svg role="img" aria-label="Inbox seats by team" ', 1)
    # matplotlib escapes the names of the teams; black becomes the text colour of the page.
    return Markup(svg.replace("#000000", "currentColor"))  # noqa: S704


def defused(value: object) -> str:
    """Keep a spreadsheet program from taking a text for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULAS) else text


def write_list(grants: Rows) -> None:
    """Write one row per grant, with room for the reviewer's decision."""
    columns = ["name", "email", "job_title", "kind", "thing", "level", "since"]
    with (OUTPUT / "access-review.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*columns, "decision (keep or remove)", "reviewer", "date"])
        for grant in grants:
            writer.writerow([*(defused(grant[column]) for column in columns), "", "", ""])


def main() -> None:
    """Read the marts, write the page and the list."""
    with duckdb.connect(str(OUTPUT / "review.duckdb"), read_only=True) as connection:
        connection.execute(f"attach '{OUTPUT / 'load.duckdb'}' as loaded (read_only)")
        reviews = read(connection, "from reviews order by reviewed_at desc limit 2")
        grants = read(connection, "from access_grants order by name, email, kind, thing")
        findings = read(connection, "from review_findings order by finding, name")
        changes = read(connection, "from access_changes order by coalesce(done_at, seen_at), name")
        teams = read(connection, "select distinct team_name from stg_teams order by 1")
    names = [team["team_name"] or "" for team in teams]
    everybody = people(grants)
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template("page.html.j2").render(
        changes=changes,
        chart=chart(everybody, names),
        everybody=everybody,
        findings=findings,
        previous=reviews[1] if len(reviews) > 1 else None,
        review=reviews[0],
        teams=names,
        titles=TITLES,
        workspace=os.environ.get("WORKSPACE_NAME", "Intercom"),
    )
    (OUTPUT / "access-review.html").write_text(page, encoding="utf-8")
    write_list(grants)


if __name__ == "__main__":
    main()
