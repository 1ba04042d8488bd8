"""Event types that concern access, by category. The tap reads them by default."""

from __future__ import annotations

ACCESS_TYPES = {
    "Access lifecycle (invite to removal)": """
        admin_invite_creation admin_invite_change admin_invite_deletion app_admin_join
        admin_provisioned admin_deprovisioned admin_deletion
    """,
    "Permissions, roles, and seats": """
        admin_permission_change role_creation role_change role_deletion seat_change seat_revoke
        inbox_access_change
    """,
    "Teams": """
        app_team_creation app_team_deletion app_team_membership_modification
    """,
    "Sign-ins and impersonation": """
        admin_login_success admin_login_failure admin_logout admin_password_reset_request
        admin_password_reset_success admin_two_factor_auth_change
        admin_unauthorized_sign_in_method admin_impersonation_start admin_impersonation_end
        admin_impersonation_consent_approved admin_impersonation_consent_revoked
    """,
    "Authentication settings, apps, and tokens": """
        app_authentication_method_change app_google_sso_domain_change security_settings_change
        app_package_installation app_package_uninstallation app_package_token_regeneration
        custom_authentication_token_creation oauth_token_revocation app_webhook_creation
        app_webhook_deletion
    """,
    "Messenger identity verification and trusted domains": """
        messenger_api_secret_creation messenger_api_secret_deletion app_identity_verification_change
        trusted_domains_setting_change malicious_domains_setting_change
    """,
    "Data exports": """
        app_data_export bulk_export conversation_pdf_export macro_usage_export
    """,
    "Deletions and imports": """
        workspace_deletion_request app_data_deletion bulk_delete csv_import_creation
        csv_import_completion
    """,
}

DEFAULT_TYPES = [type_ for types in ACCESS_TYPES.values() for type_ in types.split()]
