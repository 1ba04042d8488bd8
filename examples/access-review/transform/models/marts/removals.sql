-- What became of each decision to remove. A later decision about the same access takes its place.
with removed as (
    select decisions.*, grant_history.dbt_valid_to, grant_history.grant_key
    from {{ ref('decisions') }} as decisions
    left join {{ ref('grant_history') }} as grant_history using (access_key)
    where decisions.decision = 'remove'
),

state as (
    select
        review, reviewed_at, access_key, admin_id, kind, thing, decided_by, decided_on, reason,
        max(grant_key) as grant_key,
        case when count(*) = count(dbt_valid_to) then max(dbt_valid_to) end as gone_seen_at
    from removed
    group by review, reviewed_at, access_key, admin_id, kind, thing, decided_by, decided_on, reason
)

select
    state.*,
    people.name,
    people.email,
    coalesce(own.before_at, whole.before_at) as there_at,
    case when own.done_at is not null then own.done_by else whole.done_by end as done_by,
    coalesce(own.done_at, whole.done_at) as done_at,
    coalesce(own.done_in_words, whole.done_in_words) as done_in_words,
    cast(coalesce(own.done_at, whole.done_at, state.gone_seen_at, {{ as_of() }}) as date)
        - state.decided_on as days,
    (
        select max(again.seen_at) from {{ ref('access_history') }} as again
        where again.access_key = state.access_key and again.seen_at > state.reviewed_at
            and again.change in ('joined', 'role given', 'role changed', 'seat given', 'team given')
    ) as given_again_at,
    (
        select min(later.review) from {{ ref('decisions') }} as later
        where later.access_key = state.access_key and later.reviewed_at > state.reviewed_at
    ) as decided_again_in
from state
left join {{ ref('people') }} as people on people.admin_id = state.admin_id
left join {{ ref('access_history') }} as own
    on own.grant_key = state.grant_key and own.seen_at = state.gone_seen_at
    and own.change in ('left', 'role changed', 'role taken', 'seat taken', 'team taken')
-- Who leaves loses everything: then the event tells of the person.
left join {{ ref('access_history') }} as whole
    on whole.admin_id = state.admin_id and whole.seen_at = state.gone_seen_at and whole.change = 'left'
