-- Who has what now, since which sync or earlier, and who reviews it.
select
    grants.grant_key,
    grants.access_key,
    grants.admin_id,
    people.name,
    people.label,
    people.email,
    people.job_title,
    coalesce(people.account_type, 'person') as account_type,
    grants.kind,
    grants.thing_id,
    coalesce(things.label, case when grants.kind = 'seat' then 'inbox' else '' end) as thing,
    grants.level,
    history.dbt_valid_from as since,
    history.dbt_valid_from <= (select min(as_of) from {{ ref('syncs') }}) as or_earlier,
    history.dbt_valid_from in (select as_of from {{ ref('syncs') }} where is_pretended) as is_pretended,
    last_events.last_event_at,
    last_events.last_event_type,
    last_events.known_since,
    grants.kind = 'role' and grants.thing_id in (
        select thing_id from {{ ref('seed_names') }} where file = 'privileged_roles.csv'
    ) as is_privileged,
    assignments.reviewer
from {{ ref('stg_grants') }} as grants
join {{ ref('grant_history') }} as history
    on history.grant_key = grants.grant_key and history.dbt_valid_to is null
left join {{ ref('people') }} as people on people.admin_id = grants.admin_id and people.is_there
left join {{ ref('things') }} as things on things.kind = grants.kind and things.thing_id = grants.thing_id
left join {{ ref('last_events') }} as last_events on last_events.admin_id = grants.admin_id
left join {{ ref('assignments') }} as assignments on assignments.access_key = grants.access_key
