{# Every time is that of the last complete sync, so that building twice gives the same. #}

{% macro as_of() %}(select max(as_of) from {{ ref('reads') }}){% endmacro %}

{% macro previous_review() %}
    (select coalesce(max(reviewed_at), timestamp '1970-01-01') from {{ ref('reviews') }}
     where reviewed_at < {{ as_of() }})
{% endmacro %}

{% macro snapshot_get_time() %}
    {#- stg_grants and stg_admins, which are ready by now, stand on this seed. -#}
    (select max(as_of) from {{ target.schema }}.reads)
{% endmacro %}
{% macro duckdb__snapshot_get_time() %}{{ snapshot_get_time() }}{% endmacro %}
{% macro postgres__snapshot_get_time() %}{{ snapshot_get_time() }}{% endmacro %}
