-- The last decision about each entitlement, in the newest review that has one.
select distinct on (access_key)
    number, access_key, review, reviewed_at, decision, decided_by, decided_on, imported_at, until, reason
from {{ source('input', 'decisions') }}
order by access_key, reviewed_at desc, number desc
