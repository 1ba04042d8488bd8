{# One row of item_facts: the item (a name or an expression), its account, and the values in its sentence. #}
{% macro fact(
    item, admin_id='null', subject="''", kind='null', thing='null', who='null', day='null', due_on='null',
    number='null', note='null'
) %}
    {{ item if ' ' in item else "'" ~ item ~ "'" }} as item,
    cast({{ admin_id }} as varchar) as admin_id, cast({{ subject }} as varchar) as subject,
    cast({{ kind }} as varchar) as kind, cast({{ thing }} as varchar) as thing, cast({{ who }} as varchar) as who,
    cast({{ day }} as date) as day, cast({{ due_on }} as date) as due_on, cast({{ number }} as integer) as number,
    cast({{ note }} as varchar) as note
{% endmacro %}
