"""Makes room for the rows of this run: target-duckdb never removes the row of somebody who left."""

from pathlib import Path

load = Path("output/load.duckdb")
load.parent.mkdir(exist_ok=True)
load.unlink(missing_ok=True)
