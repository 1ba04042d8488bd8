-- The roles and teams that the names in the inputs refer to. Names that differ from Intercom's have a problem.
with wanted as (
    select 'privileged_roles.csv' as file, 'role' as kind, name, name_key from {{ source('input', 'privileged_roles') }}
    union all
    select 'reviewers.csv', kind, name, name_key from {{ source('input', 'reviewers') }} where kind <> 'default'
),

known as (
    select kind, thing_id, name, name_key, is_there, 1 as closeness from {{ ref('things') }}
    union all
    select kind, thing_id, label, name_key || ' (' || thing_id || ')', is_there, 1 from {{ ref('things') }}
    union all
    select kind, thing_id, thing_id, thing_id, is_there, 1 from {{ ref('things') }}
    union all
    select history.kind, history.thing_id, history.name, names.name_key, things.is_there, 2
    from {{ ref('thing_history') }} as history
    join {{ source('input', 'names') }} as names using (name)
    join {{ ref('things') }} as things using (kind, thing_id)
    where dbt_valid_to is not null
),

matched as (
    select
        wanted.*, known.thing_id, known.name = wanted.name as is_exact, known.closeness,
        bool_or(known.is_there) over (partition by file, wanted.kind, wanted.name, known.closeness) as is_any_there,
        min(known.closeness) over (partition by file, wanted.kind, wanted.name) as closest
    from wanted left join known on known.kind = wanted.kind and known.name_key = wanted.name_key
)

select
    file, matched.kind, matched.name, matched.name_key, matched.thing_id, max(things.label) as current_name,
    case
        when is_any_there is not true then 'unknown'
        when closest = 2 then 'renamed'
        when not bool_or(is_exact) then 'spelled differently'
    end as problem
from matched
left join {{ ref('things') }} as things on things.kind = matched.kind and things.thing_id = matched.thing_id
where closeness is not distinct from closest
group by file, matched.kind, matched.name, matched.name_key, matched.thing_id, closest, is_any_there
