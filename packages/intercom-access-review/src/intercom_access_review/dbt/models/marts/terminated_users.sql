-- The time from the last day of work to the end of access, for each account of an employee who left.
with accounts as (
    select
        admin_id, name, label, email, is_there, left_on, position as person_position, removed_detected_at,
        left_on + (select max(terminated_days) from {{ source('input', 'sync_facts') }}) as due_on,
        (select max(as_of) from {{ ref('syncs') }} where as_of < removed_detected_at) as last_observed_at,
        case when not is_there then (
            select string_agg(coalesce(others.email, others.admin_id), ', ' order by others.admin_id)
            from {{ ref('people') }} as others
            where others.is_there and (others.person = people.person or others.email = people.email)
        ) end as other_accounts
    from {{ ref('people') }} as people
    where left_on <= {{ today() }}
)

select
    *,
    cast(coalesce(last_observed_at, {{ as_of() }}) as date) - left_on as days_at_least,
    cast(coalesce(removed_detected_at, {{ as_of() }}) as date) - left_on as days_at_most,
    {{ timeliness('is_there', 'last_observed_at', 'removed_detected_at') }} as timeliness,
    row_number() over (order by not is_there, left_on, person_position) as position
from accounts
