select
    id as workspace_id,
    {{ text('name') }} as name,
    region,
    token_admin_id,
    token_admin_name,
    lower(token_admin_email) as token_admin_email,
    api_version,
    read_by
from {{ loaded('workspaces', {
    'id': 'varchar', 'name': 'varchar', 'region': 'varchar', 'token_admin_id': 'varchar',
    'token_admin_name': 'varchar', 'token_admin_email': 'varchar', 'api_version': 'varchar',
    'read_by': 'varchar',
}) }} as loaded
