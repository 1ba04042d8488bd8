#!/usr/bin/env bash
# The files of the demo workspace, without a token.
set -euo pipefail
cd "$(dirname "$0")"
rm -rf output sign-ins.json .meltano/meltano.db
COMPANY_DOMAINS=example.com intercom-sandbox meltano run governance-export
ls output
