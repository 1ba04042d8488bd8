-- Every role and team, including former ones, with its last name. The label has the ID, too, if others
-- have the same name.
with latest as (
    select distinct on (thing_key) thing_key, kind, thing_id, name, description
    from {{ ref('thing_history') }}
    order by thing_key, dbt_valid_from desc
)

select
    kind, thing_id, names.shown as name, name_key, description,
    thing_key in (select thing_key from {{ ref('stg_things') }}) as is_there,
    case
        when count(*) over (partition by kind, name_key) = 1 then names.shown
        else names.shown || ' (' || thing_id || ')'
    end as label,
    row_number() over (order by kind, name_key collate "C", thing_id) as position
from latest join {{ source('input', 'names') }} as names using (name)
