-- What became of each decision to remove. A later decision about the same access takes its place.
with removed as (
    select decisions.*, grant_history.dbt_valid_to, grant_history.grant_key
    from {{ ref('decisions') }} as decisions
    left join {{ ref('grant_history') }} as grant_history using (access_key)
    where decisions.decision = 'remove'
),

state as (
    select
        review, reviewed_at, access_key, admin_id, kind, thing_id, thing as signed_thing, decided_by,
        decided_on, reason,
        coalesce(max(remove_by), decided_on + {{ deadline('remove_within_days') }}) as due_on,
        max(grant_key) as grant_key,
        case when count(*) = count(dbt_valid_to) then max(dbt_valid_to) end as gone_seen_at
    from removed
    group by
        review, reviewed_at, access_key, admin_id, kind, thing_id, thing, decided_by, decided_on, reason
),

followed as (
    select
        state.*,
        people.name,
        people.label,
        people.email,
        coalesce(things.label, state.signed_thing) as thing,
        signed.person_then,
        signed.email_then,
        signed.thing_then,
        gone.before_at as there_at,
        gone.done_by,
        gone.done_at,
        gone.done_in_words,
        gone.went_with,
        gone.telling,
        cast(coalesce(gone.done_at, state.gone_seen_at, {{ as_of() }}) as date) - state.decided_on as days,
        (
            select max(again.seen_at) from {{ ref('access_history') }} as again
            where again.access_key = state.access_key and again.seen_at > state.reviewed_at
                and again.change in ('joined', 'role given', 'role changed', 'seat given', 'team given')
        ) as given_again_at,
        (
            select min(later.review) from {{ ref('decisions') }} as later
            where later.access_key = state.access_key and later.reviewed_at > state.reviewed_at
        ) as decided_again_in,
        -- Gone, but there by another account, or given since in another thing of this name; or a role
        -- is gone and none is left, so that permissions may be set by hand, up to all of them.
        case when state.gone_seen_at is not null then nullif(concat_ws('; ', (
            select string_agg(others.words, '; ' order by others.other_id)
            from {{ ref('other_accounts') }} as others
            join {{ ref('stg_grants') }} as grants
                on grants.admin_id = others.other_id and grants.kind = state.kind
                and grants.thing_id = coalesce(state.thing_id, '') -- a seed has no empty text
            where others.admin_id = state.admin_id
        ), (
            select string_agg(
                'the address of the signed list is there under the id ' || others.admin_id,
                '; ' order by others.admin_id
            )
            from {{ ref('people') }} as others
            join {{ ref('stg_grants') }} as grants
                on grants.admin_id = others.admin_id and grants.kind = state.kind
                and grants.thing_id = coalesce(state.thing_id, '')
            where others.admin_id <> state.admin_id and others.is_there
                and others.email = lower(signed.email_then) and others.person <> people.person
        ), (
            select string_agg(
                'the same account got the ' || grants.kind || ' ' || same.label, '; ' order by same.thing_id
            )
            from {{ ref('grant_history') }} as grants
            join {{ ref('things') }} as same on same.kind = grants.kind and same.thing_id = grants.thing_id
            where grants.admin_id = state.admin_id and grants.kind = state.kind
                and grants.dbt_valid_to is null and grants.dbt_valid_from > state.reviewed_at
                and grants.thing_id <> state.thing_id and {{ folded('same.name') }} = {{ folded('things.name') }}
        ), case
            when state.kind <> 'role' or not people.is_there or people.role_id is not null
                or people.account_type = 'bot' then null
            when by_hand.email is null
                then 'no role is left, and permissions may be set by hand: look in Intercom, '
                    || 'and note it in permissions_by_hand.csv'
            when by_hand.is_privileged
                then 'no role is left, and permissions are set by hand: privileged, by permissions_by_hand.csv'
        end), '') end as elsewhere
    from state
    left join {{ ref('signed_names') }} as signed
        on signed.review = state.review and signed.access_key = state.access_key
    left join {{ ref('people') }} as people on people.admin_id = state.admin_id
    left join {{ ref('permissions_by_hand') }} as by_hand on by_hand.email = people.email
    left join {{ ref('things') }} as things on things.kind = state.kind and things.thing_id = state.thing_id
    left join {{ ref('access_history') }} as gone
        on gone.grant_key = state.grant_key and gone.seen_at = state.gone_seen_at
        and gone.change in ('left', 'role changed', 'role taken', 'seat taken', 'team taken')
)

select
    *,
    case when gone_seen_at is not null or decided_again_in is null then
        {{ timeliness('gone_seen_at is null', 'coalesce(done_at, there_at)', 'coalesce(done_at, gone_seen_at)') }}
    end as timeliness
from followed
