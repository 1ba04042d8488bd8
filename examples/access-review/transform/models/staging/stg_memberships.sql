select team_id, admin_id, priority_level
from {{ loaded('team_memberships', {
    'team_id': 'varchar', 'admin_id': 'varchar', 'priority_level': 'varchar',
}) }} as loaded
