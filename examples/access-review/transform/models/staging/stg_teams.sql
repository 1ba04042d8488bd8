select id as team_id, name as team_name
from {{ loaded('teams', {'id': 'varchar', 'name': 'varchar'}) }} as loaded
