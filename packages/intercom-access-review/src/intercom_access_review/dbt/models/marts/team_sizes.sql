-- The number of members and inbox seats of each team.
select
    teams.team_id, things.label as team_name,
    count(memberships.admin_id) as members,
    count(case when admins.has_inbox_seat then 1 end) as seats,
    max(things.position) as position
from {{ source('input', 'loaded_teams') }} as teams
join {{ ref('things') }} as things on things.kind = 'team' and things.thing_id = teams.team_id
left join {{ source('input', 'loaded_memberships') }} as memberships on memberships.team_id = teams.team_id
left join {{ source('input', 'loaded_admins') }} as admins on admins.admin_id = memberships.admin_id
group by teams.team_id, things.label
