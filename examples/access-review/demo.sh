#!/usr/bin/env bash
# Two reviews of the demo workspace, a quarter apart, with what was decided and done in between.
set -euo pipefail
cd "$(dirname "$0")"
umask 027
export MELTANO_ENVIRONMENT=demo TAP_INTERCOM_ACCESS_LOGLEVEL=WARNING
days_ago() { python3 -c "from datetime import *; print(datetime.now(timezone.utc).date() - timedelta($1))"; }
headline() { printf '\n== %s\n' "$*"; }

rm -rf demo/outbox demo/output demo/reviews demo/seeds/teammates-export.csv # of an earlier demo; nobody else's are in there
TAP_INTERCOM_ACCESS_START_DATE=$(days_ago 180)
export TAP_INTERCOM_ACCESS_START_DATE
# A bookmark would be at today already, because only the demo's clock jumps.
export MELTANO_RUN_FULL_REFRESH=true
first=demo/reviews/$(days_ago 91)

headline "A quarter ago: the first review"
cat >demo/seeds/employees.csv <<END
email,name,left_on
aoife@example.com,Aoife Ní Bhriain,
tomas@example.com,Tomás Herrera,
chen.wei@example.com,陈伟,
zoe@example.com,Zoë Müller,
ibrahim@example.com,Ibrahim al-Sayed,$(days_ago 12)
priya@example.com,Priya Raman,
soren@contractor.example,Søren Kjær,
olena@example.com,Олена Шевченко,
marcus@example.com,Marcus Webb,$(days_ago 5)
grace@example.com,Grace Okafor,
lina@example.com,Lina Haddad,
END
REVIEWED_AT="$(days_ago 91) 12:00:00" intercom-sandbox --quarter 1 meltano run access-review

headline "The reviewers decide, each in their own list: two removals, one exception, the rest is kept"
ls demo/outbox/*
python3 demo/decide.py "$first"
meltano invoke review:decisions

headline "Today: one removal was done in Intercom, one was forgotten, and the exception has ended"
# What somebody exported from Intercom's own screen just now.
{
    sed '/^marcus/d; s/,[^,]*$//' demo/seeds/employees.csv
    printf '%s\n' 'support@example.com,Support' 'dana.levi@gmail.com,Dana Levi'
} >demo/seeds/teammates-export.csv
intercom-sandbox --quarter 2 meltano run access-review

headline "What a nightly run finds: it ends with 1 where fail_on is new"
meltano invoke review:findings && exit 1

headline "Her reviewer accepts what was forgotten, and the first review is closed"
cat >"$first/accepted.csv" <<END
row,reason,until,accepted by,accepted on
1012/workspace,hands over her conversations,$(days_ago -30),aoife@example.com,$(days_ago 0)
END
meltano run review-close

if command -v ssh-keygen >/dev/null; then
    headline "Somebody signs all of it"
    ssh-keygen -q -t ed25519 -N '' -f demo/output/key
    echo "grace@example.com $(cat demo/output/key.pub)" >demo/output/allowed_signers
    export REVIEW_SIGNING_KEY=demo/output/key REVIEW_ALLOWED_SIGNERS=demo/output/allowed_signers
    meltano invoke review:seal
fi

headline "Somebody changes the list of the first review"
chmod u+w "$first/access-review.csv"
sed -i.bak 's/Dana Levi/Dana Lewis/' "$first/access-review.csv"
meltano invoke review:verify && exit 1
mv "$first/access-review.csv.bak" "$first/access-review.csv"

headline "The auditor reads the first review again, without Intercom and without a token"
TAP_INTERCOM_ACCESS_LOGLEVEL=INFO intercom-sandbox --replay "$first/intercom" \
    tap-intercom-access --config=ENV 2>&1 >demo/output/again.jsonl | grep 'the same rows'

headline "See $PWD/demo/output/access-review.html and $PWD/demo/reviews/index.html"
