-- depends_on: {{ ref('reads') }}: the snapshots take their time from it
select
    id as admin_id,
    name,
    lower(email) as email,
    job_title,
    has_inbox_seat,
    coalesce(nullif(trim(role ->> 'name'), ''), role ->> 'id') as role_name
from {{ loaded('admins', {
    'id': 'varchar', 'name': 'varchar', 'email': 'varchar', 'job_title': 'varchar',
    'has_inbox_seat': 'boolean', 'role': 'json',
}) }} as loaded
