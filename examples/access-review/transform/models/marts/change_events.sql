-- Which events between the two syncs around a change tell of it: for certain, or perhaps.
-- The logs are read before the lists, so an event may be a little older than the sync before. Who
-- joins was invited before, and not seen then.
with spans as (
    select
        changes.*,
        least(before_at, coalesce(syncs.logs_read_to, before_at)) as begin_at,
        change = 'joined' and not exists (
            select 1 from {{ ref('grant_history') }} as earlier
            where earlier.grant_key = changes.grant_key and earlier.dbt_valid_from < changes.seen_at
        ) as is_first
    from {{ ref('grant_changes') }} as changes
    left join {{ ref('syncs') }} as syncs on syncs.as_of = changes.before_at
),

near as (
    select changes.change_key, changes.admin_id, changes.kind, changes.thing_id, logs.event_id
    from spans as changes
    join {{ ref('change_types') }} as types on types.change = changes.change
    join {{ ref('stg_activity_logs') }} as logs
        on logs.activity_type = types.activity_type
        and logs.happened_at > changes.begin_at - case when is_first then interval '30 days' else interval '0 days' end
        and logs.happened_at <= changes.seen_at
),

-- Of two teams of one name, the sentence does not tell which one somebody was taken out of.
teams as (
    select near.change_key, near.event_id, count(distinct others.thing_id) as fitting
    from near
    join {{ ref('event_names') }} as names
        on names.event_id = near.event_id and names.kind = 'team' and names.id = near.thing_id
    join near as others
        on others.event_id = near.event_id and others.admin_id = near.admin_id and others.kind = 'team'
    join {{ ref('event_names') }} as same
        on same.event_id = near.event_id and same.kind = 'team' and same.id = others.thing_id
        and same.term = names.term
    where near.kind = 'team'
    group by near.change_key, near.event_id
),

certain as (
    select near.change_key, near.event_id
    from near
    join {{ ref('event_subjects') }} as subjects
        on subjects.event_id = near.event_id and subjects.admin_id = near.admin_id
    left join teams on teams.change_key = near.change_key and teams.event_id = near.event_id
    where near.kind <> 'team' or teams.fitting = 1
),

-- Who did something, and is the only one whom the sentence names, may have done it to themselves.
others as (
    select distinct event_id from {{ ref('event_names') }} where kind = 'person' and not is_doer
),

mentions as (
    select near.change_key
    from near join {{ ref('event_names') }} as names on names.event_id = near.event_id
    where (
        names.kind = 'person' and names.id = near.admin_id
        and (not is_doer or times_named > 1 or near.event_id not in (select event_id from others))
    )
        or (near.kind = 'team' and names.kind = 'team' and names.id = near.thing_id)
)

select
    change_key,
    case when count(certain.event_id) = 1 then min(certain.event_id) end as event_id,
    case count(certain.event_id) when 0 then 'perhaps' when 1 then 'one' else 'several' end as telling
from certain full join (select distinct change_key from mentions) as mentions using (change_key)
group by change_key
