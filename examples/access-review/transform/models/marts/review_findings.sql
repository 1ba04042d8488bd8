-- What a reviewer should look at first.
with sign_ins as (
    select performed_by_id as admin_id, max(happened_at) as last_at
    from {{ ref('stg_activity_logs') }} where activity_type = 'admin_login_success' group by 1
),

findings as (
    select 'no_team' as finding, admin_id, 'is in no team' as detail
    from {{ ref('stg_admins') }} anti join {{ ref('stg_memberships') }} using (admin_id)
    union all
    select 'no_role', admin_id, 'has no role' from {{ ref('stg_admins') }} where role_name is null
    union all
    select
        'seat_unused', admin_id,
        coalesce('last signed in on ' || strftime(last_at, '%Y-%m-%d'), 'never signed in')
    from {{ ref('stg_admins') }} left join sign_ins using (admin_id)
    where has_inbox_seat
        and exists (select 1 from sign_ins)
        and coalesce(last_at, timestamp '1970-01-01') < {{ reviewed_at() }} - interval 90 days
    union all
    select 'unknown_member', admin_id, 'is in team ' || team_id || ', but no teammate'
    from {{ ref('stg_memberships') }} anti join {{ ref('stg_admins') }} using (admin_id)
    union all
    select 'shared_mailbox', admin_id, 'seems to be a shared mailbox'
    from {{ ref('stg_admins') }}
    where split_part(email, '@', 1) in (
        'admin', 'billing', 'contact', 'hello', 'help', 'hi', 'info', 'inbox', 'office', 'sales',
        'service', 'support', 'team'
    )
    union all
    select 'personal_mailbox', admin_id, 'has a personal mailbox'
    from {{ ref('stg_admins') }}
    where split_part(email, '@', 2) in (
        'aol.com', 'gmail.com', 'gmx.de', 'gmx.net', 'googlemail.com', 'hotmail.com', 'icloud.com',
        'live.com', 'me.com', 'outlook.com', 'proton.me', 'protonmail.com', 'web.de', 'yahoo.com'
    )
    union all
    select 'not_employed', admin_id, 'is not in the list of employees'
    from {{ ref('stg_admins') }} as admins
    where exists (select 1 from {{ ref('employees') }})
        and not exists (
            select 1 from {{ ref('employees') }} as employees
            where lower(employees.email) = admins.email
        )
)

select finding || '/' || admin_id || '/' || detail as finding_key, findings.*, name, email
from findings left join {{ ref('stg_admins') }} using (admin_id)
