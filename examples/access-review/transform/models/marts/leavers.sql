-- From the day on which an employee left to the day on which their access ended, account by account.
with access as (
    select
        people.admin_id, people.name, people.label, people.email, people.is_there, people.left_on,
        people.left_on + {{ deadline('leaver_remove_within_days') }} as due_on
    from {{ ref('people') }} as people
    where people.left_on <= cast({{ as_of() }} as date)
)

select
    access.*,
    ended.before_at as there_at,
    ended.seen_at as gone_seen_at,
    ended.done_at,
    ended.done_by,
    ended.done_in_words,
    ended.went_with,
    ended.telling,
    cast(coalesce(ended.done_at, ended.before_at, {{ as_of() }}) as date) - access.left_on as days_at_least,
    cast(coalesce(ended.done_at, ended.seen_at, {{ as_of() }}) as date) - access.left_on as days_at_most,
    {{ timeliness('access.is_there', 'coalesce(done_at, before_at)', 'coalesce(done_at, seen_at)') }} as timeliness,
    case when not access.is_there then (
        select string_agg(words, '; ' order by other_id)
        from {{ ref('other_accounts') }} as others where others.admin_id = access.admin_id
    ) end as elsewhere
from access
left join (
    select distinct on (admin_id) * from {{ ref('access_history') }}
    where change = 'left' order by admin_id, seen_at desc
) as ended
    on ended.admin_id = access.admin_id and not access.is_there
