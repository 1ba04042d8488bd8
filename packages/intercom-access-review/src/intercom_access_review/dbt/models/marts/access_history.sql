-- The changes of entitlements and names between all syncs.
with changes as (
    select
        changes.*, coalesce(new.label, case when changes.kind = 'seat' then 'inbox' else '' end) as thing,
        old.label as old_thing
    from {{ ref('grant_changes') }} as changes
    left join {{ ref('things') }} as new on new.kind = changes.kind and new.thing_id = changes.thing_id
    left join {{ ref('things') }} as old on old.kind = changes.kind and old.thing_id = changes.old_thing_id
    union all
    select
        change_key, null, null, admin_id, kind, thing_id, null, thing_id, null, seen_at, change, before_at,
        thing, old_thing
    from {{ ref('renames') }}
)

select
    changes.*, people.name, people.email, people.label,
    row_number() over (order by seen_at, people.position, change_key collate "C") as position
from changes left join {{ ref('people') }} as people on people.admin_id = changes.admin_id
