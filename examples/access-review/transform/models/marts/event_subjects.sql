-- Which one teammate an event is about: its sentence, the only place that tells, names exactly this
-- one beside who did it, with the whole name or address. Nobody where it could be somebody else.
with terms as (
    select admin_id, trim(name) as term, false as is_address
    from {{ ref('admin_history') }} where trim(name) <> ''
    union
    select admin_id, trim(email), true from {{ ref('admin_history') }} where trim(email) <> ''
),

found as (
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

-- A name inside of a longer one does not count there: the longer one is taken out first.
masked as (
    select distinct on (short.event_id, short.admin_id, short.term)
        short.*,
        case when long.term is null then short.sentence else replace(short.sentence, long.term, '#') end as rest
    from found as short
    left join found as long
        on long.event_id = short.event_id
        and length(long.term) > length(short.term)
        and strpos(long.term, short.term) > 0
    order by short.event_id, short.admin_id, short.term, length(long.term) desc nulls last
),

named as (
    select * from masked
    where case when is_address then {{ has_address('rest', 'term') }} else {{ names('rest', 'term') }} end
),

-- Of namesakes, the address tells which one; a name that the doer has, too, may be the doer's.
others as (
    select * from named
    where admin_id is distinct from performed_by_id
        and not exists (
            select 1 from terms as taken
            where not named.is_address and taken.term = named.term and taken.admin_id <> named.admin_id
                and (
                    taken.admin_id = named.performed_by_id
                    or exists (
                        select 1 from named as sure
                        where sure.event_id = named.event_id and sure.admin_id = taken.admin_id
                            and sure.is_address
                    )
                )
        )
)

select event_id, min(admin_id) as admin_id
from others
group by event_id
having count(distinct admin_id) = 1
