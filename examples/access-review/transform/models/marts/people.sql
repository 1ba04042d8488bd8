-- Everybody who ever had access, as they were seen last.
select distinct on (admin_id)
    admin_id, name, email, job_title, role_name, dbt_valid_to is null as is_there
from {{ ref('admin_history') }}
order by admin_id, dbt_valid_from desc
