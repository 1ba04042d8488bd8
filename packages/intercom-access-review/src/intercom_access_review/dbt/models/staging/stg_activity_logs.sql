{{ config(materialized='incremental', unique_key='event_id') }}
-- The tap sends each log entry only once, so this table keeps all of them.
select event_id, happened_at, activity_type, sentence, performed_by_id, performed_by_email
from {{ source('input', 'loaded_events') }}
