-- Every current account with its role, inbox seat, teams, and last activity.
select
    people.admin_id, people.name, people.label, people.email, people.job_title, people.account_type, people.owner,
    people.position,
    max(case when grants.kind = 'role' then thing end) as role,
    bool_or(grants.kind = 'seat') as has_seat,
    string_agg(
        case when grants.kind = 'team' then thing || case level when '' then '' else ' (' || level || ')' end end,
        ', ' order by grants.position
    ) as teams,
    max(last_activity_at) as last_activity_at,
    max(last_activity_type) as last_activity_type,
    max(known_since) as known_since
from {{ ref('people') }} as people
join {{ ref('access_grants') }} as grants on grants.admin_id = people.admin_id
where people.is_there
group by
    people.admin_id, people.name, people.label, people.email, people.job_title, people.account_type, people.owner,
    people.position
