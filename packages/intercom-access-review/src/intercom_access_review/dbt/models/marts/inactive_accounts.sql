-- Accounts without activity for 90 days or more, except accounts that joined in the last 90 days.
select admin_id, cast(last_activity_at as date) as last_activity_on, cast(known_since as date) as known_since
from {{ ref('last_activity') }}
where cast(coalesce(last_activity_at, known_since) as date) <= {{ today() }} - 90
    and admin_id not in (
        select admin_id from {{ ref('grant_history') }}
        where kind = 'workspace' and dbt_valid_to is null
            and dbt_valid_from > {{ first_sync() }}
            and cast(dbt_valid_from as date) > {{ today() }} - 90
    )
