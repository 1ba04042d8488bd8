-- What is unusual about an account, as far as the lists tell.
select 'no_team' as finding, admin_id, 'is in no team' as detail
from {{ ref('stg_admins') }}
where admin_id not in (select admin_id from {{ ref('stg_memberships') }})
union all
select 'no_role', admin_id, 'has no role' from {{ ref('stg_admins') }} where role_name is null
union all
select
    'seat_quiet', admin_id,
    'has an inbox seat, and ' || coalesce(
        'the last event is of ' || cast(cast(last_event_at as date) as varchar),
        'no event since ' || cast(cast(known_since as date) as varchar) || ', from when on logs were read'
    )
from {{ ref('stg_admins') }} join {{ ref('last_events') }} using (admin_id)
where has_inbox_seat
    and cast(coalesce(last_event_at, known_since) as date) <= cast({{ as_of() }} as date) - 90
union all
select 'unknown_member', admin_id, 'is in team ' || team_id || ', but not in the list of teammates'
from {{ ref('stg_memberships') }}
where admin_id not in (select admin_id from {{ ref('stg_admins') }})
union all
select 'shared_mailbox', admin_id, 'the address looks like a shared mailbox'
from {{ ref('stg_admins') }}
where split_part(email, '@', 1) in (
    'admin', 'billing', 'contact', 'hello', 'help', 'hi', 'info', 'inbox', 'office', 'sales',
    'service', 'support', 'team'
)
union all
select 'personal_mailbox', admin_id, 'the address is of a provider of personal mailboxes'
from {{ ref('stg_admins') }}
where split_part(email, '@', 2) in (
    'aol.com', 'gmail.com', 'gmx.de', 'gmx.net', 'googlemail.com', 'hotmail.com', 'icloud.com',
    'live.com', 'me.com', 'outlook.com', 'proton.me', 'protonmail.com', 'web.de', 'yahoo.com'
)
union all
select 'not_employed', admin_id, 'is not in the list of employees'
from {{ ref('stg_admins') }}
where exists (select 1 from {{ ref('employees') }})
    and coalesce(email, '') not in (select email from {{ ref('employees') }})
