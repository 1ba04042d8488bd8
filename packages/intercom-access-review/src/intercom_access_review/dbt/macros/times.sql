{# Models use the time of the last complete sync, so building them twice gives the same result. #}

{% macro as_of() %}(select max(as_of) from {{ source('input', 'sync_facts') }}){% endmacro %}
{% macro today() %}cast({{ as_of() }} as date){% endmacro %}
{% macro first_sync() %}(select min(as_of) from {{ ref('syncs') }}){% endmacro %}

{# Null if there is no review before this sync. #}
{% macro previous_review() %}
    (select max(reviewed_at) from {{ source('input', 'reviews') }} where reviewed_at < {{ as_of() }})
{% endmacro %}

{% macro snapshot_get_time() %}(select max(as_of) from {{ target.schema }}.sync_facts){% endmacro %}
{% macro duckdb__snapshot_get_time() %}{{ snapshot_get_time() }}{% endmacro %}
{% macro postgres__snapshot_get_time() %}{{ snapshot_get_time() }}{% endmacro %}

{# Whether access ended by its deadline. The deadline is included, until midnight UTC. Only the two
   syncs around the end are known, so it can be possibly late. #}
{% macro timeliness(is_there, there_at, removed_at) %}
    case
        when due_on is null then null
        when {{ is_there }} then case when due_on < {{ today() }} then 'overdue' else 'open' end
        when cast({{ there_at }} as date) > due_on then 'late'
        when cast({{ removed_at }} as date) > due_on then 'possibly late'
        else 'in time'
    end
{% endmacro %}
