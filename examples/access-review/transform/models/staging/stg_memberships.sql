select team_id, admin_id, priority_level
from {{ source('intercom', 'team_memberships') }}
