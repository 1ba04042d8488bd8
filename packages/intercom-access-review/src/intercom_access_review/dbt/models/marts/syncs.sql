-- One row per complete sync: which workspace, with whose token, and how many rows.
{{ config(materialized='incremental', unique_key='as_of', on_schema_change='append_new_columns') }}
select
    as_of, is_simulated, logs_to as logs_read_to, workspace_id, name, region,
    token_admin_id, token_admin_name, token_admin_email, api_version, read_by, source_host,
    (select count(*) from {{ source('input', 'loaded_admins') }}) as admins,
    (select count(*) from {{ source('input', 'loaded_teams') }}) as teams,
    (select count(*) from {{ source('input', 'loaded_memberships') }}) as team_memberships,
    (select count(*) from {{ ref('stg_activity_logs') }}) as activity_logs
from {{ source('input', 'sync_facts') }}
