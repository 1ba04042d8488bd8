-- What the worksheets show beside each entitlement.
select
    grants.*, accounts.role, accounts.teams,
    case
        when grants.kind not in ('role', 'workspace') then ''
        when privileged.is_unknown then 'unknown'
        when privileged.is_privileged then 'yes'
        else ''
    end as privileged,
    decisions.decision, decisions.decided_by, decisions.decided_on, decisions.until, decisions.reason
from {{ ref('access_grants') }} as grants
left join {{ ref('accounts') }} as accounts on accounts.admin_id = grants.admin_id
left join {{ ref('privileged_access') }} as privileged on privileged.admin_id = grants.admin_id and privileged.is_there
left join {{ ref('last_decisions') }} as decisions on decisions.access_key = grants.access_key
