-- Every change between two syncs, with who did it where exactly one event between them tells. What
-- somebody lost with their removal has its author; teams may be lost with an inbox seat.
with changes as (
    select
        changes.change_key, grant_key, access_key, admin_id, changes.kind, changes.thing_id, level,
        old_level, changes.change, before_at, seen_at, changes.old_thing_id,
        coalesce(new.label, case when changes.kind = 'seat' then 'inbox' else '' end) as thing,
        old.label as old_thing
    from {{ ref('grant_changes') }} as changes
    left join {{ ref('things') }} as new on new.kind = changes.kind and new.thing_id = changes.thing_id
    left join {{ ref('things') }} as old on old.kind = changes.kind and old.thing_id = changes.old_thing_id
    union all
    select
        change_key, null, null, admin_id, kind, thing_id, null, null, change, before_at, seen_at, thing_id,
        thing, old_thing
    from {{ ref('renames') }}
),

joined as (
    select
        changes.*, events.event_id, events.telling, whole.event_id as whole_event_id,
        whole.telling as whole_telling,
        whole_change.change_key is not null as is_with_removal,
        seat.change_key is not null as is_with_seat
    from changes
    left join {{ ref('change_events') }} as events on events.change_key = changes.change_key
    left join {{ ref('grant_changes') }} as whole_change
        on whole_change.admin_id = changes.admin_id and whole_change.seen_at = changes.seen_at
        and whole_change.change = 'left' and changes.change in ('role taken', 'seat taken', 'team taken')
    left join {{ ref('change_events') }} as whole on whole.change_key = whole_change.change_key
    left join {{ ref('grant_changes') }} as seat
        on seat.admin_id = changes.admin_id and seat.seen_at = changes.seen_at
        and seat.change = 'seat taken' and changes.change = 'team taken'
)

select
    joined.change_key, grant_key, access_key, joined.admin_id, kind, thing_id, thing, level,
    old_thing_id, old_thing, old_level, change, before_at, seen_at,
    people.name, people.email, people.label,
    case
        when joined.event_id is not null then null
        when is_with_removal then 'removal'
        when is_with_seat and joined.telling is null then 'seat'
    end as went_with,
    coalesce(joined.telling, case when is_with_removal then whole_telling end, 'none') as telling,
    logs.performed_by_email as done_by, logs.happened_at as done_at, logs.sentence as done_in_words
from joined
left join {{ ref('people') }} as people on people.admin_id = joined.admin_id
left join {{ ref('stg_activity_logs') }} as logs
    on logs.event_id = coalesce(joined.event_id, case when is_with_removal then whole_event_id end)
