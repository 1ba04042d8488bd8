-- The facts about each entitlement in the worksheets, and the reason to look at it first (focus).
with facts as (
    select
        grants.*, accounts.role, accounts.teams, roles.description as role_description,
        case
            when grants.kind not in ('role', 'workspace') then ''
            when privileged.is_unknown then 'unknown'
            when privileged.is_privileged then 'yes'
            else ''
        end as privileged,
        decisions.decision, decisions.decided_by, decisions.decided_on, decisions.until, decisions.reason,
        changes.change, people.left_on <= {{ today() }} as is_terminated, inactive.admin_id is not null as is_inactive
    from {{ ref('access_grants') }} as grants
    left join {{ ref('accounts') }} as accounts on accounts.admin_id = grants.admin_id
    left join {{ ref('people') }} as people on people.admin_id = grants.admin_id
    left join {{ ref('things') }} as roles on roles.kind = 'role' and roles.thing_id = grants.role_id
    left join {{ ref('privileged_access') }} as privileged
        on privileged.admin_id = grants.admin_id and privileged.is_there
    left join {{ ref('inactive_accounts') }} as inactive on inactive.admin_id = grants.admin_id
    left join {{ ref('last_decisions') }} as decisions on decisions.access_key = grants.access_key
    left join {{ ref('access_changes') }} as changes
        on changes.access_key = grants.access_key and changes.seen_at = grants.first_observed
)

select
    *,
    concat_ws(
        ', ', case when change like '% changed' then 'changed' when change is not null then 'new' end,
        case when privileged <> '' then 'privileged' end,
        case when is_inactive then 'inactive' end,
        case when is_terminated then 'terminated user' end
    ) as focus
from facts
