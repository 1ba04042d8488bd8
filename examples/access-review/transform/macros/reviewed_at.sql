{% macro reviewed_at() %}
    {#- The time of this review; REVIEWED_AT sets another one, for demonstrations. -#}
    cast('{{ env_var("REVIEWED_AT", "") or run_started_at.strftime("%Y-%m-%d %H:%M:%S") }}' as timestamp)
{% endmacro %}

{% macro snapshot_get_time() %}
    {{ reviewed_at() }}
{% endmacro %}

{% macro duckdb__snapshot_get_time() %}
    {{ reviewed_at() }}
{% endmacro %}

{% macro previous_review() %}
    (select coalesce(max(reviewed_at), timestamp '1970-01-01') from {{ ref('reviews') }}
     where reviewed_at < {{ reviewed_at() }})
{% endmacro %}
