-- Names and addresses that changed since the previous sync. These changes don't affect access.
with versions as (
    select
        admin_id || '/person' as history_key, admin_id, 'person' as kind, '' as thing_id,
        coalesce(nullif(names.shown, ''), 'no name') as name, coalesce(names.name_key, '') as name_key,
        coalesce(email, 'no address') as email, dbt_valid_from as seen_at
    from {{ ref('admin_history') }} left join {{ source('input', 'names') }} as names using (name)
    union all
    select thing_key, null, kind, thing_id, names.shown, names.name_key, 'no address', dbt_valid_from
    from {{ ref('thing_history') }} left join {{ source('input', 'names') }} as names using (name)
),

compared as (
    select
        *, lag(name) over history as old_name, lag(email) over history as old_email,
        name_key <> lag(name_key) over history as has_new_name, email <> lag(email) over history as has_new_email
    from versions
    window history as (partition by history_key order by seen_at)
)

select
    history_key || '/renamed/' || cast(seen_at as varchar) as change_key,
    admin_id, kind, thing_id, seen_at,
    case when kind <> 'person' then kind || ' renamed' when has_new_name then 'renamed' else 'address changed' end
        as change,
    concat_ws(', ', case when has_new_name then old_name end, case when has_new_email then old_email end) as old_thing,
    concat_ws(', ', case when has_new_name then name end, case when has_new_email then email end) as thing,
    (select max(as_of) from {{ ref('syncs') }} where as_of < seen_at) as before_at
from compared
where has_new_name or has_new_email
