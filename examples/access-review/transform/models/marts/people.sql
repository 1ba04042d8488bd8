-- Every account that there ever was, as it was seen last: what it is, and whose.
with latest as (
    select distinct on (admin_id)
        admin_id, case when {{ seen('name') }} <> '' then trim(name) end as name, email, job_title,
        role_id, has_inbox_seat,
        dbt_valid_to is null as is_there
    from {{ ref('admin_history') }}
    order by admin_id, dbt_valid_from desc
),

typed as (
    select
        latest.*, services.owner,
        case
            when {{ is_bot('latest.email') }} then 'bot'
            when services.email is not null then 'service'
            else 'person'
        end as account_type
    from latest
    left join {{ ref('service_accounts') }} as services
        on services.email = latest.email and not {{ is_bot('latest.email') }}
)

select
    typed.*,
    case when account_type = 'person' then coalesce(persons.person, 'id ' || admin_id) else 'id ' || admin_id end as person,
    case when account_type = 'person' then persons.left_on end as left_on,
    account_type = 'person' and coalesce(persons.is_employed, false) as is_employed,
    case
        when name is null then admin_id
        when count(*) over (partition by {{ folded('name') }}) = 1 then name
        when count(*) over (partition by {{ folded('name') }}, typed.email) = 1 and typed.email is not null
            then name || ' (' || typed.email || ')'
        else name || ' (' || coalesce(typed.email || ', ', '') || 'id ' || admin_id || ')'
    end as label
from typed left join {{ ref('persons') }} as persons on persons.email = typed.email
