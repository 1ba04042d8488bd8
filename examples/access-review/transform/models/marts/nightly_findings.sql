-- The findings, and who got a privileged role since the previous review and has it now.
select finding_key, urgency, finding, admin_id, detail, name, label, email from {{ ref('review_findings') }}
union all
select
    'privileged_new/' || changes.change_key, 4, 'privileged_new', changes.admin_id,
    'got the privileged role ' || changes.thing || ' after the previous review, seen on '
    || {{ sync_day('changes.seen_at') }} || coalesce(', by ' || changes.done_by, ''),
    changes.name, changes.label, changes.email
from {{ ref('access_changes') }} as changes
join {{ ref('access_grants') }} as grants
    on grants.access_key = changes.access_key and grants.since = changes.seen_at and grants.is_privileged
where changes.change in ('role given', 'role changed')
