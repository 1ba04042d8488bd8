-- What changed since the previous review, of entitlements and of names.
select * from {{ ref('access_history') }}
where seen_at > {{ previous_review() }}
    and exists (select 1 from {{ source('input', 'reviews') }} where reviewed_at < {{ as_of() }})
