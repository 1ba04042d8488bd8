"""Step 2: dbt builds and tests the models; what it writes is for nobody else, either."""

from __future__ import annotations

import sys
from functools import partial

from dbt.cli.main import dbtRunner
from dbt_common.clients import agate_helper
from folders import BUILT, read_sync, write_json
from identity import built_code


def main() -> None:
    """Build everything, and only then say of which sync it is."""
    sync, code = read_sync(), built_code()
    # For PostgreSQL, dbt takes the text "null" in a seed for nothing; it is a reason, or a name.
    agate_helper.build_type_tester = partial(
        agate_helper.build_type_tester, string_null_values=("",)
    )
    result = dbtRunner().invoke(
        ["--quiet", "build", "--project-dir", "transform", "--profiles-dir", "transform"]
    )
    if not result.success:
        sys.exit(str(result.exception) if result.exception else 1)
    write_json(BUILT, {"as_of": sync["as_of"], "code": code})


if __name__ == "__main__":
    main()
