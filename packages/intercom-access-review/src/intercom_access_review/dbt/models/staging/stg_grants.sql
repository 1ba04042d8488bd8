-- One row per teammate and entitlement. The grant key stays the same while the entitlement exists. The
-- access key, which decisions refer to, also has the role. Both consist of IDs, because names change.
with grants as (
    select admin_id || '/workspace' as grant_key, admin_id, 'workspace' as kind, '' as thing_id, '' as level
    from {{ source('input', 'loaded_admins') }}
    union all
    select admin_id || '/role', admin_id, 'role', role_id, ''
    from {{ source('input', 'loaded_admins') }} where role_id is not null
    union all
    select admin_id || '/seat', admin_id, 'seat', '', ''
    from {{ source('input', 'loaded_admins') }} where has_inbox_seat
    union all
    select admin_id || '/team/' || team_id, admin_id, 'team', team_id, coalesce(priority_level, '')
    from {{ source('input', 'loaded_memberships') }}
)

select *, grant_key || case when kind = 'role' then '/' || thing_id else '' end as access_key from grants
