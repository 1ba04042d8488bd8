-- What was decided last about each access.
select distinct on (access_key)
    access_key, review, decision, decided_by, decided_on, until, reason
from {{ ref('decisions') }}
order by access_key, reviewed_at desc
