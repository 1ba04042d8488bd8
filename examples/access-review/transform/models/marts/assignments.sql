-- Who reviews which access: the owner of a service account, else by team for a team, else by role,
-- else the default; nobody an account of their own, and nobody who has left.
with candidates as (
    select access_key, 1 as place, people.owner as reviewer
    from {{ ref('stg_grants') }} join {{ ref('people') }} as people using (admin_id)
    where people.account_type = 'service'
    union all
    select access_key, 2, reviewers.reviewer
    from {{ ref('stg_grants') }} as grants
    left join {{ ref('people') }} as people using (admin_id)
    join {{ ref('seed_names') }} as names
        on (names.kind = 'team' and grants.kind = 'team' and names.thing_id = grants.thing_id)
        or (names.kind = 'role' and grants.kind <> 'team' and names.thing_id = people.role_id)
    join {{ ref('reviewers') }} as reviewers
        on names.file = 'reviewers.csv' and reviewers.kind = names.kind and reviewers.name = names.name
    union all
    select access_key, 3, reviewer
    from {{ ref('stg_grants') }} cross join {{ ref('reviewers') }} as reviewers
    where reviewers.kind = 'default'
),

judged as (
    select
        candidates.*,
        own.email is not null as is_own,
        coalesce(persons.left_on <= cast({{ as_of() }} as date), false) as has_left
    from candidates
    join {{ ref('stg_grants') }} as grants using (access_key)
    left join {{ ref('own_addresses') }} as own
        on own.admin_id = grants.admin_id and own.email = candidates.reviewer
    join {{ ref('persons') }} as persons on persons.email = candidates.reviewer
),

able as (
    select distinct on (access_key) access_key, reviewer
    from judged where not is_own and not has_left
    order by access_key, place, reviewer
)

select
    access_key, able.reviewer,
    case
        when able.reviewer is not null then null
        when access_key not in (select access_key from judged) then 'nobody'
        when access_key in (select access_key from judged where has_left) then 'left'
        else 'only themselves'
    end as problem
from {{ ref('stg_grants') }} left join able using (access_key)
