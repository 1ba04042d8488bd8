-- Which events tell of which change of access.
select types.change, types.activity_type from (values
    ('joined', 'admin_invite_creation'), ('joined', 'admin_provisioned'),
    ('left', 'admin_deletion'), ('left', 'admin_deprovisioned'),
    ('role given', 'role_change'), ('role given', 'admin_permission_change'),
    ('role changed', 'role_change'), ('role changed', 'admin_permission_change'),
    ('role taken', 'role_change'), ('role taken', 'admin_permission_change'),
    ('seat given', 'seat_change'), ('seat taken', 'seat_change'), ('seat taken', 'seat_revoke'),
    ('team given', 'app_team_membership_modification'), ('team given', 'app_team_creation'),
    ('team changed', 'app_team_membership_modification'),
    ('team taken', 'app_team_membership_modification'), ('team taken', 'app_team_deletion')
) as types (change, activity_type)
