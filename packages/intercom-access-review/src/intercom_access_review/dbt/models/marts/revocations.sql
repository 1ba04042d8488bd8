-- The outcome of each decision to revoke access. Every page and report prints this outcome.
with revoked as (
    select decisions.*, history.dbt_valid_from, history.dbt_valid_to
    from {{ source('input', 'decisions') }} as decisions
    left join {{ ref('grant_history') }} as history using (access_key)
    where decisions.decision = 'revoke'
),

observed as (
    select
        review, access_key,
        case when count(*) = count(dbt_valid_to) then max(dbt_valid_to) end as removed_detected_at,
        max(case when dbt_valid_from > reviewed_at then dbt_valid_from end) as given_again_at
    from revoked group by review, access_key
),

facts as (
    select
        decisions.review, decisions.reviewed_at, decisions.access_key, decisions.admin_id, decisions.kind, decisions.thing_id,
        decisions.thing as worksheet_thing, decisions.person as worksheet_person,
        decisions.email as worksheet_email, decisions.decided_by, decisions.decided_on, imported_at, decisions.reason,
        due_on,
        people.name, people.position as person_position, people.label, people.email,
        coalesce(things.label, decisions.thing) as thing,
        removed_detected_at, given_again_at,
        (select max(as_of) from {{ ref('syncs') }} where as_of < removed_detected_at) as last_observed_at,
        cast(coalesce(removed_detected_at, {{ as_of() }}) as date) - decisions.decided_on as days,
        (
            select min(later.review) from {{ source('input', 'decisions') }} as later
            where later.access_key = decisions.access_key and later.reviewed_at > decisions.reviewed_at
        ) as decided_again_in,
        -- Removed, but another account of the person, or of the worksheet's address, has it now.
        case when removed_detected_at is not null then (
            select string_agg(others.admin_id, ', ' order by others.admin_id)
            from {{ ref('people') }} as others
            join {{ ref('stg_grants') }} as grants
                on grants.admin_id = others.admin_id and grants.kind = decisions.kind
                and grants.thing_id = decisions.thing_id
            where others.admin_id <> decisions.admin_id and others.is_there
                and (others.person = people.person or others.email in (people.email, decisions.email))
        ) end as other_accounts,
        -- Removed, but the same account has a role or team of the same name since then.
        case when removed_detected_at is not null then (
            select string_agg(same.label, ', ' order by same.thing_id)
            from {{ ref('grant_history') }} as grants
            join {{ ref('things') }} as same on same.kind = grants.kind and same.thing_id = grants.thing_id
            where grants.admin_id = decisions.admin_id and grants.kind = decisions.kind
                and grants.dbt_valid_to is null and grants.dbt_valid_from > decisions.reviewed_at
                and grants.thing_id <> decisions.thing_id and same.name_key = things.name_key
        ) end as same_name,
        -- Removed, but the account has no role now, so it can have custom permissions.
        case
            when removed_detected_at is null or decisions.kind <> 'role' or not people.is_there
                or people.role_id is not null or people.account_type = 'bot' then null
            when manual.email is null then 'unknown'
            when manual.is_privileged then 'privileged'
        end as custom_permissions,
        coalesce(decisions.accepted_until, later.until) as accepted_until,
        coalesce(decisions.accepted_by, later.decided_by) as accepted_by,
        coalesce(decisions.accepted_on, later.decided_on) as accepted_on,
        coalesce(decisions.accepted_reason, later.reason) as accepted_reason
    from {{ source('input', 'decisions') }} as decisions
    join observed on observed.review = decisions.review and observed.access_key = decisions.access_key
    left join {{ ref('last_decisions') }} as later
        on later.access_key = decisions.access_key and later.decision = 'exception'
        and later.reviewed_at > decisions.reviewed_at
    left join {{ ref('people') }} as people on people.admin_id = decisions.admin_id
    left join {{ source('input', 'manual_permissions') }} as manual on manual.email = people.email
    left join {{ ref('things') }} as things
        on things.kind = decisions.kind and things.thing_id = decisions.thing_id
    where decisions.decision = 'revoke'
),

judged as (
    select
        *, {{ timeliness('removed_detected_at is null', 'last_observed_at', 'removed_detected_at') }} as in_time,
        coalesce(other_accounts, same_name, custom_permissions) is not null as may_remain
    from facts
)

select
    *,
    case
        when removed_detected_at is not null and not may_remain then 'removed'
        when accepted_until >= {{ today() }} then 'risk accepted'
        when accepted_until is not null then 'acceptance expired'
        when decided_again_in is not null then 'decided again'
        when removed_detected_at is not null then 'access may remain'
        else 'not removed'
    end as outcome,
    case when removed_detected_at is not null or coalesce(decided_again_in, accepted_by) is null then in_time end
        as timeliness,
    row_number() over (
        order by removed_detected_at is not null and not may_remain, reviewed_at, person_position,
            {{ binary('access_key') }}
    ) as position
from judged
