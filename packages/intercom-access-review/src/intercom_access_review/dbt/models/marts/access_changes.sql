-- What changed since the previous review, of entitlements and of names.
select * from {{ ref('access_history') }} where seen_at > {{ previous_review() }}
