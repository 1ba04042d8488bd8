-- Who has what now, since which sync or earlier, and who reviews it.
select
    grants.grant_key,
    grants.access_key,
    grants.admin_id,
    admins.name,
    admins.email,
    admins.job_title,
    grants.kind,
    grants.thing,
    grants.level,
    history.dbt_valid_from as since,
    history.dbt_valid_from = (select min(as_of) from {{ ref('syncs') }}) as or_earlier,
    last_events.last_event_at,
    last_events.last_event_type,
    last_events.known_since,
    grants.kind = 'role' and grants.thing in (select role from {{ ref('privileged_roles') }}) as is_privileged,
    assignments.reviewer
from {{ ref('stg_grants') }} as grants
join {{ ref('grant_history') }} as history
    on history.grant_key = grants.grant_key and history.dbt_valid_to is null
left join {{ ref('stg_admins') }} as admins on admins.admin_id = grants.admin_id
left join {{ ref('last_events') }} as last_events on last_events.admin_id = grants.admin_id
left join {{ ref('assignments') }} as assignments on assignments.access_key = grants.access_key
