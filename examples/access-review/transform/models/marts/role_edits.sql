-- Events since the previous review that say that a role was changed, and not whose role: who edits a
-- role changes what all its holders may do. Which role it is, is not known where a name fits several
-- roles, a role that nobody has, or a person.
with events as (
    select * from {{ ref('stg_activity_logs') }} as events
    where activity_type = 'role_change' and happened_at > {{ previous_review() }}
        and not exists (
            select 1 from {{ ref('event_names') }} as persons
            where persons.event_id = events.event_id and persons.kind = 'person'
                and not persons.may_be_thing and (not persons.is_doer or persons.times_named > 1)
        )
),

named as (
    select event_id, term, min(id) as thing_id
    from {{ ref('event_names') }} as names
    where kind = 'role' and not is_assigned and (
        is_role_named
        or {{ folded('term') }} not in (select {{ folded('name') }} from {{ ref('admin_history') }} where name is not null)
    )
    group by event_id, term
    having count(distinct id) = 1
)

select
    events.event_id, events.happened_at, coalesce(events.sentence, 'without a sentence') as sentence,
    roles.thing_id, roles.label,
    (
        select string_agg(people.label, ', ' order by people.admin_id)
        from {{ ref('people') }} as people
        where people.is_there and people.role_id = roles.thing_id
    ) as holders
from events
left join named on named.event_id = events.event_id
left join {{ ref('things') }} as roles on roles.kind = 'role' and roles.thing_id = named.thing_id
