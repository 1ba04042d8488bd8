-- The current entitlements, with the time they were first observed and their reviewers.
select
    grants.grant_key, grants.access_key, grants.admin_id,
    people.name, people.name_key, people.label, people.email, people.job_title, people.role_id,
    coalesce(people.account_type, 'person') as account_type,
    grants.kind, grants.thing_id,
    coalesce(things.label, case when grants.kind = 'seat' then 'inbox' else '' end) as thing,
    grants.level,
    history.dbt_valid_from as first_observed,
    history.dbt_valid_from <= {{ first_sync() }} as or_earlier,
    activity.last_activity_at, activity.last_activity_type, activity.known_since,
    grants.kind = 'role' and grants.thing_id in (
        select thing_id from {{ ref('input_names') }} where file = 'privileged_roles.csv'
    ) as is_privileged,
    assignments.reviewer,
    row_number() over (order by people.position, grants.admin_id, grants.kind, things.position) as position
from {{ ref('stg_grants') }} as grants
join {{ ref('grant_history') }} as history
    on history.grant_key = grants.grant_key and history.dbt_valid_to is null
left join {{ ref('people') }} as people on people.admin_id = grants.admin_id and people.is_there
left join {{ ref('things') }} as things on things.kind = grants.kind and things.thing_id = grants.thing_id
left join {{ ref('last_activity') }} as activity on activity.admin_id = grants.admin_id
left join {{ ref('assignments') }} as assignments on assignments.access_key = grants.access_key
