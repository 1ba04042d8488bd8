-- What is unusual about an account, as far as the lists tell. A bot is nobody, and a service account
-- is in no list of people.
with accounts as (select * from {{ ref('people') }} where is_there and account_type <> 'bot'),

persons as (select * from accounts where account_type = 'person')

select 'no_team' as finding, admin_id, 'is in no team' as detail, '' as of_what
from persons where admin_id not in (select admin_id from {{ ref('stg_memberships') }})
union all
select 'no_role', admin_id, 'has no role; permissions set by hand: look in Intercom', ''
from {{ ref('privileged_access') }} where is_unknown
union all
select 'seat_quiet', admin_id, 'has an inbox seat, and ' || since_when, ''
from accounts join {{ ref('quiet_accounts') }} using (admin_id) where has_inbox_seat
union all
select 'privileged_quiet', quiet.admin_id, 'has privileged access, and ' || since_when, ''
from {{ ref('privileged_access') }}
join {{ ref('quiet_accounts') }} as quiet using (admin_id)
where (is_privileged or is_unknown) and account_type <> 'bot'
union all
select
    'unknown_member', admin_id, 'is in team ' || coalesce(label, team_id) || ', but not in the list of teammates',
    team_id
from {{ ref('stg_memberships') }}
left join {{ ref('things') }} on kind = 'team' and thing_id = team_id
where admin_id not in (select admin_id from {{ ref('stg_admins') }})
union all
select 'shared_mailbox', admin_id, 'the address looks like a shared mailbox', ''
from persons where {{ local_part('email') }} in (
    'admin', 'billing', 'contact', 'hello', 'help', 'hi', 'info', 'inbox', 'office', 'sales',
    'service', 'support', 'team'
)
union all
select 'personal_mailbox', admin_id, 'the address is of a provider of personal mailboxes', ''
from persons where split_part(email, '@', 2) in (
    'aol.com', 'gmail.com', 'gmx.de', 'gmx.net', 'googlemail.com', 'hotmail.com', 'icloud.com',
    'live.com', 'me.com', 'outlook.com', 'proton.me', 'protonmail.com', 'web.de', 'yahoo.com'
)
union all
select 'not_employed', admin_id, 'is not in the list of employees', ''
from persons where not is_employed and email is not null and exists (select 1 from {{ ref('employees') }})
union all
select 'no_address', admin_id, 'has no address: whether it is an employee is not known', ''
from persons where email is null
