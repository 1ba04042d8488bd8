{{ config(materialized='incremental', unique_key='event_id') }}
-- The tap sends each event once, so they are kept here.
select
    id as event_id,
    {{ utc('created_at') }} as happened_at,
    activity_type,
    {{ text('activity_description') }} as sentence,
    performed_by ->> 'id' as performed_by_id,
    performed_by ->> 'email' as performed_by_email
from {{ loaded('activity_logs', {
    'id': 'varchar', 'created_at': 'varchar', 'activity_type': 'varchar',
    'activity_description': 'varchar', 'performed_by': 'json',
}) }} as loaded
