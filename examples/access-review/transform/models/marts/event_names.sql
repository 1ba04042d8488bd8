-- Whom and what an event names: its sentence, the only place that tells, holds the whole name or
-- address. A name inside of a longer one does not count there: the longer one is taken out first.
with terms as (
    select 'person' as kind, admin_id as id, trim(name) as term, false as is_address
    from {{ ref('admin_history') }} where trim(name) <> ''
    union
    select 'person', admin_id, email, true from {{ ref('admin_history') }} where email is not null
    union
    select kind, thing_id, trim(name), false from {{ ref('thing_history') }} where trim(name) <> ''
),

mentioned as (
    select
        events.event_id, events.performed_by_id, terms.*,
        case when terms.is_address then lower(events.sentence) else events.sentence end as sentence
    from {{ ref('stg_activity_logs') }} as events
    join terms
        on strpos(
            case when terms.is_address then lower(events.sentence) else events.sentence end, terms.term
        ) > 0
    where events.activity_type in (select activity_type from {{ ref('change_types') }})
),

masked as (
    select distinct on (short.event_id, short.kind, short.id, short.term)
        short.*,
        case when long.term is null then short.sentence else replace(short.sentence, long.term, '#') end as rest
    from mentioned as short
    left join mentioned as long
        on long.event_id = short.event_id
        and length(long.term) > length(short.term)
        and strpos(long.term, short.term) > 0
    order by short.event_id, short.kind, short.id, short.term, length(long.term) desc nulls last
)

select
    event_id, kind, id, term, is_address,
    kind = 'person' and id is not distinct from performed_by_id as is_doer,
    (length(rest) - length(replace(rest, term, ''))) / length(term) as times_named,
    kind = 'person' and not is_address and (
        {{ is_kind_named('rest', 'term') }}
        or {{ folded('term') }} in (select {{ folded('name') }} from {{ ref('thing_history') }})
    ) as may_be_thing,
    kind = 'role' and {{ is_kind_named('rest', 'term') }} as is_role_named,
    kind = 'role' and {{ matches("rest", "'(to|from|→|->)\\s+[\"''“‘]?' || " ~ literally('term')) }} as is_assigned
from masked
where case
    when is_address or kind = 'role' then {{ has_address('rest', 'term') }}
    else {{ names('rest', 'term') }}
end
