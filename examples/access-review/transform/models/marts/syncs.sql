-- One row per complete sync: which workspace, through whose access, and what was read.
{{ config(materialized='incremental', unique_key='as_of', on_schema_change='append_new_columns') }}
select
    {{ as_of() }} as as_of,
    (select bool_or(is_pretended) from {{ ref('reads') }}) as is_pretended,
    (select max(read_at) from {{ ref('reads') }} where stream = 'activity_logs') as logs_read_to,
    workspaces.*,
    (select count(*) from {{ ref('stg_admins') }}) as admins,
    (select count(*) from {{ ref('stg_teams') }}) as teams,
    (select count(*) from {{ ref('stg_memberships') }}) as team_memberships,
    (select count(*) from {{ ref('stg_activity_logs') }}) as activity_logs
from {{ ref('stg_workspaces') }} as workspaces
