-- How far the newest review is: who decides how many rows until when, and how many are decided.
select
    assigned.review, assigned.reviewer, assigned.decide_by,
    count(*) as row_count,
    count(decisions.access_key) as decided,
    count(case when decisions.decided_on > assigned.decide_by then 1 end) as decided_late,
    coalesce(
        count(*) > count(decisions.access_key) and assigned.decide_by < cast({{ as_of() }} as date), false
    ) as is_overdue
from {{ ref('assigned_rows') }} as assigned
left join {{ ref('decisions') }} as decisions
    on decisions.review = assigned.review and decisions.access_key = assigned.access_key
group by assigned.review, assigned.reviewer, assigned.decide_by
