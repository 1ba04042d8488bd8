-- Every change of an entitlement between two syncs: given, removed, or with another role or level.
with versions as (
    select
        *,
        lag(thing_id) over history as old_thing_id,
        lag(level) over history as old_level,
        lag(dbt_valid_to) over history as old_valid_to,
        lead(dbt_valid_from) over history as next_valid_from
    from {{ ref('grant_history') }}
    window history as (partition by grant_key order by dbt_valid_from)
),

changes as (
    select
        grant_key, access_key, admin_id, kind, thing_id, level,
        case when old_valid_to = dbt_valid_from then old_thing_id end as old_thing_id,
        case when old_valid_to = dbt_valid_from then old_level end as old_level,
        dbt_valid_from as seen_at,
        case when old_valid_to = dbt_valid_from then 'changed' else 'given' end as change
    from versions where dbt_valid_from > {{ first_sync() }}
    union all
    select grant_key, access_key, admin_id, kind, thing_id, level, null, null, dbt_valid_to, 'removed'
    from versions
    where dbt_valid_to is not null and next_valid_from is distinct from dbt_valid_to
)

select
    grant_key || '/' || change || '/' || cast(seen_at as varchar) as change_key,
    grant_key, access_key, admin_id, kind, thing_id, level, old_thing_id, old_level, seen_at,
    case
        when kind = 'workspace' then case when change = 'given' then 'joined' else 'left' end
        else kind || ' ' || change
    end as change,
    (select max(as_of) from {{ ref('syncs') }} where as_of < seen_at) as before_at
from changes
