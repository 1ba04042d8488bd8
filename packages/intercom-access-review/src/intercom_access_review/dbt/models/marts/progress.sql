-- The progress of the newest review: rows and decided rows by reviewer and due date.
select
    assigned.review, assigned.reviewer, assigned.decide_by,
    count(*) as row_count,
    count(decisions.access_key) as decided,
    count(case when cast(decisions.imported_at as date) > assigned.decide_by then 1 end) as decided_late,
    coalesce(count(*) > count(decisions.access_key) and assigned.decide_by < {{ today() }}, false) as is_overdue,
    row_number() over (order by assigned.reviewer collate "C", assigned.decide_by) as position
from {{ source('input', 'worksheet_rows') }} as assigned
left join {{ ref('last_decisions') }} as decisions
    on decisions.review = assigned.review and decisions.access_key = assigned.access_key
group by assigned.review, assigned.reviewer, assigned.decide_by
