-- Who did nothing for 90 days or more, as far as the logs were read, and was there all this time, as
-- far as that is known.
select
    admin_id,
    coalesce(
        'the last event is of ' || cast(cast(last_event_at as date) as varchar),
        'no event since ' || cast(cast(known_since as date) as varchar) || ', from when on logs were read'
    ) as since_when
from {{ ref('last_events') }}
where cast(coalesce(last_event_at, known_since) as date) <= cast({{ as_of() }} as date) - 90
    and admin_id not in (
        select admin_id from {{ ref('grant_history') }}
        where kind = 'workspace' and dbt_valid_to is null
            and dbt_valid_from > (select min(as_of) from {{ ref('syncs') }})
            and cast(dbt_valid_from as date) > cast({{ as_of() }} as date) - 90
    )
