-- Which roles and teams the names in the seeds mean, and which of these names are not quite Intercom's.
with wanted as (
    select 'privileged_roles.csv' as file, 'role' as kind, role as name from {{ ref('privileged_roles') }}
    union all
    select 'reviewers.csv', kind, name from {{ ref('reviewers') }} where kind in ('role', 'team')
),

names as (
    select kind, thing_id, name, is_there, 1 as closeness from {{ ref('things') }}
    union all
    select kind, thing_id, label, is_there, 1 from {{ ref('things') }} where label <> name
    union all
    select kind, thing_id, thing_id, is_there, 1 from {{ ref('things') }}
    union all
    select history.kind, history.thing_id, history.name, things.is_there, 2
    from {{ ref('thing_history') }} as history
    join {{ ref('things') }} as things using (kind, thing_id)
    where dbt_valid_to is not null
),

matched as (
    select
        wanted.*, names.thing_id, names.name = wanted.name as is_exact, names.closeness,
        bool_or(names.is_there) over (partition by file, wanted.kind, wanted.name, names.closeness) as is_any_there,
        min(names.closeness) over (partition by file, wanted.kind, wanted.name) as closest
    from wanted
    left join names on names.kind = wanted.kind and {{ folded('names.name') }} = {{ folded('wanted.name') }}
)

select
    file, matched.kind, matched.name, matched.thing_id,
    case
        when is_any_there is not true and matched.kind = 'role' then 'nobody has a role of this name'
        when is_any_there is not true then 'there is no team of this name'
        when closest = 2 then 'it is called ' || max(things.label) || ' now'
        when not bool_or(is_exact) then 'it is written ' || max(things.label) || ' in Intercom'
    end as problem
from matched
left join {{ ref('things') }} as things on things.kind = matched.kind and things.thing_id = matched.thing_id
where closeness is not distinct from closest
group by file, matched.kind, matched.name, matched.thing_id, closest, is_any_there
