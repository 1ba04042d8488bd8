-- Addresses that are only in the teammates export, or only in the API's list. Whether the export lists
-- Intercom's own bot isn't documented, so the bot is left out of both.
with listed as (
    select admin_id, email from {{ ref('people') }}
    where is_there and account_type <> 'bot' and email is not null
        and exists (select 1 from {{ source('input', 'exported_teammates') }})
)

select
    case when listed.email is null then 'export' else 'list' end as side,
    listed.admin_id, coalesce(listed.email, exported.email) as email
from {{ source('input', 'exported_teammates') }} as exported full join listed on listed.email = exported.email
where exported.email is null or listed.email is null
