{# What an account is. Intercom lists its own bot (Fin, before that Operator) like a teammate; it may
   be renamed and have an inbox seat, so its address tells, and nothing else. #}

{% macro is_bot(email) %}
    coalesce({{ matches("lower(trim(" ~ email ~ "))", "'^operator[+][a-z0-9_-]+@intercom[.]io$'") }}, false)
{% endmacro %}

{# An address without what stands behind a plus: both reach the same mailbox. #}
{% macro mailbox(email) %}regexp_replace({{ email }}, '[+][^@]*@', '@'){% endmacro %}
{% macro local_part(email) %}split_part(split_part({{ email }}, '@', 1), '+', 1){% endmacro %}

{# A name as people compare it: without regard to case and blanks. #}
{% macro folded(name) %}lower(regexp_replace(trim({{ name }}), '\s+', ' ', 'g')){% endmacro %}
