-- For each account that there ever was: the others of the same address or person that are there now.
select
    people.admin_id, others.admin_id as other_id, others.label as other_label,
    case
        when others.email = people.email then 'the same address is there again under the id ' || others.admin_id
        else 'the same person has the account ' || coalesce(others.email, others.admin_id)
    end as words
from {{ ref('people') }} as people
join {{ ref('people') }} as others
    on others.admin_id <> people.admin_id and others.is_there
    and (others.person = people.person or others.email = people.email)
