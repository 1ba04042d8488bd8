-- Every change between two syncs, with who did it where exactly one event between them tells.
with versions as (
    select
        *,
        lag(thing) over history as old_thing,
        lag(level) over history as old_level,
        lag(dbt_valid_to) over history as old_valid_to,
        lead(dbt_valid_from) over history as next_valid_from
    from {{ ref('grant_history') }}
    window history as (partition by grant_key order by dbt_valid_from)
),

changes as (
    select
        grant_key, access_key, admin_id, kind, thing, level, old_thing, old_level,
        dbt_valid_from as seen_at,
        case when old_valid_to = dbt_valid_from then 'changed' else 'given' end as change
    from versions where dbt_valid_from > (select min(as_of) from {{ ref('syncs') }})
    union all
    select grant_key, access_key, admin_id, kind, thing, level, null, null, dbt_valid_to, 'taken'
    from versions
    where dbt_valid_to is not null and next_valid_from is distinct from dbt_valid_to
),

told as (
    select
        grant_key || '/' || change || '/' || cast(seen_at as varchar) as change_key,
        grant_key, access_key, admin_id, kind, thing, level, old_thing, old_level, seen_at,
        case
            when kind = 'workspace' then case when change = 'given' then 'joined' else 'left' end
            else kind || ' ' || change
        end as change,
        (select max(as_of) from {{ ref('syncs') }} where as_of < seen_at) as before_at
    from changes
),

teams as (select distinct thing from {{ ref('grant_history') }} where kind = 'team'),

candidates as (
    select told.change_key, min(logs.event_id) as event_id
    from told
    join {{ ref('change_types') }} as types on types.change = told.change
    join {{ ref('event_subjects') }} as subjects on subjects.admin_id = told.admin_id
    join {{ ref('stg_activity_logs') }} as logs
        on logs.event_id = subjects.event_id
        and logs.activity_type = types.activity_type
        and logs.happened_at > told.before_at
        and logs.happened_at <= told.seen_at
    left join {{ ref('people') }} as people on people.admin_id = told.admin_id
    where told.kind <> 'team' or (
        {{ names("replace(logs.sentence, coalesce(nullif(people.name, ''), '#'), '#')", 'told.thing') }}
        and not exists (
            select 1 from teams
            where length(teams.thing) > length(told.thing)
                and strpos(teams.thing, told.thing) > 0 and strpos(logs.sentence, teams.thing) > 0
        )
    )
    group by told.change_key
    having count(*) = 1
)

select
    told.*, people.name, people.email,
    logs.performed_by_email as done_by, logs.happened_at as done_at, logs.sentence as done_in_words
from told
left join {{ ref('people') }} as people on people.admin_id = told.admin_id
left join candidates on candidates.change_key = told.change_key
left join {{ ref('stg_activity_logs') }} as logs on logs.event_id = candidates.event_id
