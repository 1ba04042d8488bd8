{% macro access_in_words() %}
    case kind
        when 'workspace' then 'access to the workspace' when 'seat' then 'the inbox seat'
        else kind || ' ' || thing
    end
{% endmacro %}

{# What a signed list calls a person and a thing, where they are called otherwise now. #}
{% macro then_in_words() %}
    case
        when person_then <> coalesce(nullif(regexp_replace(trim(name), '\s+', ' ', 'g'), ''), admin_id)
            or email_then <> coalesce(email, '')
            then ' (in the list of ' || review || ': ' || person_then || ', ' || email_then || ')'
        else ''
    end
    || case
        when kind in ('role', 'team') and thing_then <> thing then ' (then called ' || thing_then || ')' else ''
    end
{% endmacro %}

{# When something is or was due. #}
{% macro due_in_words() %}
    case timeliness when 'overdue' then 'was ' else 'is ' end || cast(due_on as varchar)
{% endmacro %}
