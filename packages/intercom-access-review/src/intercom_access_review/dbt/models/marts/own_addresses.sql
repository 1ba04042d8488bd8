-- The addresses that can't be the reviewer of an account: all addresses of its person, and earlier addresses
-- of the account, unless another account has them now.
select people.admin_id, persons.email
from {{ ref('people') }} as people join {{ ref('persons') }} as persons on persons.person = people.person
union
select history.admin_id, history.email
from {{ ref('admin_history') }} as history
join {{ ref('people') }} as people on people.admin_id = history.admin_id and people.account_type = 'person'
where history.email is not null and not exists (
    select 1 from {{ ref('people') }} as others
    where others.is_there and others.email = history.email and others.admin_id <> history.admin_id
)
