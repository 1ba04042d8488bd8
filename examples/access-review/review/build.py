"""Step 2: dbt builds and tests the models; what it writes is for nobody else, either."""

from __future__ import annotations

import sys

from dbt.cli.main import dbtRunner
from folders import BUILT, read_sync, write_json
from identity import built_code


def main() -> None:
    """Build everything, and only then say of which sync it is."""
    sync, code = read_sync(), built_code()
    result = dbtRunner().invoke(
        ["--quiet", "build", "--project-dir", "transform", "--profiles-dir", "transform"]
    )
    if not result.success:
        sys.exit(str(result.exception) if result.exception else 1)
    write_json(BUILT, {"as_of": sync["as_of"], "code": code})


if __name__ == "__main__":
    main()
