{{ config(materialized='incremental', unique_key='event_id') }}
{# The tap sends each event once, so they are kept here. #}
{% set loaded = adapter.get_relation('loaded', 'intercom', 'activity_logs') %}
{% if loaded %}
select
    id as event_id,
    cast(created_at as timestamp) as happened_at,
    activity_type,
    activity_description,
    performed_by ->> 'id' as performed_by_id,
    performed_by ->> 'email' as performed_by_email
from {{ source('intercom', 'activity_logs') }}
{% else %}
select
    '' as event_id,
    timestamp '1970-01-01' as happened_at,
    '' as activity_type,
    '' as activity_description,
    '' as performed_by_id,
    '' as performed_by_email
where false
{% endif %}
