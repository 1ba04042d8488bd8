-- One row per review: when it was, and what was read, as evidence that it was complete.
{{ config(materialized='incremental', unique_key='reviewed_at') }}
select
    {{ reviewed_at() }} as reviewed_at,
    (select max(read_at) from {{ ref('stg_admins') }}) as read_at,
    (select count(*) from {{ ref('stg_admins') }}) as admins,
    (select count(*) from {{ ref('stg_teams') }}) as teams,
    (select count(*) from {{ ref('stg_memberships') }}) as team_memberships,
    (select count(*) from {{ ref('stg_activity_logs') }}) as activity_logs
