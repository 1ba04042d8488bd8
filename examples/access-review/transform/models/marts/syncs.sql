-- One row per complete sync: which workspace, through whose access, and what was read.
{{ config(materialized='incremental', unique_key='as_of') }}
select
    {{ as_of() }} as as_of,
    workspaces.*,
    (select count(*) from {{ ref('stg_admins') }}) as admins,
    (select count(*) from {{ ref('stg_teams') }}) as teams,
    (select count(*) from {{ ref('stg_memberships') }}) as team_memberships,
    (select count(*) from {{ ref('stg_activity_logs') }}) as activity_logs
from {{ ref('stg_workspaces') }} as workspaces
