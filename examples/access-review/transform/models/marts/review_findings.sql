-- What a reviewer should look at first, the most urgent first.
with findings as (
    select
        1 as urgency, 'not_removed' as finding, admin_id,
        {{ access_in_words() }}
        || case when given_again_at is null then ' is still there' else ' was removed, and is there again' end
        || ', ' || days || ' days after ' || decided_by || ' decided to remove it' as detail
    from {{ ref('removals') }} where gone_seen_at is null and decided_again_in is null
    union all
    select 2, 'exception_expired', admin_id, detail from {{ ref('expired_exceptions') }}
    union all
    select
        3, 'token_owner', admin_id,
        'owns the access token that reads this, and ' || case
            when not is_there then 'is not in the list of teammates'
            when left_on is not null then 'leaves or left on ' || cast(left_on as varchar)
            else 'has no privileged role'
        end
    from {{ ref('privileged_access') }}
    where is_token_owner and (
        not is_there or left_on is not null
        or (not is_privileged and exists (select 1 from {{ ref('privileged_roles') }}))
    )
    union all
    select
        4, 'leaver', admin_id,
        'left on ' || cast(left_on as varchar) || ' and still has access, ' || days_at_least || ' days later'
    from {{ ref('leavers') }} where is_there
    union all
    select
        5, 'no_reviewer', case when problem = 'only themselves' then grants.admin_id end,
        count(*) || case
            when problem = 'nobody' then ' rows have no reviewer: reviewers.csv has no default'
            else ' rows have no reviewer: reviewers.csv names nobody but themselves for them'
        end
    from {{ ref('assignments') }} join {{ ref('stg_grants') }} as grants using (access_key)
    where problem is not null
    group by 3, problem
    union all
    select 6, finding, admin_id, detail from {{ ref('account_findings') }}
)

select
    finding || '/' || coalesce(admin_id, '') || '/' || detail as finding_key,
    findings.*, people.name, people.email
from findings left join {{ ref('people') }} as people using (admin_id)
