-- Who did nothing for 90 days or more, as far as the logs were read.
select
    admin_id,
    coalesce(
        'the last event is of ' || cast(cast(last_event_at as date) as varchar),
        'no event since ' || cast(cast(known_since as date) as varchar) || ', from when on logs were read'
    ) as since_when
from {{ ref('last_events') }}
where cast(coalesce(last_event_at, known_since) as date) <= cast({{ as_of() }} as date) - 90
