#!/usr/bin/env bash
# Two reviews of the demo workspace, a quarter apart: the page and the list of the second one.
set -euo pipefail
cd "$(dirname "$0")"
rm -rf output .meltano/meltano.db

days_ago() { python3 -c "from datetime import date, timedelta as t; print(date.today() - t(days=$1))"; }
TAP_INTERCOM_ACCESS_START_DATE=$(days_ago 180)
export TAP_INTERCOM_ACCESS_START_DATE

REVIEWED_AT="$(days_ago 91) 12:00:00" intercom-sandbox --quarter 1 meltano run access-review
# A bookmark would be at today already, because only the demo's clock jumps: hence --full-refresh.
intercom-sandbox --quarter 2 meltano run --full-refresh access-review
echo "See $PWD/output/access-review.html and $PWD/output/access-review.csv"
