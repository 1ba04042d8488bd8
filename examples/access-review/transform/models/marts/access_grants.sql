-- Who has what now, and since which review or earlier.
select
    grants.grant_key,
    grants.admin_id,
    admins.name,
    admins.email,
    admins.job_title,
    grants.kind,
    grants.thing,
    grants.level,
    grants.dbt_valid_from as since
from {{ ref('grant_history') }} as grants
left join {{ ref('stg_admins') }} as admins using (admin_id)
where grants.dbt_valid_to is null
