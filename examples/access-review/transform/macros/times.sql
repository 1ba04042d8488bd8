{# Every time is that of the last complete sync, so that building twice gives the same. #}

{% macro as_of() %}(select max(as_of) from {{ ref('reads') }}){% endmacro %}

{% macro previous_review() %}
    (select coalesce(max(reviewed_at), timestamp '1970-01-01') from {{ ref('reviews') }}
     where reviewed_at < {{ as_of() }})
{% endmacro %}

{# Until when events were loaded by a time: the logs are read before the lists, so that what happened
   in between is only in the next sync's. #}
{% macro events_known_to(time) %}
    least({{ time }}, coalesce(
        (select max(logs_read_to) from {{ ref('syncs') }} where as_of <= {{ time }}),
        timestamp '1970-01-01'
    ))
{% endmacro %}

{% macro snapshot_get_time() %}
    {#- stg_grants and stg_admins, which are ready by now, stand on this seed. -#}
    (select max(as_of) from {{ target.schema }}.reads)
{% endmacro %}
{% macro duckdb__snapshot_get_time() %}{{ snapshot_get_time() }}{% endmacro %}
{% macro postgres__snapshot_get_time() %}{{ snapshot_get_time() }}{% endmacro %}

{# The day of a sync; only the demo may pretend its time. #}
{% macro sync_day(time) %}
    cast(cast({{ time }} as date) as varchar)
    || case when {{ time }} in (select as_of from {{ ref('syncs') }} where is_pretended) then ' (pretended)' else '' end
{% endmacro %}

{# How many days a deadline of settings.ini has; nothing where it is not set. #}
{% macro deadline(name) %}(select max({{ name }}) from {{ ref('deadlines') }}){% endmacro %}

{# Whether access ended in time. A day that is due is in time to its end, in UTC; where only the two
   syncs around the end are known, it may be late. #}
{% macro timeliness(is_there, there_at, gone_at) %}
    case
        when due_on is null then null
        when {{ is_there }} then case when due_on < cast({{ as_of() }} as date) then 'overdue' else 'open' end
        when cast({{ there_at }} as date) > due_on then 'late'
        when cast({{ gone_at }} as date) > due_on then 'perhaps late'
        else 'in time'
    end
{% endmacro %}
