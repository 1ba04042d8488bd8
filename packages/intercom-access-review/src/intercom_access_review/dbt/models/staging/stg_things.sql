-- Roles and teams by ID, because names change. Descriptions are null if the sync didn't read them.
with roles as (
    select role_id, role_name, cast(null as varchar) as description
    from {{ source('input', 'loaded_admins') }} where role_id is not null
    union all
    select role_id, role_name, coalesce(description, '') from {{ source('input', 'loaded_roles') }}
)

select
    'role/' || role_id as thing_key, 'role' as kind, role_id as thing_id, max(role_name) as name,
    max(description) as description
from roles group by role_id
union all
select 'team/' || team_id, 'team', team_id, team_name, null from {{ source('input', 'loaded_teams') }}
