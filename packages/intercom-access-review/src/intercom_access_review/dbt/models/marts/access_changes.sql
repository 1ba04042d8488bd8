-- The changes of entitlements and names since the previous review.
select * from {{ ref('access_history') }} where seen_at > {{ previous_review() }}
