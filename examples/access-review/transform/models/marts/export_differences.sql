-- Who is only in the teammates' export of Intercom's screen, and who only in the list of its API, by
-- address. Nobody knows whether the export has Intercom's own bot, so the bot is left out of both.
with exported as (
    select email from {{ ref('teammates_export') }} where email is not null and not {{ is_bot('email') }}
),

listed as (
    select admin_id, email from {{ ref('people') }}
    where is_there and account_type <> 'bot' and email is not null
        and exists (select 1 from {{ ref('teammates_export') }} where email is not null)
)

select
    case when listed.email is null then 'export' else 'list' end as side,
    listed.admin_id, coalesce(listed.email, exported.email) as email
from exported full join listed on listed.email = exported.email
where exported.email is null or listed.email is null
