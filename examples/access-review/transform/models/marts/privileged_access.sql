-- Who has a privileged role now, whose power is not known, and whose token reads all this. Without a
-- role, permissions may be set by hand, up to all of them: permissions_by_hand.csv says who looked.
with last_roles as (
    select admin_id, max(dbt_valid_to) as gone_at from {{ ref('grant_history') }} where kind = 'role'
    group by admin_id
),

accounts as (
    select
        people.*, grants.reviewer, greatest(grants.since, last_roles.gone_at) as since,
        things.label as role_name,
        coalesce(by_hand.is_privileged, grants.is_privileged, false) as is_privileged,
        people.role_id is null and people.account_type <> 'bot' and by_hand.email is null as is_unknown,
        people.role_id is null and by_hand.email is not null as is_by_hand
    from {{ ref('people') }} as people
    left join {{ ref('access_grants') }} as grants
        on grants.admin_id = people.admin_id
        and grants.kind = case when people.role_id is null then 'workspace' else 'role' end
    left join last_roles on last_roles.admin_id = people.admin_id and people.role_id is null
    left join {{ ref('things') }} as things on things.kind = 'role' and things.thing_id = people.role_id
    left join {{ ref('permissions_by_hand') }} as by_hand
        on by_hand.email = people.email and people.role_id is null
    where people.is_there
)

select
    coalesce(accounts.admin_id, workspaces.token_admin_id) as admin_id,
    coalesce(accounts.name, workspaces.token_admin_name) as name,
    coalesce(accounts.label, workspaces.token_admin_name) as label,
    coalesce(accounts.email, workspaces.token_admin_email) as email,
    coalesce(accounts.account_type, 'person') as account_type,
    accounts.role_name, accounts.since,
    accounts.since <= (select min(as_of) from {{ ref('syncs') }}) as or_earlier,
    accounts.since in (select as_of from {{ ref('syncs') }} where is_pretended) as is_pretended,
    last_events.last_event_at, last_events.last_event_type, last_events.known_since,
    accounts.reviewer,
    coalesce(accounts.left_on, persons.left_on) as left_on,
    workspaces.token_admin_id is not null as is_token_owner,
    accounts.admin_id is not null as is_there,
    coalesce(accounts.is_privileged, false) as is_privileged,
    coalesce(accounts.is_unknown, false) as is_unknown,
    coalesce(accounts.is_by_hand, false) as is_by_hand
from accounts
full join {{ ref('stg_workspaces') }} as workspaces on workspaces.token_admin_id = accounts.admin_id
left join {{ ref('last_events') }} as last_events on last_events.admin_id = accounts.admin_id
left join {{ ref('persons') }} as persons on persons.email = workspaces.token_admin_email
where accounts.is_privileged or accounts.is_unknown or workspaces.token_admin_id is not null
