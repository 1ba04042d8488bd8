-- Fivetran's table of who is in which team.
select
    admin_id, thing_id as team_id, count(*) = count(dbt_valid_to) as _fivetran_deleted,
    {{ as_of() }} as _fivetran_synced
from {{ ref('grant_history') }} where kind = 'team'
group by admin_id, thing_id
