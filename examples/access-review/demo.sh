#!/usr/bin/env bash
# Run two reviews of the demo workspace, a quarter apart, with decisions in between. All files are in demo/.
set -euo pipefail
cd "$(dirname "$0")"
umask 027
root=$(cd ../.. && pwd)
export TAP_INTERCOM_ACCESS_LOGLEVEL=WARNING
days_ago() { python3 -c "from datetime import *; print(datetime.now(timezone.utc).date() - timedelta($1))"; }
headline() { printf '\n== %s\n' "$*"; }

rm -rf demo # from an earlier run
mkdir -p demo/inputs demo/inbox
sed "s|\.\./\.\.|$root|" meltano.yml >demo/meltano.yml
sed -e 's/^decide_within_days:/& 14/' -e 's/^remove_within_days:/& 14/' \
    -e 's/^terminated_remove_within_days:/& 1/' -e 's/^mail_from:/& access-reviews@example.com/' \
    settings.yml >demo/settings.yml
cp inputs/manual_permissions.csv demo/inputs/
cd demo
printf 'role\nWorkspace admin\n' >inputs/privileged_roles.csv
printf 'email,owner\nsupport@example.com,tomas@example.com\n' >inputs/service_accounts.csv
cat >inputs/reviewers.csv <<END
kind,name,reviewer
default,,aoife@example.com
role,Workspace admin,grace@example.com
team,Support,tomas@example.com
team,Escalations ⚡,tomas@example.com
END
cat >inputs/employees.csv <<END
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

TAP_INTERCOM_ACCESS_START_DATE=$(days_ago 180)
export TAP_INTERCOM_ACCESS_START_DATE
export MELTANO_RUN_FULL_REFRESH=true # the demo simulates its times, so a bookmark would be too late
first=$(days_ago 91)

headline "A quarter ago: the first review"
REVIEWED_AT="$first 12:00:00" intercom-sandbox --quarter 1 meltano run access-review

headline "The reviewers decide: two revocations, one exception, and approvals"
ls outbox/*
python3 ../decide.py "$first"
meltano run import-decisions

headline "Today: one revocation was carried out, one was forgotten, and the exception has expired"
intercom-sandbox --quarter 2 meltano run access-review

headline "The reviewer accepts the risk of the forgotten one for 30 days, and the first review is completed"
python3 ../decide.py "$first" accept
meltano run import-decisions
intercom-sandbox --quarter 2 meltano run access-sync
meltano run complete-review

headline "Someone changes a worksheet of the first review"
worksheet=reviews/$first/worksheets/all.csv
chmod u+w "$worksheet"
cp "$worksheet" output/all.csv
sed 's/Dana Levi/Dana Lewis/' output/all.csv >"$worksheet"
meltano invoke review:verify && exit 1
cp output/all.csv "$worksheet"
meltano invoke review:verify

headline "Open $PWD/output/access-review.html and $PWD/reviews/index.html"
