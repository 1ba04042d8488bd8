-- One row per complete sync, with the workspace and the owner of the token. It is built after the histories,
-- so that a stopped build doesn't leave a sync without its rows.
-- depends_on: {{ ref('admin_history') }}, {{ ref('grant_history') }}, {{ ref('thing_history') }}
{{ config(materialized='incremental', unique_key='as_of', on_schema_change='append_new_columns') }}
select
    as_of, is_simulated, logs_to as logs_read_to, workspace_id, name, region,
    token_admin_id, token_admin_name, token_admin_email, source_host
from {{ source('input', 'sync_facts') }}
