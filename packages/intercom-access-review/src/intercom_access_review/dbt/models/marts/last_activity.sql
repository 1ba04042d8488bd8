-- The latest log entry of each teammate, of any type. Since known_since, the log entries have no gap.
-- The table is empty if this sync didn't read the activity logs.
with latest as (
    select distinct on (performed_by_id) performed_by_id, happened_at, activity_type
    from {{ ref('stg_activity_logs') }}
    order by performed_by_id, happened_at desc, event_id
)

select
    admins.admin_id, latest.happened_at as last_activity_at, latest.activity_type as last_activity_type,
    facts.logs_from as known_since
from {{ source('input', 'loaded_admins') }} as admins
join {{ source('input', 'sync_facts') }} as facts on facts.logs_from is not null
left join latest on latest.performed_by_id = admins.admin_id
