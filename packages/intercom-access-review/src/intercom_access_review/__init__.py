"""Access reviews of Intercom workspaces, based on tap-intercom-access."""
