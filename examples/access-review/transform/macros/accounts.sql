{# What an account is. Intercom lists its own bot (Fin, before that Operator) like a teammate; it may
   be renamed and have an inbox seat, so its address tells, and nothing else. #}

{% macro is_bot(email) %}
    coalesce({{ matches("lower(trim(" ~ email ~ "))", "'^operator[+][a-z0-9_-]+@intercom[.]io$'") }}, false)
{% endmacro %}

{# An address without what stands behind a plus: both reach the same mailbox. #}
{% macro mailbox(email) %}regexp_replace({{ email }}, '[+][^@]*@', '@'){% endmacro %}
{% macro local_part(email) %}split_part(split_part({{ email }}, '@', 1), '+', 1){% endmacro %}

{# A name as people see it: characters that nobody sees, and the number of blanks, tell nothing. #}
{% macro seen(name) %}
    {%- set blank = "\\s" ~ "\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000" -%}
    {%- set blanks = "'[" ~ unseen() ~ "]*[" ~ blank ~ "][" ~ blank ~ unseen() ~ "]*'" -%}
    trim(regexp_replace(regexp_replace({{ name }}, {{ blanks }}, ' ', 'g'), '[{{ unseen() }}]', '', 'g'))
{%- endmacro %}
{% macro unseen() %}[:cntrl:]{{ "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffd\U000e0000-\U000e0fff" }}{% endmacro %}

{# A name as people compare it: without regard to case and blanks. #}
{% macro folded(name) %}lower({{ seen(name) }}){% endmacro %}
