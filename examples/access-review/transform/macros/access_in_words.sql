{% macro access_in_words() %}
    case kind
        when 'workspace' then 'access to the workspace' when 'seat' then 'the inbox seat'
        else kind || ' ' || thing
    end
{% endmacro %}
