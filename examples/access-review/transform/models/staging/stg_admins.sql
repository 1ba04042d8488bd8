-- depends_on: {{ ref('reads') }}: the snapshots take their time from it
select
    id as admin_id,
    {{ text('name') }} as name,
    nullif(lower(regexp_replace({{ text('email') }}, '^\s+|\s+$', '', 'g')), '') as email,
    {{ text('job_title') }} as job_title,
    has_inbox_seat,
    coalesce(role ->> 'id', nullif(trim({{ text("role ->> 'name'") }}), '')) as role_id,
    coalesce(nullif(trim({{ text("role ->> 'name'") }}), ''), role ->> 'id') as role_name
from {{ loaded('admins', {
    'id': 'varchar', 'name': 'varchar', 'email': 'varchar', 'job_title': 'varchar',
    'has_inbox_seat': 'boolean', 'role': 'json',
}) }} as loaded
