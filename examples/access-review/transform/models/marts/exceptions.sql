-- Exceptions that nobody decided again, while the access is still there: in force, or past their end.
select
    decisions.access_key, decisions.admin_id, decisions.review, decisions.kind,
    person_then, email_then, thing_then,
    coalesce(things.label, decisions.thing) as thing,
    decided_by, decided_on, until, reason,
    people.name, people.label, people.email,
    until < cast({{ as_of() }} as date) as has_ended
from {{ ref('decisions') }} as decisions
left join {{ ref('people') }} as people on people.admin_id = decisions.admin_id
left join {{ ref('things') }} as things
    on things.kind = decisions.kind and things.thing_id = decisions.thing_id
left join {{ ref('signed_names') }} as signed
    on signed.review = decisions.review and signed.access_key = decisions.access_key
where decision = 'exception'
    and decisions.access_key in (select access_key from {{ ref('stg_grants') }})
    and not exists (
        select 1 from {{ ref('decisions') }} as later
        where later.access_key = decisions.access_key and later.reviewed_at > decisions.reviewed_at
    )
