-- Events that no review knew yet, and that say that a role was changed, and not whose role: who edits a
-- role changes what all its holders may do. Which role it is, is not known where a name fits several
-- roles, a role that nobody has, or a person, or where somebody stands beside it whom no list knows.
with events as (
    select * from {{ ref('stg_activity_logs') }} as events
    where activity_type = 'role_change' and happened_at > {{ events_known_to(previous_review()) }}
        and not exists (
            select 1 from {{ ref('event_names') }} as persons
            where persons.event_id = events.event_id and persons.kind = 'person'
                and not persons.may_be_thing and (not persons.is_doer or persons.times_named > 1)
        )
),

masks as (
    select event_id, string_agg(term, '|' order by length(term) desc) as terms
    from (
        select distinct event_id, {{ literally('term') }} as term
        from {{ ref('event_names') }} where kind in ('person', 'role')
    ) as terms
    group by event_id
),

strangers as (
    select event_id from events join masks using (event_id)
    where {{ names_somebody("regexp_replace(sentence, terms, '#', 'g')") }}
),

named as (
    select distinct event_id, min(id) as thing_id -- a sentence may hold the old and the new name
    from {{ ref('event_names') }}
    where kind = 'role' and is_role_named and not is_assigned
        and event_id not in (select event_id from strangers)
    group by event_id, term
    having count(distinct id) = 1
)

select
    events.event_id, events.happened_at, coalesce(nullif(trim(events.sentence), ''), 'without a sentence') as sentence,
    roles.thing_id, roles.label,
    (
        select string_agg(people.label, ', ' order by people.admin_id)
        from {{ ref('people') }} as people
        where people.is_there and people.role_id = roles.thing_id
    ) as holders
from events
left join named on named.event_id = events.event_id
left join {{ ref('things') }} as roles on roles.kind = 'role' and roles.thing_id = named.thing_id
