-- Every account, including former ones, with its last values, its type, and its person. The collation "C"
-- sorts by bytes here and elsewhere, so that the order doesn't depend on the locale of the database.
with latest as (
    select distinct on (admin_id)
        admin_id, name, email, job_title, role_id, has_inbox_seat, dbt_valid_to as removed_detected_at,
        dbt_valid_to is null as is_there
    from {{ ref('admin_history') }}
    order by admin_id, dbt_valid_from desc
),

typed as (
    select
        latest.admin_id, nullif(names.shown, '') as name, coalesce(names.name_key, '') as name_key, latest.email,
        job_title, role_id, has_inbox_seat, is_there, removed_detected_at, services.owner,
        case when addresses.is_bot then 'bot' when services.email is not null then 'service' else 'person' end
            as account_type
    from latest
    left join {{ source('input', 'names') }} as names on names.name = latest.name
    left join {{ source('input', 'addresses') }} as addresses on addresses.email = latest.email
    left join {{ source('input', 'service_accounts') }} as services
        on services.email = latest.email and not addresses.is_bot
)

select
    typed.*,
    coalesce(case when account_type = 'person' then persons.person end, 'id ' || admin_id) as person,
    case when account_type = 'person' then persons.left_on end as left_on,
    account_type = 'person' and persons.is_employed as is_employed,
    case
        when name is null then admin_id
        when count(*) over (partition by name_key) = 1 then name
        when count(*) over (partition by name_key, typed.email) = 1 and typed.email is not null
            then name || ' (' || typed.email || ')'
        else name || ' (' || coalesce(typed.email || ', ', '') || 'id ' || admin_id || ')'
    end as label,
    row_number() over (order by account_type collate "C", name_key collate "C", admin_id) as position
from typed left join {{ ref('persons') }} as persons on persons.email = typed.email
