-- Who has a privileged role now, and whose token reads all this.
select
    coalesce(admins.admin_id, workspaces.token_admin_id) as admin_id,
    coalesce(admins.name, workspaces.token_admin_name) as name,
    coalesce(admins.email, workspaces.token_admin_email) as email,
    admins.role_name,
    grants.since,
    grants.or_earlier,
    last_events.last_event_at,
    last_events.last_event_type,
    last_events.known_since,
    grants.reviewer,
    employees.left_on,
    workspaces.token_admin_id is not null as is_token_owner,
    admins.admin_id is not null as is_there,
    coalesce(grants.is_privileged, false) as is_privileged
from {{ ref('stg_admins') }} as admins
full join {{ ref('stg_workspaces') }} as workspaces on workspaces.token_admin_id = admins.admin_id
left join {{ ref('access_grants') }} as grants
    on grants.admin_id = admins.admin_id and grants.kind = 'role'
left join {{ ref('last_events') }} as last_events on last_events.admin_id = admins.admin_id
left join {{ ref('employees') }} as employees
    on employees.email = coalesce(admins.email, workspaces.token_admin_email)
where grants.is_privileged or workspaces.token_admin_id is not null
