{# Whether a sentence names somebody with the whole name: no letter, and no capital word, which may
   be a part of a longer name, stands beside it. An address stands between blanks or marks. #}

{% macro names(sentence, name) %}
    {{ matches(sentence, "'(^|[\"''“‘(<:\\[]\\s*|(^|\\s)[a-z0-9#]\\S*\\s+)' || " ~ literally(name) ~ " || '($|[\"''”’)>,;:!?\\]]|\\.(\\s|$)|\\s+[a-z0-9#\"''“‘(<\\[–-])'") }}
{% endmacro %}

{% macro has_address(sentence, address) %}
    {{ matches(sentence, "'(^|[\\s\"''“‘(<:,\\[])' || " ~ literally(address) ~ " || '($|[\\s\"''”’)>,;:!?\\]]|\\.(\\s|$))'") }}
{% endmacro %}

{# Whether a sentence says that a name is that of a role or team, whoever else is called so. #}
{% macro is_kind_named(sentence, name) %}
    {{ matches(sentence, "'([Rr]ole|[Tt]eam):?\\s+[\"''“‘]?' || " ~ literally(name) ~ " || '|' || " ~ literally(name) ~ " || '[\"''”’]?\\s+(role|team)'") }}
{% endmacro %}

{# Whether a sentence seems to name somebody, of which whatever it is known to name was taken out. #}
{% macro names_somebody(sentence) %}
    {{ matches(sentence, "'@|([Oo]f|[Tt]o|[Ff]rom|[Ff]or)\\s+[\"''“‘]?[[:upper:]]|[[:upper:]]\\S*[''’]s\\s'") }}
{% endmacro %}

{% macro literally(text) %}regexp_replace({{ text }}, '([]\\.*+?^$(){}|[])', '\\\1', 'g'){% endmacro %}
