{# The rows of a stream as the last sync loaded them: where the two warehouses differ. #}

{% macro loaded(stream, columns) %}{{ adapter.dispatch('loaded')(stream, columns) }}{% endmacro %}

{% macro duckdb__loaded(stream, columns) %}
    {#- Of two rows with one key the later one counts, as in a database. -#}
    {%- set key = ['team_id', 'admin_id'] if stream == 'team_memberships' else ['id'] -%}
    (select distinct on ({{ key | join(', ') }}) * from (
        select *, row_number() over () as line from read_json(
            '{{ env_var("REVIEW_HOME") }}/output/load/{{ stream }}.jsonl', format = 'newline_delimited',
            columns = {{ '{' }}{% for name, type in columns.items() %}{{ name }}: '{{ type }}'{{ ', ' if not loop.last }}{% endfor %}{{ '}' }}
        )
    ) order by {{ key | join(', ') }}, line desc)
{% endmacro %}

{% macro postgres__loaded(stream, columns) %}
    {#- The target makes no table for a stream that was never selected. -#}
    {%- set relation = adapter.get_relation(target.database, 'intercom', stream) -%}
    {%- if relation -%}
    (select {{ columns | join(', ') }} from {{ relation }} where _sdc_deleted_at is null)
    {%- else -%}
    (select {% for name, type in columns.items() %}cast(null as {{ type }}) as {{ name }}{{ ', ' if not loop.last }}{% endfor %} where false)
    {%- endif -%}
{% endmacro %}

{% macro utc(column) %}{{ adapter.dispatch('utc')(column) }}{% endmacro %}
{% macro duckdb__utc(column) %}cast({{ column }} as timestamp){% endmacro %}
{% macro postgres__utc(column) %}(cast({{ column }} as timestamptz) at time zone 'UTC'){% endmacro %}

{% macro matches(text, pattern) %}{{ adapter.dispatch('matches')(text, pattern) }}{% endmacro %}
{% macro duckdb__matches(text, pattern) %}regexp_matches({{ text }}, {{ pattern }}){% endmacro %}
{% macro postgres__matches(text, pattern) %}({{ text }} ~ ({{ pattern }})){% endmacro %}

{# A text without NUL, which PostgreSQL cannot hold: target-postgres writes the same in its place. #}
{% macro text(column) %}{{ adapter.dispatch('text')(column) }}{% endmacro %}
{% macro duckdb__text(column) %}replace({{ column }}, chr(0), chr(65533)){% endmacro %}
{% macro postgres__text(column) %}{{ column }}{% endmacro %}
