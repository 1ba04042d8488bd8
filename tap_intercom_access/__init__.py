"""Singer tap that exports who has access to an Intercom workspace."""
