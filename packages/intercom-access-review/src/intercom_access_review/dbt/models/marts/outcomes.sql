-- The outcome of each decision to revoke access, and of each exception. Every page, report, and item prints
-- it. An exception after a revocation, in the same review or a later one, accepts the risk. A revocation that
-- is repeated in its review after the removal means that the remaining access is not the same.
with decided as (
    select
        decisions.*,
        -- A decision of an older review doesn't settle one of a newer review, even if it was imported later.
        (
            select max(others.number) from {{ source('input', 'decisions') }} as others
            where others.access_key = decisions.access_key and others.number > decisions.number
                and others.reviewed_at >= decisions.reviewed_at
        ) as later_number
    from {{ source('input', 'decisions') }} as decisions where decisions.has_outcome
),

observed as (
    select
        number,
        case when count(*) = count(dbt_valid_to) then max(dbt_valid_to) end as removed_at
    from decided left join {{ ref('grant_history') }} using (access_key)
    group by number
),

facts as (
    select
        decided.number, decided.review, decided.reviewed_at, decided.access_key, decided.admin_id, decided.kind,
        decided.thing_id, decided.decision, decided.decided_by, decided.decided_on, decided.imported_at,
        decided.reason, decided.until, decided.due_on,
        decided.thing as worksheet_thing, decided.person as worksheet_person, decided.email as worksheet_email,
        people.name, people.position as person_position, people.label, people.email,
        coalesce(things.label, decided.thing) as thing,
        recorded.removed_detected_at is not null as is_recorded,
        coalesce(recorded.removed_detected_at, observed.removed_at) as removed_detected_at,
        case when observed.removed_at is null then (
            select max(changes.seen_at) from {{ ref('grant_changes') }} as changes
            where changes.access_key = decided.access_key and changes.seen_at > decided.reviewed_at
                and changes.change not in ('left', 'team changed') and changes.change not like '% removed'
        ) end as given_again_at,
        case when later.review <> decided.review then later.review end as decided_again_in,
        case when later.decision = 'exception' then later.decided_by end as accepted_by,
        case when later.decision = 'exception' then later.decided_on end as accepted_on,
        case when later.decision = 'exception' then later.until end as accepted_until,
        case when later.decision = 'exception' then later.reason end as accepted_reason,
        case when later.decision = 'revoke' and later.review = decided.review
            and later.imported_at > observed.removed_at then later.reason end as resolved_reason,
        -- Removed, but another account of the person, or of the worksheet's address, has it now.
        (
            select string_agg(others.admin_id, ', ' order by others.admin_id)
            from {{ ref('people') }} as others
            join {{ ref('stg_grants') }} as grants
                on grants.admin_id = others.admin_id and grants.kind = decided.kind
                and grants.thing_id = decided.thing_id
            where others.admin_id <> decided.admin_id and others.is_there
                and (others.person = people.person or others.email in (people.email, decided.email))
        ) as other_accounts,
        -- Removed, but the same account has a role or team of the same name since then.
        (
            select string_agg(same.label, ', ' order by same.thing_id)
            from {{ ref('grant_history') }} as grants
            join {{ ref('things') }} as same on same.kind = grants.kind and same.thing_id = grants.thing_id
            where grants.admin_id = decided.admin_id and grants.kind = decided.kind
                and grants.dbt_valid_to is null and grants.dbt_valid_from > decided.reviewed_at
                and grants.thing_id <> decided.thing_id and same.name_key = things.name_key
        ) as same_name,
        -- Removed, but the account has no role now, so it can have custom permissions.
        case
            when decided.kind <> 'role' or not people.is_there
                or people.role_id is not null or people.account_type = 'bot' then null
            when manual.email is null then 'unknown'
            when manual.is_privileged then 'privileged'
        end as custom_permissions
    from decided
    join observed using (number)
    left join {{ source('input', 'removals') }} as recorded
        on recorded.review = decided.review and recorded.access_key = decided.access_key
        and recorded.imported_at = date_trunc('second', decided.imported_at)
    left join {{ source('input', 'decisions') }} as later on later.number = later_number
    left join {{ ref('people') }} as people on people.admin_id = decided.admin_id
    left join {{ source('input', 'manual_permissions') }} as manual on manual.email = people.email
    left join {{ ref('things') }} as things on things.kind = decided.kind and things.thing_id = decided.thing_id
),

judged as (
    select
        *,
        (select max(as_of) from {{ ref('syncs') }} where as_of < removed_detected_at) as last_observed_at,
        removed_detected_at is not null as is_removed,
        not is_recorded and resolved_reason is null
            and coalesce(other_accounts, same_name, custom_permissions) is not null as may_remain,
        case when removed_detected_at is null
            then greatest(cast({{ as_of() }} as date) - decided_on, 0) -- decided after this sync
            else cast(removed_detected_at as date) - decided_on
        end as days
    from facts
)

select
    *,
    case
        when decision = 'exception' and decided_again_in is not null then 'decided again'
        when decision = 'exception' and is_removed then 'removed'
        when decision = 'exception' then case when until < {{ today() }} then 'expired' else 'active' end
        when is_removed and not may_remain then 'removed'
        when accepted_until >= {{ today() }} then 'risk accepted'
        when accepted_until is not null then 'acceptance expired'
        when decided_again_in is not null then 'decided again'
        when is_removed then 'access may remain'
        else 'not removed'
    end as outcome,
    case
        when is_removed and days < 0 then 'before the decision'
        when is_removed or coalesce(decided_again_in, accepted_by) is null
        then {{ timeliness('not is_removed', 'last_observed_at', 'removed_detected_at') }} end as timeliness,
    row_number() over (
        order by decision desc, is_removed and not may_remain, reviewed_at, until, person_position,
            access_key collate "C"
    ) as position
from judged
