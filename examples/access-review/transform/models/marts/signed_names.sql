-- Decisions about whom or what is called otherwise now, with the names in the signed list. These are
-- not compared themselves: a list shows odd characters and formulas in its own way.
with compared as (
    select
        decisions.*,
        {{ seen("coalesce(person_then.name, '')") }} <> {{ seen("coalesce(people.name, '')") }}
            or coalesce(person_then.email, '') <> coalesce(people.email, '') as is_person_renamed,
        {{ seen("coalesce(thing_then.name, '')") }} <> {{ seen("coalesce(things.name, '')") }} as is_thing_renamed
    from {{ ref('decisions') }} as decisions
    left join {{ ref('people') }} as people on people.admin_id = decisions.admin_id
    left join {{ ref('admin_history') }} as person_then
        on person_then.admin_id = decisions.admin_id and person_then.dbt_valid_from <= decisions.reviewed_at
        and coalesce(person_then.dbt_valid_to > decisions.reviewed_at, true)
    left join {{ ref('things') }} as things
        on things.kind = decisions.kind and things.thing_id = decisions.thing_id
    left join {{ ref('thing_history') }} as thing_then
        on thing_then.kind = decisions.kind and thing_then.thing_id = decisions.thing_id
        and thing_then.dbt_valid_from <= decisions.reviewed_at
        and coalesce(thing_then.dbt_valid_to > decisions.reviewed_at, true)
)

select
    review, access_key,
    case when is_person_renamed then person end as person_then,
    case when is_person_renamed then email end as email_then,
    case when is_thing_renamed then thing end as thing_then
from compared
where is_person_renamed or is_thing_renamed
