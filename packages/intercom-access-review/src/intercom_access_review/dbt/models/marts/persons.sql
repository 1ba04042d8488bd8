-- The person of each address: an employee with this address or mailbox (the address without a plus and
-- the part after it), or else the mailbox.
with mailboxes as (
    select addresses.mailbox, min(person) as person, max(left_on) as left_on
    from {{ source('input', 'employees') }} join {{ source('input', 'addresses') }} as addresses using (email)
    group by addresses.mailbox
    having count(distinct person) = 1
)

select
    addresses.email,
    coalesce(exact.person, mailboxes.person, addresses.mailbox) as person,
    case when exact.email is null then mailboxes.left_on else exact.left_on end as left_on,
    -- Null if there are no employees.
    case when exists (select 1 from {{ source('input', 'employees') }})
        then coalesce(exact.email, mailboxes.mailbox) is not null end as is_employed
from {{ source('input', 'addresses') }} as addresses
left join {{ source('input', 'employees') }} as exact on exact.email = addresses.email
left join mailboxes on mailboxes.mailbox = addresses.mailbox
