-- The columns of Fivetran's table, so that models written for it work.
select
    people.admin_id as id, people.name, people.job_title,
    not people.is_there as _fivetran_deleted, {{ as_of() }} as _fivetran_synced
from {{ ref('people') }} as people
