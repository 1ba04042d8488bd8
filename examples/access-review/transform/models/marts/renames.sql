-- Who and what is called otherwise than in the sync before: nobody got or lost anything by it.
with versions as (
    select
        admin_id || '/person' as name_key, admin_id, 'person' as kind, '' as thing_id,
        coalesce(name, '') as name, coalesce(email, '') as email, dbt_valid_from as seen_at
    from {{ ref('admin_history') }}
    union all
    select thing_key, null, kind, thing_id, name, '', dbt_valid_from from {{ ref('thing_history') }}
),

compared as (
    select
        *, lag(name) over history as old_name, lag(name_seen) over history as old_name_seen,
        lag(email) over history as old_email
    from (select *, {{ seen('name') }} as name_seen from versions) as versions
    window history as (partition by name_key order by seen_at)
)

select
    name_key || '/renamed/' || cast(seen_at as varchar) as change_key,
    admin_id, kind, thing_id, seen_at,
    case when kind = 'person' then case when name_seen = old_name_seen then 'address changed' else 'renamed' end
        else kind || ' renamed' end as change,
    case when name_seen = old_name_seen then {{ or_none('old_email', 'address') }}
        when email = old_email then {{ or_none('old_name', 'name') }}
        else {{ or_none('old_name', 'name') }} || ', ' || {{ or_none('old_email', 'address') }} end as old_thing,
    case when name_seen = old_name_seen then {{ or_none('email', 'address') }}
        when email = old_email then {{ or_none('name', 'name') }}
        else {{ or_none('name', 'name') }} || ', ' || {{ or_none('email', 'address') }} end as thing,
    (select max(as_of) from {{ ref('syncs') }} where as_of < seen_at) as before_at
from compared
where old_name is not null and (name_seen <> old_name_seen or email <> old_email)
