-- Every role and team that there ever was, as it is called now; with its id where others are called so.
with latest as (
    select distinct on (thing_key) thing_key, kind, thing_id, name
    from {{ ref('thing_history') }}
    order by thing_key, dbt_valid_from desc
)

select
    kind, thing_id, name,
    thing_key in (select thing_key from {{ ref('stg_things') }}) as is_there,
    case
        when count(*) over (partition by kind, {{ folded('name') }}) = 1 then name
        else name || ' (' || thing_id || ')'
    end as label
from latest
