-- Whose an address is, for each address in the workspace and in the seeds: of an employee, also by
-- another address of theirs or one with a plus, or else of whoever has this mailbox.
with addresses as (
    select email from {{ ref('admin_history') }}
    union
    select reviewer from {{ ref('reviewers') }}
    union
    select owner from {{ ref('service_accounts') }}
    union
    select token_admin_email from {{ ref('stg_workspaces') }}
),

mailboxes as (
    select {{ mailbox('email') }} as mailbox, min(person) as person, max(left_on) as left_on
    from {{ ref('employees') }}
    group by 1
    having count(distinct person) = 1
)

select
    addresses.email,
    coalesce(exact.person, mailboxes.person, {{ mailbox('addresses.email') }}) as person,
    case when exact.email is null then mailboxes.left_on else exact.left_on end as left_on,
    coalesce(exact.email, mailboxes.mailbox) is not null as is_employed
from addresses
left join {{ ref('employees') }} as exact on exact.email = addresses.email
left join mailboxes on mailboxes.mailbox = {{ mailbox('addresses.email') }}
where addresses.email is not null
