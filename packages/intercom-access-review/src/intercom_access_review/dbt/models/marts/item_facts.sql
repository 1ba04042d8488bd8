-- The items needing attention, with the values that their sentences in items.yml show.
with accounts as (select * from {{ ref('people') }} where is_there and account_type <> 'bot'),

persons as (select * from accounts where account_type = 'person'),

terminated as (select email, left_on from {{ ref('persons') }} where left_on <= {{ today() }}),

outcomes as (select *, review || '/' || access_key as subject from {{ ref('outcomes') }}),

descriptions as (
    select
        kind, thing_id, description as new_description, dbt_valid_from as seen_at,
        lag(description) over (partition by thing_key order by dbt_valid_from) as old_description
    from {{ ref('thing_history') }} where description is not null
),

members as (select distinct admin_id, team_id from {{ source('input', 'loaded_memberships') }}),

facts as (
    select {{ fact('source', note='source_host') }}
    from {{ source('input', 'sync_facts') }} where not is_intercom
    union all
    select {{ fact(
        'export_differs', 'admin_id', "case side when 'export' then md5(email) else '' end", who='email',
        note='side'
    ) }}
    from {{ ref('export_differences') }}
    union all
    select {{ fact('export_not_compared', note='export_problem') }}
    from {{ source('input', 'sync_facts') }} where export_problem is not null
    union all
    select {{ fact(
        "case timeliness when 'overdue' then 'revocation_overdue' else 'not_removed' end",
        'admin_id', 'subject', 'kind', 'thing', 'decided_by', 'given_again_at', 'due_on', 'days'
    ) }}
    from outcomes where outcome = 'not removed'
    union all
    select {{ fact(
        "case timeliness when 'overdue' then 'terminated_overdue' else 'terminated' end",
        'admin_id', day='left_on', due_on='due_on', number='days_at_least'
    ) }}
    from {{ ref('terminated_users') }} where is_there
    union all
    select {{ fact(
        'decisions_overdue', subject="review || '/' || coalesce(md5(reviewer), '') || '/' || cast(decide_by as varchar)",
        thing='review', who='reviewer', due_on='decide_by', number='row_count - decided', note='row_count'
    ) }}
    from {{ ref('progress') }} where is_overdue
    union all
    select {{ fact(
        'access_may_remain', 'admin_id', 'subject', 'kind', 'thing', 'other_accounts',
        note="coalesce('name ' || same_name, custom_permissions)"
    ) }}
    from outcomes where outcome = 'access may remain'
    union all
    select {{ fact(
        "case when decision = 'revoke' then 'acceptance_expired' else 'exception_expired' end",
        'admin_id', 'subject', 'kind', 'thing', 'coalesce(accepted_by, decided_by)',
        'coalesce(accepted_until, until)', note='coalesce(accepted_reason, reason)'
    ) }}
    from outcomes where outcome in ('acceptance expired', 'expired')
    union all
    select {{ fact('given_again', 'admin_id', 'subject', 'kind', 'thing', day='given_again_at') }}
    from outcomes
    where decision = 'revoke' and outcome = 'removed' and given_again_at is not null and decided_again_in is null
    union all
    select {{ fact('token_owner', 'admin_id', day='left_on', note="case when is_there then 'there' end") }}
    from {{ ref('privileged_access') }}
    where is_token_owner and (
        not is_there or left_on is not null
        or (not is_privileged and not is_unknown and exists (select 1 from {{ source('input', 'privileged_roles') }}))
    )
    union all
    select {{ fact(
        'privileged_new', 'changes.admin_id', 'changes.change_key', thing='changes.thing', day='changes.seen_at'
    ) }}
    from {{ ref('access_changes') }} as changes
    join {{ ref('access_grants') }} as grants
        on grants.access_key = changes.access_key and grants.first_observed = changes.seen_at and grants.is_privileged
    where changes.change in ('role given', 'role changed')
    union all
    select {{ fact(
        'role_description', subject="thing_id || '/' || cast(seen_at as varchar)", kind="'role'", thing='label',
        who='old_description', day='seen_at', note='new_description'
    ) }}
    from descriptions join {{ ref('things') }} using (kind, thing_id)
    where old_description <> new_description and seen_at > {{ previous_review() }}
    union all
    select {{ fact('privileged_unused', subject='thing_id', thing='current_name') }}
    from {{ ref('input_names') }}
    where file = 'privileged_roles.csv' and coalesce(problem, '') <> 'unknown'
        and thing_id not in (select thing_id from {{ ref('stg_grants') }} where kind = 'role')
    union all
    select {{ fact(
        'input_name', subject="file || ': ' || kind || ' ' || name || coalesce('/' || thing_id, '')",
        kind='kind', thing='name', who='file', note="problem || coalesce(' ' || current_name, '')"
    ) }}
    from {{ ref('input_names') }} where problem is not null
    union all
    select {{ fact(
        'reviewer_left', subject="kind || ' ' || name", kind='kind', thing='name', who='reviewer', day='left_on'
    ) }}
    from {{ source('input', 'reviewers') }} join terminated on terminated.email = reviewer
    union all
    select {{ fact('reviewer_unknown', subject="kind || ' ' || name", kind='kind', thing='name', who='reviewer') }}
    from (
        select kind, name, reviewer from {{ source('input', 'reviewers') }}
        union
        select 'manager', manager, manager from {{ source('input', 'employees') }} where manager is not null
    ) as reviewers
    join {{ ref('persons') }} as persons on persons.email = reviewers.reviewer and not persons.is_employed
    where reviewers.reviewer not in (select email from {{ ref('people') }} where is_there and email is not null)
    union all
    select {{ fact(
        'manual_unused', 'people.admin_id', 'manual.email', who='manual.email',
        note="case when people.account_type = 'bot' then 'bot' when people.admin_id is not null then 'role' end"
    ) }}
    from {{ source('input', 'manual_permissions') }} as manual
    left join {{ ref('people') }} as people on people.email = manual.email and people.is_there
    where people.admin_id is null or people.role_id is not null or people.account_type = 'bot'
    union all
    select {{ fact('service_left', 'admin_id', day='terminated.left_on') }}
    from accounts join terminated on terminated.email = accounts.email where account_type = 'service'
    union all
    select {{ fact('owner_left', 'accounts.admin_id', 'owner', who='owner', day='terminated.left_on') }}
    from accounts
    join {{ ref('persons') }} as persons on persons.email = accounts.owner
    left join terminated on terminated.email = accounts.owner
    where account_type = 'service' and (terminated.email is not null or not persons.is_employed)
    union all
    select {{ fact('service_unknown', subject='email', who='email', note="case when is_bot then 'bot' end") }}
    from {{ source('input', 'service_accounts') }} join {{ source('input', 'addresses') }} using (email)
    where is_bot or email not in (select email from {{ ref('people') }} where is_there and email is not null)
    union all
    select {{ fact(
        'no_reviewer', "case when problem <> 'no default' then grants.admin_id end", 'problem', number='count(*)',
        note='problem'
    ) }}
    from {{ ref('assignments') }} join {{ ref('stg_grants') }} as grants using (access_key)
    where problem is not null and access_key not in (
        select access_key from {{ source('input', 'worksheet_rows') }} where reviewer is not null
    )
    group by case when problem <> 'no default' then grants.admin_id end, problem
    union all
    select {{ fact('no_role', 'admin_id') }} from {{ ref('privileged_access') }} where is_unknown
    union all
    select {{ fact('privileged_inactive', 'admin_id', day='inactive.last_activity_on', due_on='inactive.known_since') }}
    from {{ ref('privileged_access') }} join {{ ref('inactive_accounts') }} as inactive using (admin_id)
    where (is_privileged or is_unknown) and account_type <> 'bot'
    union all
    select {{ fact('seat_inactive', 'admin_id', day='last_activity_on', due_on='known_since') }}
    from accounts join {{ ref('inactive_accounts') }} using (admin_id) where has_inbox_seat
    union all
    select {{ fact('no_address', 'admin_id') }} from persons where email is null
    union all
    select {{ fact('not_employed', 'admin_id') }}
    from persons where not is_employed
    union all
    select {{ fact('personal_mailbox', 'admin_id') }}
    from persons join {{ source('input', 'addresses') }} using (email)
    where is_personal
    union all
    select {{ fact('shared_mailbox', 'admin_id') }}
    from persons join {{ source('input', 'addresses') }} using (email)
    where is_shared
    union all
    select {{ fact('unknown_member', 'members.admin_id', 'team_id', thing='coalesce(label, team_id)') }}
    from members left join {{ ref('things') }} on kind = 'team' and thing_id = team_id
    where members.admin_id not in (select admin_id from {{ source('input', 'loaded_admins') }})
    union all
    select {{ fact('no_team', 'admin_id') }} from persons where admin_id not in (select admin_id from members)
)

select
    facts.item || '/' || coalesce(facts.admin_id, '') || '/' || facts.subject as item_key,
    facts.*, people.name, people.label, people.email, coalesce(people.position, 0) as position
from facts left join {{ ref('people') }} as people on people.admin_id = facts.admin_id
