"""Access reviews of Intercom workspaces, from what tap-intercom-access reads."""
