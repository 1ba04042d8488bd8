-- The tests of self-review and timeliness, at the time when a review is written.
select
    'No row has a reviewer whose own access it is, by any address of the person' as self_review,
    count(own.email) as rows_reviewed_by_their_owner,
    count(grants.reviewer) as rows_with_reviewer,
    count(*) - count(grants.reviewer) as rows_without_reviewer,
    {{ today() }} - cast({{ previous_review() }} as date) as days_since_previous_review
from {{ ref('access_grants') }} as grants
left join {{ ref('own_addresses') }} as own on own.admin_id = grants.admin_id and own.email = grants.reviewer
