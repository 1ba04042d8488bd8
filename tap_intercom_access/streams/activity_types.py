"""The event types that concern access, by the question that they answer."""

from __future__ import annotations

ACCESS_TYPES = {
    "Who has access: from the invitation to the removal": """
        admin_invite_creation admin_invite_change admin_invite_deletion app_admin_join
        admin_provisioned admin_deprovisioned admin_deletion
    """,
    "What they may do: permissions, roles and seats": """
        admin_permission_change role_creation role_change role_deletion seat_change seat_revoke
        inbox_access_change
    """,
    "Whose conversations they see: teams": """
        app_team_creation app_team_deletion app_team_membership_modification
    """,
    "Whether access is used, and by whom really: sign-ins and impersonation": """
        admin_login_success admin_login_failure admin_logout admin_password_reset_request
        admin_password_reset_success admin_two_factor_auth_change
        admin_unauthorized_sign_in_method admin_impersonation_start admin_impersonation_end
        admin_impersonation_consent_approved admin_impersonation_consent_revoked
    """,
    "How one signs in, and which programs have access": """
        app_authentication_method_change app_google_sso_domain_change security_settings_change
        app_package_installation app_package_uninstallation app_package_token_regeneration
        custom_authentication_token_creation oauth_token_revocation app_webhook_creation
        app_webhook_deletion
    """,
    "What vouches for users, and whom the workspace trusts": """
        messenger_api_secret_creation messenger_api_secret_deletion app_identity_verification_change
        trusted_domains_setting_change malicious_domains_setting_change
    """,
    "What may have left with people: exports": """
        app_data_export bulk_export conversation_pdf_export macro_usage_export
    """,
    "What may have been lost, or brought in: deletions and imports": """
        workspace_deletion_request app_data_deletion bulk_delete csv_import_creation
        csv_import_completion
    """,
}

DEFAULT_TYPES = [type_ for types in ACCESS_TYPES.values() for type_ in types.split()]
