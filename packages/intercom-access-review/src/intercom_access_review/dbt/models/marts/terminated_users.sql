-- From the last day of work to the end of access, for each account of an employee who left.
with accounts as (
    select
        admin_id, name, label, email, is_there, left_on, position as person_position,
        left_on + (select max(terminated_days) from {{ source('input', 'sync_facts') }}) as due_on
    from {{ ref('people') }}
    where left_on <= {{ today() }}
),

ended as (
    select admin_id, max(seen_at) as seen_at, max(before_at) as before_at
    from {{ ref('grant_changes') }} where change = 'left' group by admin_id
),

joined as (
    select
        accounts.*,
        case when not is_there then ended.before_at end as last_observed_at,
        case when not is_there then ended.seen_at end as removed_detected_at,
        case when not is_there then (
            select string_agg(other_label, ', ' order by other_id)
            from {{ ref('other_accounts') }} as others where others.admin_id = accounts.admin_id
        ) end as other_accounts
    from accounts left join ended on ended.admin_id = accounts.admin_id
)

select
    *,
    cast(coalesce(last_observed_at, {{ as_of() }}) as date) - left_on as days_at_least,
    cast(coalesce(removed_detected_at, {{ as_of() }}) as date) - left_on as days_at_most,
    {{ timeliness('is_there', 'last_observed_at', 'removed_detected_at') }} as timeliness,
    row_number() over (order by not is_there, left_on, person_position) as position
from joined
