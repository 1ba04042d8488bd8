-- Approved exceptions without a later decision, while the access exists: active or expired.
select
    decisions.access_key, decisions.admin_id, decisions.review, decisions.kind,
    decisions.person as worksheet_person, decisions.email as worksheet_email, decisions.thing as worksheet_thing,
    coalesce(things.label, decisions.thing) as thing,
    decided_by, decided_on, imported_at, until, reason,
    people.name, people.label, people.email,
    until < {{ today() }} as has_expired,
    row_number() over (order by until, people.position, {{ binary('decisions.access_key') }}) as position
from {{ source('input', 'decisions') }} as decisions
left join {{ ref('people') }} as people on people.admin_id = decisions.admin_id
left join {{ ref('things') }} as things
    on things.kind = decisions.kind and things.thing_id = decisions.thing_id
where decision = 'exception'
    and decisions.access_key in (select access_key from {{ ref('stg_grants') }})
    and not exists (
        select 1 from {{ source('input', 'decisions') }} as later
        where later.access_key = decisions.access_key and later.reviewed_at > decisions.reviewed_at
    )
