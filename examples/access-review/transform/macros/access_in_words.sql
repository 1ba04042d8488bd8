{% macro access_in_words() %}
    case kind
        when 'workspace' then 'access to the workspace' when 'seat' then 'the inbox seat'
        else kind || ' ' || thing
    end
{% endmacro %}

{# What a signed list calls a person and a thing, where they are called otherwise now. #}
{% macro then_in_words() %}
    coalesce(' (in the list of ' || review || ': ' || person_then || coalesce(', ' || email_then, '') || ')', '')
    || coalesce(' (then called ' || thing_then || ')', '')
{% endmacro %}

{# A name or address, or that there is none. #}
{% macro or_none(text, what) %}coalesce(nullif({{ text }}, ''), 'no {{ what }}'){% endmacro %}

{# A number of things. #}
{% macro counted(number, one) %}{{ number }} || case {{ number }} when 1 then ' {{ one }}' else ' {{ one }}s' end{% endmacro %}

{# When something is or was due. #}
{% macro due_in_words() %}
    case timeliness when 'overdue' then 'was ' else 'is ' end || cast(due_on as varchar)
{% endmacro %}
