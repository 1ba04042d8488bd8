-- The reviewer of each entitlement: the owner of a service account, else the reviewer of the team or role,
-- else the person's manager, else the default reviewer, else a line without 'from' in reassignments.csv.
-- Other lines of reassignments.csv replace these reviewers.
-- Reviewers never review their own accounts or after their last day of work.
with named as (
    select access_key, 1 as place, people.owner as reviewer
    from {{ ref('stg_grants') }} join {{ ref('people') }} as people using (admin_id)
    where people.account_type = 'service'
    union all
    select access_key, 2, reviewers.reviewer
    from {{ ref('stg_grants') }} as grants
    left join {{ ref('people') }} as people using (admin_id)
    join {{ ref('input_names') }} as names
        on (names.kind = 'team' and grants.kind = 'team' and names.thing_id = grants.thing_id)
        or (names.kind = 'role' and grants.kind <> 'team' and names.thing_id = people.role_id)
    join {{ source('input', 'reviewers') }} as reviewers
        on names.file = 'reviewers.csv' and reviewers.kind = names.kind and reviewers.name_key = names.name_key
    union all
    select access_key, 3, employees.manager
    from {{ ref('stg_grants') }} join {{ ref('people') }} as people using (admin_id)
    join {{ source('input', 'employees') }} as employees using (person)
    where people.account_type = 'person' and employees.manager is not null
    union all
    select access_key, 4, reviewer
    from {{ ref('stg_grants') }} cross join {{ source('input', 'reviewers') }} as reviewers
    where reviewers.kind = 'default'
    union all
    select grants.access_key, 5, receiver
    from {{ ref('stg_grants') }} as grants join {{ source('input', 'reassignments') }} as lines
        on lines.sender = '' and coalesce(lines.access_key, grants.access_key) = grants.access_key
),

candidates as (
    select distinct on (named.access_key, place, named.reviewer)
        named.access_key, place, coalesce(reassigned.receiver, named.reviewer) as reviewer
    from named
    left join {{ source('input', 'reassignments') }} as reassigned
        on reassigned.sender = named.reviewer and coalesce(reassigned.access_key, named.access_key) = named.access_key
    order by named.access_key, place, named.reviewer, reassigned.access_key
),

judged as (
    select
        candidates.*,
        own.email is not null as is_own,
        coalesce(persons.left_on <= {{ today() }}, false) as has_left
    from candidates
    join {{ ref('stg_grants') }} as grants using (access_key)
    left join {{ ref('own_addresses') }} as own
        on own.admin_id = grants.admin_id and own.email = candidates.reviewer
    join {{ ref('persons') }} as persons on persons.email = candidates.reviewer
),

able as (
    select distinct on (access_key) access_key, reviewer
    from judged where not is_own and not has_left
    order by access_key, place, reviewer collate "C"
)

select
    access_key, able.reviewer,
    case
        when able.reviewer is not null then null
        when access_key not in (select access_key from judged) then 'no default'
        when access_key in (select access_key from judged where has_left) then 'left'
        else 'own access'
    end as problem
from {{ ref('stg_grants') }} left join able using (access_key)
