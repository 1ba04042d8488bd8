-- The columns of Fivetran's table, so that models written for it work.
select thing_id as id, name, not is_there as _fivetran_deleted, {{ as_of() }} as _fivetran_synced
from {{ ref('things') }} where kind = 'team'
