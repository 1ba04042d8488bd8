select
    id as admin_id,
    name,
    lower(email) as email,
    job_title,
    has_inbox_seat,
    role ->> 'name' as role_name,
    _sdc_extracted_at as read_at
from {{ source('intercom', 'admins') }}
