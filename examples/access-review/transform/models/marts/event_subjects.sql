-- Which one teammate an event is about: it names exactly this one beside who did it. Nobody where it
-- could be somebody else, or a role or team of the same name.
with persons as (
    select * from {{ ref('event_names') }} where kind = 'person' and not may_be_thing
),

namesakes as (
    select distinct trim(name) as term, admin_id from {{ ref('admin_history') }}
),

-- Of namesakes, the address tells which one; a name that the doer has, too, may be the doer's.
others as (
    select * from persons
    where not is_doer and not exists (
        select 1 from namesakes
        where not persons.is_address and namesakes.term = persons.term and namesakes.admin_id <> persons.id
            and (
                namesakes.admin_id = (
                    select performed_by_id from {{ ref('stg_activity_logs') }} as events
                    where events.event_id = persons.event_id
                )
                or exists (
                    select 1 from persons as sure
                    where sure.event_id = persons.event_id and sure.id = namesakes.admin_id
                        and sure.is_address
                )
            )
    )
)

select event_id, min(id) as admin_id
from others
group by event_id
having count(distinct id) = 1
