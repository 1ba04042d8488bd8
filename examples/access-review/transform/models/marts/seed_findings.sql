-- What the seeds say that does not hold (any more): names, and people who left.
with gone as (
    select email, left_on from {{ ref('persons') }} where left_on <= cast({{ as_of() }} as date)
)

select
    'seed_name' as finding, cast(null as varchar) as admin_id,
    file || ': ' || kind || ' ' || name || coalesce('/' || thing_id, '') as subject, -- a name may fit two
    file || ' names the ' || kind || ' ' || name || ': ' || problem as detail
from {{ ref('seed_names') }} where problem is not null
union all
select
    'reviewer_left', null, reviewers.kind || ' ' || reviewers.name,
    reviewers.reviewer || ' left on ' || cast(left_on as varchar) || ', and still is the reviewer of '
    || case when kind = 'default' then 'everything else' else 'the ' || kind || ' ' || name end
from {{ ref('reviewers') }} as reviewers join gone on gone.email = reviewers.reviewer
union all
select
    'reviewer_unknown', null, reviewers.kind || ' ' || reviewers.name,
    reviewers.reviewer || ' is the reviewer of '
    || case when kind = 'default' then 'everything else' else 'the ' || kind || ' ' || name end
    || ', but neither a teammate nor in the list of employees'
from {{ ref('reviewers') }} as reviewers
join {{ ref('persons') }} as persons on persons.email = reviewers.reviewer and not persons.is_employed
where exists (select 1 from {{ ref('employees') }})
    and reviewers.reviewer not in (select email from {{ ref('people') }} where is_there and email is not null)
union all
select
    'by_hand_unused', people.admin_id, by_hand.email,
    case
        when people.admin_id is null
            then 'permissions_by_hand.csv names ' || by_hand.email || ', which is no address of a teammate'
        when people.account_type = 'bot' then 'is Intercom''s own bot, and in permissions_by_hand.csv'
        else 'has a role, and is in permissions_by_hand.csv: what that says counts for nobody with a role'
    end
from {{ ref('permissions_by_hand') }} as by_hand
left join {{ ref('people') }} as people on people.email = by_hand.email and people.is_there
where people.admin_id is null or people.role_id is not null or people.account_type = 'bot'
union all
select
    'service_left', people.admin_id, '',
    'is in service_accounts.csv, and its address is that of an employee who left on ' || cast(gone.left_on as varchar)
from {{ ref('people') }} as people join gone on gone.email = people.email
where people.is_there and people.account_type = 'service'
union all
select
    'owner_left', people.admin_id, services.email,
    'is owned by ' || services.owner || ', who ' || case
        when gone.email is null then 'is not in the list of employees'
        else 'left on ' || cast(gone.left_on as varchar)
    end
from {{ ref('service_accounts') }} as services
join {{ ref('people') }} as people
    on people.email = services.email and people.is_there and people.account_type = 'service'
join {{ ref('persons') }} as persons on persons.email = services.owner
left join gone on gone.email = services.owner
where gone.email is not null
    or (not persons.is_employed and exists (select 1 from {{ ref('employees') }}))
union all
select
    'service_unknown', null, services.email,
    'service_accounts.csv names ' || services.email || ', which is ' || case
        when {{ is_bot('services.email') }} then 'Intercom''s own bot' else 'no address of a teammate'
    end
from {{ ref('service_accounts') }} as services
where {{ is_bot('services.email') }}
    or services.email not in (select email from {{ ref('people') }} where is_there and email is not null)
