"""Run the contenders in turn, as complete processes, and print a table for each task."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click
import requests

from benchmarks import peers

if TYPE_CHECKING:
    from collections.abc import Iterator

TAP = str(Path(sys.executable).parent / "tap-intercom-access")
LIMIT = [sys.executable, "-m", "benchmarks.limit"]
FLOOR = [sys.executable, "-m", "benchmarks.floor"]
TOKEN = "benchmark-token-0123456789"  # noqa: S105 (opens nothing)
MIB = 1024  # ru_maxrss is in KiB


@dataclass
class Contender:
    """A command, and the measurements of its runs."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    records: int = 0
    requests: int = 0
    at_once: int = 0

    def run(self, url: str | None) -> None:
        """Run the command once. Count the records it prints and the requests it sends."""
        settings = {
            "TAP_INTERCOM_ACCESS_ACCESS_TOKEN": TOKEN,
            "TAP_INTERCOM_ACCESS_BASE_URL": url or "",
        }
        with tempfile.TemporaryFile() as output:
            began = time.perf_counter()
            process = subprocess.Popen(  # noqa: S603 (the contenders' commands)
                self.command,
                env=os.environ | settings | self.environment,
                stderr=subprocess.DEVNULL,
                stdout=output,
            )
            _, status, usage = os.wait4(process.pid, 0)
            self.walls.append(time.perf_counter() - began)
            if os.waitstatus_to_exitcode(status):
                raise click.ClickException(f"{self.name} failed: {' '.join(self.command)}")
            output.seek(0)
            self.records = sum(b'RECORD"' in line for line in output)
        self.cpus.append(usage.ru_utime + usage.ru_stime)
        self.peaks.append(usage.ru_maxrss / MIB)
        if url:
            counted = requests.get(f"{url}/count", timeout=10).json()
            self.requests, self.at_once = counted["requests"], counted["at_once"]


@contextmanager
def serving(
    admins: int, teams: int, size: int = 0, events: int = 0, latency: int = 0
) -> Iterator[str]:
    """Serve a workspace from another process, with a latency in milliseconds."""
    numbers = [str(number) for number in (admins, teams, size, events, latency)]
    command = [sys.executable, "-m", "benchmarks.server", *numbers]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout  # noqa: S101 (for the types)
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def compare(
    title: str, url: str | None, contenders: list[Contender], runs: int, warmups: int = 1
) -> None:
    """Run the contenders in turn and print their table."""
    for number in range(warmups + runs):
        for contender in contenders:
            contender.run(url)
            if number < warmups:
                contender.walls.clear()
                contender.cpus.clear()
                contender.peaks.clear()
    click.echo(f"\n{title}; median of {runs} runs in turn\n")
    click.echo(
        "| | wall s | CPU s | peak MiB | records | records/s | requests | at once | wall ratio |"
    )
    click.echo("|---|---|---|---|---|---|---|---|---|")
    first = statistics.median(contenders[0].walls)
    for contender in contenders:
        wall = statistics.median(contender.walls)
        click.echo(
            f"| {contender.name} | {wall:.2f} | {statistics.median(contender.cpus):.2f} "
            f"| {statistics.median(contender.peaks):.0f} | {contender.records:,} "
            f"| {contender.records / wall:,.0f} | {contender.requests:,} "
            f"| {contender.at_once} | {wall / first:.2f} |"
        )


def tap(*options: str) -> Contender:
    """Return this tap as a contender."""
    return Contender("this tap", [TAP, "--config=ENV", *options])


def catalog(folder: Path, stream: str) -> str:
    """Write a catalog that selects one stream, and return its path."""
    done = subprocess.run([TAP, "--discover"], capture_output=True, check=True)  # noqa: S603
    content = json.loads(done.stdout)
    for entry in content["streams"]:
        for metadata in entry["metadata"]:
            if not metadata["breadcrumb"]:
                metadata["metadata"]["selected"] = entry["tap_stream_id"] == stream
    path = folder / f"{stream}.json"
    path.write_text(json.dumps(content))
    return str(path)


