-- Events since the previous review that name a role and nobody: who edits a role changes what all
-- its holders may do.
select
    events.event_id, events.happened_at, events.sentence, roles.thing_id, roles.label,
    (
        select string_agg(people.label, ', ' order by people.admin_id)
        from {{ ref('people') }} as people
        where people.is_there and people.role_id = roles.thing_id
    ) as holders
from {{ ref('stg_activity_logs') }} as events
join {{ ref('event_names') }} as names on names.event_id = events.event_id and names.kind = 'role'
join {{ ref('things') }} as roles on roles.kind = 'role' and roles.thing_id = names.id
where events.activity_type = 'role_change'
    and events.happened_at > {{ previous_review() }}
    and not names.is_assigned
    and not exists (
        select 1 from {{ ref('event_names') }} as persons
        where persons.event_id = events.event_id and persons.kind = 'person'
            and (not persons.is_doer or persons.times_named > 1)
            and {{ folded('persons.term') }} not in (select {{ folded('name') }} from {{ ref('thing_history') }})
    )
group by events.event_id, events.happened_at, events.sentence, roles.thing_id, roles.label
