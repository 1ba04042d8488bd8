-- For each account, including former ones: the current accounts with the same address or person.
select
    people.admin_id, others.admin_id as other_id, coalesce(others.email, others.admin_id) as other_label,
    others.email = people.email as has_same_address
from {{ ref('people') }} as people
join {{ ref('people') }} as others
    on others.admin_id <> people.admin_id and others.is_there
    and (others.person = people.person or others.email = people.email)
