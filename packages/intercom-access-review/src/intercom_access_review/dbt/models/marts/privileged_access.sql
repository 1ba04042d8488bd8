-- Holders of privileged roles, accounts whose permissions aren't known, and the owner of the access
-- token. Accounts without a role can have custom permissions, which can include all permissions.
with last_roles as (
    select admin_id, max(dbt_valid_to) as removed_at from {{ ref('grant_history') }} where kind = 'role'
    group by admin_id
),

accounts as (
    select
        people.*, grants.reviewer, greatest(grants.first_observed, last_roles.removed_at) as role_since,
        things.label as role_name,
        coalesce(manual.is_privileged, grants.is_privileged, false) as is_privileged,
        people.role_id is null and people.account_type <> 'bot' and manual.email is null as is_unknown,
        people.role_id is null and manual.email is not null as is_manual
    from {{ ref('people') }} as people
    left join {{ ref('access_grants') }} as grants
        on grants.admin_id = people.admin_id
        and grants.kind = case when people.role_id is null then 'workspace' else 'role' end
    left join last_roles on last_roles.admin_id = people.admin_id and people.role_id is null
    left join {{ ref('things') }} as things on things.kind = 'role' and things.thing_id = people.role_id
    left join {{ source('input', 'manual_permissions') }} as manual
        on manual.email = people.email and people.role_id is null
    where people.is_there
)

select
    coalesce(accounts.admin_id, facts.token_admin_id) as admin_id,
    coalesce(accounts.name, facts.token_admin_name) as name,
    coalesce(accounts.label, facts.token_admin_name) as label,
    coalesce(accounts.email, facts.token_admin_email) as email,
    coalesce(accounts.account_type, 'person') as account_type,
    accounts.role_name, accounts.role_since as first_observed,
    accounts.role_since <= {{ first_sync() }} as or_earlier,
    activity.last_activity_at, activity.last_activity_type, activity.known_since,
    accounts.reviewer,
    coalesce(accounts.left_on, persons.left_on) as left_on,
    facts.token_admin_id is not null as is_token_owner,
    accounts.admin_id is not null as is_there,
    coalesce(accounts.is_privileged, false) as is_privileged,
    coalesce(accounts.is_unknown, false) as is_unknown,
    coalesce(accounts.is_manual, false) as is_manual,
    row_number() over (
        order by facts.token_admin_id is null, coalesce(accounts.is_unknown, false), accounts.position
    ) as position
from accounts
full join {{ source('input', 'sync_facts') }} as facts on facts.token_admin_id = accounts.admin_id
left join {{ ref('last_activity') }} as activity on activity.admin_id = accounts.admin_id
left join {{ ref('persons') }} as persons on persons.email = facts.token_admin_email
where accounts.is_privileged or accounts.is_unknown or facts.token_admin_id is not null
