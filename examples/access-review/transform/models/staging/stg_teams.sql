select id as team_id, coalesce(nullif(trim({{ text('name') }}), ''), id) as team_name
from {{ loaded('teams', {'id': 'varchar', 'name': 'varchar'}) }} as loaded
