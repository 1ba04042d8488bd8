-- One row per teammate and thing granted. The grant key stays while the thing is granted; the access
-- key, which decisions go by, tells one role from another. Both are made of ids: names may change.
with grants as (
    select admin_id || '/workspace' as grant_key, admin_id, 'workspace' as kind, '' as thing_id, '' as level
    from {{ ref('stg_admins') }}
    union all
    select admin_id || '/role', admin_id, 'role', role_id, ''
    from {{ ref('stg_admins') }} where role_id is not null
    union all
    select admin_id || '/seat', admin_id, 'seat', '', ''
    from {{ ref('stg_admins') }} where has_inbox_seat
    union all
    select admin_id || '/team/' || team_id, admin_id, 'team', team_id, coalesce(priority_level, '')
    from {{ ref('stg_memberships') }}
)

select *, grant_key || case when kind = 'role' then '/' || thing_id else '' end as access_key from grants
