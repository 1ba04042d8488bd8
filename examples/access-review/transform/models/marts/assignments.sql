-- Who reviews which access: by team for a team, else by role, else the default; nobody their own.
with defaults as (select max(reviewer) as reviewer from {{ ref('reviewers') }} where kind = 'default'),

wanted as (
    select
        grants.access_key,
        admins.email,
        defaults.reviewer as instead,
        coalesce(named.reviewer, defaults.reviewer) as reviewer
    from {{ ref('stg_grants') }} as grants
    cross join defaults
    left join {{ ref('stg_admins') }} as admins on admins.admin_id = grants.admin_id
    left join {{ ref('reviewers') }} as named
        on (named.kind = 'team' and grants.kind = 'team' and named.name = grants.thing)
        or (named.kind = 'role' and grants.kind <> 'team' and named.name = admins.role_name)
)

select
    access_key,
    case
        when reviewer is distinct from email then reviewer
        when instead is distinct from email then instead
    end as reviewer,
    case
        when reviewer is null then 'nobody'
        when reviewer = email and (instead is null or instead = email) then 'only themselves'
    end as problem
from wanted
