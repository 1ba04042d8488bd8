-- The columns of Fivetran's table, so that models written for it work.
select
    admin_id, thing_id as team_id, count(*) = count(dbt_valid_to) as _fivetran_deleted,
    {{ as_of() }} as _fivetran_synced
from {{ ref('grant_history') }} where kind = 'team'
group by admin_id, thing_id
