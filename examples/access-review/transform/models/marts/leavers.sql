-- From the day on which an employee left to the day on which their access ended.
with access as (
    select
        employees.left_on, employees.email, people.admin_id, people.name, people.is_there
    from {{ ref('employees') }} as employees
    join {{ ref('people') }} as people on people.email = employees.email
    where employees.left_on <= cast({{ as_of() }} as date)
)

select
    access.admin_id,
    access.name,
    access.email,
    access.left_on,
    access.is_there,
    ended.before_at as there_at,
    ended.seen_at as gone_seen_at,
    ended.done_at,
    ended.done_by,
    ended.done_in_words,
    cast(coalesce(ended.done_at, ended.before_at, {{ as_of() }}) as date) - access.left_on as days_at_least,
    cast(coalesce(ended.done_at, ended.seen_at, {{ as_of() }}) as date) - access.left_on as days_at_most
from access
left join (
    select distinct on (admin_id) * from {{ ref('access_history') }}
    where change = 'left' order by admin_id, seen_at desc
) as ended
    on ended.admin_id = access.admin_id and not access.is_there