def check(contender: Contender, records: int, most_requests: int) -> None:
    """Fail if a contender printed too few records, or sent too many requests."""
    if contender.records != records or contender.requests > most_requests:
        raise click.ClickException(
            f"{contender.name}: {contender.records} records in {contender.requests} requests, "
            f"instead of {records} in at most {most_requests}"
        )


@click.command()
@click.option("--small", is_flag=True, help="A hundredth of the work, without the peers, for CI.")
@click.option("--runs", default=3, show_default=True, help="Counted runs of each contender.")
def main(*, small: bool, runs: int) -> None:
    """Measure the tap, a minimal script, and other connectors, and check what the tap reads."""
    part = 100 if small else 1
    admins, events = 100_000 // part, 1_000_000 // part
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(admins, 100) as url:
            contenders = [
                Contender("the limit", [*LIMIT, "access"]),
                tap(),
                Contender("the floor of an SDK tap", FLOOR),
            ]
            if not small:
                contenders.append(_airbyte(folder, url))
            compare(f"Full sync of {admins:,} admins in 100 teams", url, contenders, runs)
            check(contenders[1], 2 * admins + 100, 2)
        with serving(admins, 100, size=150) as url:
            paged = tap()
            compare(f"The same, {admins:,} admins in pages of 150", url, [paged], runs)
            check(paged, 2 * admins + 100, -(-admins // 150) + 1)
        with serving(100, 100, size=150) as url:
            compare("100 admins in 100 teams", url, [tap()], runs)
        if not small:
            _all_peers(folder, runs)
        _discovery(runs)
        _activity(folder, events, runs)
        _latency(folder, small=small)


def _airbyte(folder: Path, url: str, *streams: str) -> Contender:
    command = peers.source_intercom(folder, url, streams or ("admins", "teams"))
    return Contender("airbyte-source-intercom 0.8.3", command, peers.environment(url))


def _all_peers(folder: Path, runs: int) -> None:
    with serving(500, 20) as url:
        singer = peers.tap_intercom(folder, url)
        contenders = [
            Contender("the limit", [*LIMIT, "access"]),
            tap(),
            _airbyte(folder, url),
            Contender("tap-intercom 2.2.5", singer, peers.environment(url)),
        ]
        compare("500 admins in 20 teams, all peers", url, contenders, runs)


def _discovery(runs: int) -> None:
    bare = Contender("import singer_sdk", [sys.executable, "-c", "import singer_sdk"])
    discover = Contender("this tap --discover", [TAP, "--discover"])
    compare("Discovery", None, [bare, discover], 3 * runs)


def _activity(folder: Path, events: int, runs: int) -> None:
    path = catalog(folder, "activity_logs")
    for count in (events // 100, events):
        with serving(1, 1, events=count) as url:
            limit = Contender("the limit", [*LIMIT, "activity_logs"])
            ours = tap("--catalog", path)
            compare(f"{count:,} activity logs in pages of 250", url, [limit, ours], runs)
            check(ours, count, max(10, limit.requests * 5 // 4))


def _latency(folder: Path, *, small: bool) -> None:
    """Compare with the minimal script, which sends one request after the other, at a latency."""
    path = catalog(folder, "activity_logs")
    for latency in (0, 50) if small else (0, 50, 200):
        for count in (200, 2_000) if small else (2_000, 20_000, 200_000):
            with serving(1, 1, events=count, latency=latency) as url:
                one_by_one = Contender("the limit, one by one", [*LIMIT, "activity_logs"])
                contenders = [one_by_one, tap("--catalog", path)]
                if not small and count == 2_000 and latency == 200:  # noqa: PLR2004 (only once)
                    contenders.append(_airbyte(folder, url, "activity_logs"))
                title = f"{count:,} activity logs, {latency} ms for each response"
                compare(title, url, contenders, runs=1, warmups=0)
                check(contenders[1], count, max(10, one_by_one.requests * 5 // 4))


if __name__ == "__main__":
    main()
