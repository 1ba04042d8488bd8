-- One row per teammate and thing granted. The grant key stays while the thing is granted; the access
-- key, which decisions go by, tells one role from another.
with grants as (
    select admin_id || '/workspace' as grant_key, admin_id, 'workspace' as kind, '' as thing, '' as level
    from {{ ref('stg_admins') }}
    union all
    select admin_id || '/role', admin_id, 'role', role_name, ''
    from {{ ref('stg_admins') }} where role_name is not null
    union all
    select admin_id || '/seat', admin_id, 'seat', 'inbox', ''
    from {{ ref('stg_admins') }} where has_inbox_seat
    union all
    select
        admin_id || '/team/' || team_id, admin_id, 'team', coalesce(nullif(trim(team_name), ''), team_id),
        coalesce(priority_level, '')
    from {{ ref('stg_memberships') }} left join {{ ref('stg_teams') }} using (team_id)
)

select *, grant_key || case when kind = 'role' then '/' || thing else '' end as access_key from grants
