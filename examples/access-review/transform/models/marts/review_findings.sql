-- What a reviewer should look at first, the most urgent first.
with findings as (
    select
        -1 as urgency, 'export_differs' as finding, admin_id,
        case side when 'export' then md5(email) else '' end as subject,
        case side
            when 'export' then email || ' is in the teammates'' export of Intercom''s screen, but in no list of its API'
            else 'is in the list of Intercom''s API as ' || email || ', but not in the teammates'' export of its screen'
        end as detail
    from {{ ref('export_differences') }}
    union all
    select -1, 'export_not_compared', null, '', problem from {{ ref('teammates_export') }} where problem is not null
    union all
    select
        case timeliness when 'overdue' then 0 else 1 end,
        case timeliness when 'overdue' then 'removal_overdue' else 'not_removed' end,
        admin_id, review || '/' || access_key,
        {{ access_in_words() }} || {{ then_in_words() }}
        || case when given_again_at is null then ' is still there' else ' was removed, and is there again' end
        || ', ' || {{ counted('days', 'day') }} || ' after ' || decided_by || ' decided to remove it'
        || coalesce('; the last day for it ' || {{ due_in_words() }}, '')
    from {{ ref('removals') }} where gone_seen_at is null and decided_again_in is null
    union all
    select
        0, 'decision_overdue', null, review || '/' || md5(reviewer) || '/' || cast(decide_by as varchar),
        row_count - decided || ' of ' || row_count || ' rows of the review of ' || review || ' are not decided by '
        || reviewer || '; the last day for it was ' || cast(decide_by as varchar)
    from {{ ref('progress') }} where is_overdue
    union all
    select
        1, 'removed_but_back', admin_id, review || '/' || access_key,
        {{ access_in_words() }} || {{ then_in_words() }} || ' is gone, but ' || elsewhere
    from {{ ref('removals') }} where elsewhere is not null and decided_again_in is null
    union all
    select
        2, 'exception_expired', admin_id, review || '/' || access_key,
        {{ access_in_words() }} || {{ then_in_words() }} || ': the exception by ' || decided_by || ' ended on '
        || cast(until as varchar) || ' (' || reason || ')'
    from {{ ref('exceptions') }} where has_ended
    union all
    select
        3, 'token_owner', admin_id, '',
        'owns the access token that reads this, and ' || case
            when not is_there then 'is not in the list of teammates'
            when left_on is not null then 'leaves or left on ' || cast(left_on as varchar)
            else 'has no privileged role'
        end
    from {{ ref('privileged_access') }}
    where is_token_owner and (
        not is_there or left_on is not null
        or (not is_privileged and not is_unknown and exists (select 1 from {{ ref('privileged_roles') }}))
    )
    union all
    select
        case timeliness when 'overdue' then 0 else 4 end,
        case timeliness when 'overdue' then 'leaver_overdue' else 'leaver' end, admin_id, '',
        'left on ' || cast(left_on as varchar) || ' and still has access, '
        || {{ counted('days_at_least', 'day') }} || ' later'
        || coalesce('; the last day for it to end ' || {{ due_in_words() }}, '')
    from {{ ref('leavers') }} where is_there
    union all
    select
        5, 'role_edited', null, event_id || '/' || thing_id,
        'the role ' || label || ' was changed on ' || cast(cast(happened_at as date) as varchar) || ' (' || sentence
        || '), and with it what these may do: ' || coalesce(holders, 'nobody, who has it now')
    from {{ ref('role_edits') }} where thing_id is not null
    union all
    select
        5, 'role_change_unclear', null, event_id,
        'a role was changed on ' || cast(cast(happened_at as date) as varchar) || ' (' || sentence
        || '), but whose, or which one, is not known: look in Intercom'
    from {{ ref('role_edits') }} where thing_id is null
    union all
    select 6, finding, admin_id, md5(subject), detail from {{ ref('seed_findings') }}
    union all
    select
        7, 'no_reviewer', case when problem <> 'nobody' then grants.admin_id end, problem,
        case count(*) when 1 then '1 row has' else count(*) || ' rows have' end || ' no reviewer: ' || case problem
            when 'nobody' then 'reviewers.csv has no default'
            when 'left' then 'seeds/ names only people who left, or themselves, for this'
            else 'reviewers.csv names nobody but themselves for this'
        end
    from {{ ref('assignments') }} join {{ ref('stg_grants') }} as grants using (access_key)
    where problem is not null
    group by 3, problem
    union all
    select 8, finding, admin_id, of_what, detail from {{ ref('account_findings') }}
)

select
    finding || '/' || coalesce(findings.admin_id, '') || '/' || subject as finding_key,
    findings.*, people.name, people.label, people.email
from findings left join {{ ref('people') }} as people on people.admin_id = findings.admin_id
