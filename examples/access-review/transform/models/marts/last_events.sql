-- The latest event of each teammate, of any type, and since when events are known without a gap.
-- Nothing where this sync did not read the logs.
with logs as (
    select read_from, read_at from {{ ref('reads') }}
    where stream = 'activity_logs' and read_from is not null
),

latest as (
    select distinct on (performed_by_id) performed_by_id, happened_at, activity_type
    from {{ ref('stg_activity_logs') }}
    order by performed_by_id, happened_at desc, event_id
)

select
    admins.admin_id,
    latest.happened_at as last_event_at,
    latest.activity_type as last_event_type,
    logs.read_from as known_since
from {{ ref('stg_admins') }} as admins
cross join logs
left join latest on latest.performed_by_id = admins.admin_id
