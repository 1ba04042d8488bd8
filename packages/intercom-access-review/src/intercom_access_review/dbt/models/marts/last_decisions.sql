-- The last decision about each entitlement.
select distinct on (access_key)
    access_key, review, reviewed_at, decision, decided_by, decided_on, until, reason
from {{ source('input', 'decisions') }}
order by access_key, reviewed_at desc
