-- What changed since the previous review, with who did it where the activity logs tell.
with versions as (
    select
        *,
        lag(thing) over history as old_thing,
        lag(level) over history as old_level,
        lag(dbt_valid_to) over history as old_valid_to,
        lead(dbt_valid_from) over history as next_valid_from
    from {{ ref('grant_history') }}
    window history as (partition by grant_key order by dbt_valid_from)
),

people as (
    select distinct on (admin_id) admin_id, name, email
    from {{ ref('admin_history') }} order by admin_id, dbt_valid_from desc
),

changes as (
    select
        grant_key, admin_id, kind, thing, level, old_thing, old_level,
        dbt_valid_from as seen_at,
        case when old_valid_to = dbt_valid_from then 'changed' else 'given' end as change
    from versions where dbt_valid_from > {{ previous_review() }}
    union all
    select grant_key, admin_id, kind, thing, level, null, null, dbt_valid_to, 'taken'
    from versions
    where dbt_valid_to > {{ previous_review() }}
        and next_valid_from is distinct from dbt_valid_to
),

events as (
    select * from {{ ref('stg_activity_logs') }} where happened_at > {{ previous_review() }}
)

select
    changes.grant_key || '/' || changes.change as change_key,
    changes.seen_at,
    changes.admin_id,
    people.name,
    people.email,
    case
        when changes.kind = 'workspace' and changes.change = 'given' then 'joined'
        when changes.kind = 'workspace' then 'left'
        else changes.kind || ' ' || changes.change
    end as change,
    changes.thing,
    changes.old_thing,
    changes.level,
    changes.old_level,
    max_by(events.performed_by_email, events.happened_at) as done_by,
    max(events.happened_at) as done_at
from changes
left join people using (admin_id)
left join events
    on (
        changes.kind = 'workspace' and changes.change = 'given'
        and events.activity_type = 'admin_invite_creation'
        and contains(events.activity_description, people.email)
    ) or (
        changes.kind = 'workspace' and changes.change = 'taken'
        and events.activity_type in ('admin_deletion', 'admin_deprovisioned')
        and contains(events.activity_description, people.name)
    ) or (
        changes.kind = 'role' and events.activity_type in ('role_change', 'admin_permission_change')
        and contains(events.activity_description, people.name)
    ) or (
        changes.kind = 'seat' and events.activity_type in ('seat_change', 'seat_revoke')
        and contains(events.activity_description, people.name)
    ) or (
        changes.kind = 'team' and events.activity_type = 'app_team_membership_modification'
        and contains(events.activity_description, changes.thing)
    )
where exists (
    select 1 from {{ ref('reviews') }} where reviewed_at < {{ reviewed_at() }}
)
group by all
