-- Roles and teams by ID, because names change.
select 'role/' || role_id as thing_key, 'role' as kind, role_id as thing_id, max(role_name) as name
from {{ source('input', 'loaded_admins') }} where role_id is not null
group by role_id
union all
select 'team/' || team_id, 'team', team_id, team_name from {{ source('input', 'loaded_teams') }}
