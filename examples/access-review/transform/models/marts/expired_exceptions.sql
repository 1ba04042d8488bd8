-- Exceptions whose end has passed while the access is still there, and nobody decided again.
select
    decisions.admin_id,
    {{ access_in_words() }}
    || ': the exception by ' || decided_by || ' ended on ' || cast(until as varchar) || ' (' || reason || ')' as detail
from {{ ref('decisions') }} as decisions
where decision = 'exception'
    and until < cast({{ as_of() }} as date)
    and access_key in (select access_key from {{ ref('stg_grants') }})
    and not exists (
        select 1 from {{ ref('decisions') }} as later
        where later.access_key = decisions.access_key and later.reviewed_at > decisions.reviewed_at
    )
